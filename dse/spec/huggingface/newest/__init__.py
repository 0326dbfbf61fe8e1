"""Families of LLMs that Transformers 5 added, and the old ones that were left out so far."""
