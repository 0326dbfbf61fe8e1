"""What verbs do with studies of pools of unlike chips."""
