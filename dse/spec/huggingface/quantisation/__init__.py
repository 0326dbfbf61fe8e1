"""Number formats of a checkpoint, from what its quantisation says."""
