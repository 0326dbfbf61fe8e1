"""Event simulation: requests that arrive, wait, join the batch of a replica, and leave.

Here belongs who is served when; how long an iteration takes is the cost model's.
"""
