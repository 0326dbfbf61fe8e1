"""Iterations of a scheduler: any sequences that decode and any chunk of prompts in one pass.

Here belongs what one iteration takes; who is in it is decided by a serving mode, or by a simulation.
"""
