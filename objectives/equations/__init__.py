"""What we believe of chips that serve LLMs: pure functions, arrays in, arrays out, in SI units.

Rooms from the bottom up: `chip` (one chip and its memories), `interconnect` (links between chips), `llm` (the
network, counted per chip), `fabrication` (how a chip is made), `cost` (dollars and joules), `step` (one pass
through all layers and stages), `serving` (how requests share a system). A room imports rooms below it only.
"""
