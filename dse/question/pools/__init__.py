"""Questions about systems of pools of unlike chips."""
