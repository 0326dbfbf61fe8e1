"""Families whose code comes with the checkpoint, or that inference engines alone have."""
