"""From specs to columns.

A chip, its software stack, its network and its price become the arrays that cost models read. Prices,
silicon, number formats, link reach, the branches of a search space and what measurements anchor a chip
belong here.
"""
