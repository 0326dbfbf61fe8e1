"""Verbs that handle configs and measurements: catalog, check, import, validate, calibrate, bench."""
