"""Layers of an LLM that draft for it: what they keep on a chip, and the passes of a draft."""
