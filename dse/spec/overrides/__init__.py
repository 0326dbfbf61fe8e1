"""Numbers of a config replaced by others.

Those of the command line (`--set`), of the settings of a study, and of questions of "what if".
"""
