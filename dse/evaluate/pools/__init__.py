"""Estimates of systems of two or three pools of unlike chips."""
