"""Families whose layers keep a state of a kind of their own: short convolutions, Mamba-1, RWKV."""
