"""Sizes of LLMs, counted from their layers, beside what their publishers say."""
