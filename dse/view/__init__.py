"""The server of `dse view`: live pages of studies for a browser on the same machine, read only.

It serves the pages of `dse.report`, follows runs by reading their storages, and shows Optuna's dashboard.
"""
