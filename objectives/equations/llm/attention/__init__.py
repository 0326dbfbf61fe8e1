"""Attention layers, one file for each kind, behind one table.

Here belongs what differs between kinds of attention: weights, KV cache or state, FLOP, what a row sees. A
file holds the functions of `kinds.AttentionKind` for one class of `objectives.attention_layers`; a kind from
outside registers the same functions with `kinds.register`.
"""
