"""A package of somebody else that adds a metric with its objective, a price method and a plot to `dse`."""
