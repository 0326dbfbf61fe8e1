"""Samplers by name, and the Pareto sampler with the unit cubes that it works in."""
