"""The search of a study, and the only package that imports Optuna.

A run makes trials by a sampler, keeps them in a storage and writes the front of their designs; a sweep
evaluates every design of a grid; a bound proves how much better any chip of the space could be.
"""
