"""JSON Schemas of the files, for editors.

Generated from the specs; texts with units become patterns.
"""
