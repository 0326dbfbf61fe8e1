"""Sizes of LLMs, counted from their layers, and what their publishers say."""
