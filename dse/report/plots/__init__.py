"""One plot a file, drawn from data that `dse.report.info` computed; the registry finds a plot by name."""
