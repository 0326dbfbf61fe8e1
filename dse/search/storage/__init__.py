"""Storages of trials: opened by URL, written in bulk, shared by many runs, locked, and shown read only.

What is private to Optuna is used in `optuna_private` alone.
"""
