"""Published die areas, powers and unit costs, and how far predictions are off."""
