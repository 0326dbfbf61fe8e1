"""Pages that are made while the site is built, so that none of them can be out of date.

File formats come from the specs, commands from the command line, the Python API and the equations from their
docstrings, studies from `studies/`. `hooks` is what mkdocs calls. Not part of the wheel.
"""
