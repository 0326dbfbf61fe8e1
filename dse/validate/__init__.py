"""Predictions held against what others published.

Measured systems, claims of the article, silicon, and other cost models.
"""
