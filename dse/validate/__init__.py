"""Claims and measurements of others, held against our cost models."""
