"""Verbs that handle configs and measurements.

Catalog, new, schema, check, import, validate, calibrate and bench.
"""
