"""Contract kits that every plug-in, ours or another package's, must pass."""
