"""One verb a file.

`studies` search and show studies, `chips` ask about chips, `data` handle configs and measurements.
"""
