"""The frozen specs, one kind a file.

Chip, LLM, workload, stack, network, economy, study, space and technology.
"""
