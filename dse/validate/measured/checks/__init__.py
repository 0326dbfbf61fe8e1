"""What is odd about measured rows: systems without room, runs that contradict themselves, units."""
