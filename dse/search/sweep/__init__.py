"""A sweep: every design of a grid is evaluated in blocks, and the exact front is kept.

Blocks are solved by threads of this process or by the machines of a cluster; what is done is in a checkpoint.
"""
