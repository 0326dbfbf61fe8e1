"""Optuna storages: opened by URL, written in bulk, shared, locked, proxied and read without writing."""
