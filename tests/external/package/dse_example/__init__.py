"""A package of somebody else: a metric with its objective, a price method, a plot, a kind of attention."""
