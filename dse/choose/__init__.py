"""Which deployment of a chip is the best, decided in one place for every verb.

The rule, the solver over the whole grid of deployments, and why a deployment misses.
"""
