"""Families of LLMs since 2024, by what their layers have in common."""
