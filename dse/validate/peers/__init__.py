"""What other cost models predict for the same machines."""
