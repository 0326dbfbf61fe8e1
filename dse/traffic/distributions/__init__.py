"""Distributions of lengths of prompts and answers: one by one, together, as moments, as a few nodes."""
