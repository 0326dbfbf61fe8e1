"""Which kind of chip wins at each target under each software, and what would change the winner.

Verdicts of studies and runs, stored fronts under other software, and local searches over the space.
"""
