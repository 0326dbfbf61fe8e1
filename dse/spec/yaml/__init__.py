"""YAML text to plain data with line numbers, to specs, and back; units and sourced values."""
