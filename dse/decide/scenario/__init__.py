"""One question under other assumptions.

Named assumptions, scenarios as an axis of a batch, the best deployments in each, and the break-even
between kinds of chips.
"""
