"""How requests share a system: one file for each serving mode, and the queueing formulas that they share.

Here belongs what steps of decode and passes over prompts make of each other: waits, throughput, pools.
"""
