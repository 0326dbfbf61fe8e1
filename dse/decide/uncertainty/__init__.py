"""How sure a result is.

Samples of every uncertain number, quantiles of a design, and how often each chip wins.
"""
