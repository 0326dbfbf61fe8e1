"""Branch and bound over boxes of chips: a proven bound on how much better than a front any chip could be.

A box is bounded by an optimistic chip, the best corner of every column; `prove` reports the gap, and `exact`
finds the exact front of a grid without evaluating most of it.
"""
