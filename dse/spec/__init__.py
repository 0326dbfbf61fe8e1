"""YAML in, frozen typed specs out.

SI units, sources, and every problem at once with its file and line. The only door of pydantic, PyYAML and
pint.
"""
