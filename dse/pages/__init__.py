"""Pages that are committed beside the studies, every number in them generated."""
