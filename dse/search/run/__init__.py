"""One run of a study.

Hand out tasks, make trials in worker processes or on a cluster, gather their rows, keep the front while it
grows, and survive kills.
"""
