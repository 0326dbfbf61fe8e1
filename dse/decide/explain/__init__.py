"""Why one design is what it is.

Its breakdown, every single change of it, the marginal value of each resource, and the published numbers
that it depends on.
"""
