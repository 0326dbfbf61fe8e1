"""Bounds that no machine and no prediction can beat.

The speed of light, and the work that a network needs, counted from its architecture independently of the
cost model.
"""
