"""Everything that exists, by name, alias or path.

Lookups, spellings of names, the folders that are searched, and checks of the names in a study.
"""
