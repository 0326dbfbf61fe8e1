"""Every design of a discretised space, evaluated: the exact front of a grid, block by block."""
