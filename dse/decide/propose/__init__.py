"""The chip to build.

Candidates, rounding to sizes that can be built, the rivals it must beat, the inputs that would change
it, and its files.
"""
