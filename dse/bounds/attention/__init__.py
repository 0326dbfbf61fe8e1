"""The second count of each kind of attention, one file a kind; none looks at how the equations count it."""
