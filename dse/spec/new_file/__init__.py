"""What `dse new` writes: a small valid file of a kind from `templates`, with a comment for each key.

The comments are the descriptions of the keys in their JSON Schema, which are the docstrings of the specs.
"""
