"""Verbs that run a study or show its results.

Run, sweep, worker, serve-storage, front, plot, report and view.
"""
