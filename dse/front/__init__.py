"""Fronts: dominance, the running archive, tables, the files of a results folder, and queries of a front.

The only package that imports moocore, pandas and pyarrow.
"""
