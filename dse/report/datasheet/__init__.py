"""The datasheet of a proposed chip.

Its sections as plain text, its data for programs, its uncertainty, and the page.
"""
