"""Chips side by side at equal latency targets.

The best deployments of each, prices that may rank against each other, spreads and verdicts.
"""
