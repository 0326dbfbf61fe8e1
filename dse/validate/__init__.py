"""Predictions compared with published values.

Measured systems, claims of the article, silicon, and other cost models.
"""
