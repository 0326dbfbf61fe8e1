"""Which kind of chip wins at each target under each software, and what would change the winner.

Stored fronts under other software, walks over the space, verdicts of a study.
"""
