"""What plots and pages show, computed as plain data before anything is drawn."""
