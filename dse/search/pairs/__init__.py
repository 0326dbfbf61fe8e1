"""Search among pairs of pools of unlike chips."""
