"""Which deployment of a chip is the best, decided in one place for every verb."""
