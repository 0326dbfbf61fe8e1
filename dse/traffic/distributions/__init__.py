"""Distributions of the lengths of prompts and answers: one by one, together, as moments and as a few nodes."""
