"""The network: elements, bytes and FLOP of its layers on one chip, sharded over TP and EP.

Here belongs what is counted from an architecture before any chip gives it a speed. Each kind of attention
has a file of its own, which the table in `attention` finds.
"""
