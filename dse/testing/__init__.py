"""Contract kits that every plug-in, ours or a stranger's, must pass."""
