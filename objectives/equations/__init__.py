"""One subject per file; pure functions that read like the papers they cite."""
