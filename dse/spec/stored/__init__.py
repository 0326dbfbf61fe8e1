"""Schemas of stored results: what a results folder may hold, checked before anything of it is used."""
