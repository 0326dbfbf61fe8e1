"""The plots of `dse plot` and of a study's page, one a file, each registered under `dse.plots`.

A plot says what it needs, draws its picture with the ink of `dse.report.plots`, and gives a page its figure.
External plots are registered in the same way and found in the same places.
"""
