"""What a checkpoint says besides sizes: the formats of its weights."""
