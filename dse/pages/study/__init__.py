"""The page of one study.

Its template, and what the template may ask of stored fronts: numbers, tables, pictures and datasheets.
"""
