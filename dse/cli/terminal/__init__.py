"""The terminal itself.

Tables, numbers, progress, machine-readable output, options that all verbs share, and exit codes of errors.
"""
