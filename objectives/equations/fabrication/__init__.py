"""How a chip is made: area of its parts, dies and their yield, package, power, and the cost of a unit.

Here belongs what turns a blueprint and the constants of a technology into square metres, watts and dollars.
"""
