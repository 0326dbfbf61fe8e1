"""A stack fitted to steps of two recorded runs, instead of to published means."""
