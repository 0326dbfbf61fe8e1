"""The science of `dse`: pure functions of arrays, with no files, no search engine and no tables.

Import `objectives.api` to write a cost model, an objective or a constraint of your own.
"""
