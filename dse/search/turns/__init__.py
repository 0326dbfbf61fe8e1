"""Proofs for pairs of pools that take turns: branch and bound over pairs of boxes of chips."""
