"""What a command line names.

Shared options, and readers that look up chips, studies, results, plug-ins and output files before any work
begins.
"""
