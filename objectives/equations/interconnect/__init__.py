"""Links between chips: topologies, collectives, sends between pipeline stages, and how far links reach.

Here belongs what bytes between chips cost in seconds, dollars and watts, whatever they carry.
"""
