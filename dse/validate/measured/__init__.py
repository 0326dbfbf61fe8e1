"""Tables of measured systems.

How rows are read and spelled, which layout and engine they mean, and what is predicted for them.
"""
