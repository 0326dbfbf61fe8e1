"""A question with every name in it looked up.

The resolved study, its targets and layouts, numbers that a study or a command overrides, and the chips
that no measurement anchors.
"""
