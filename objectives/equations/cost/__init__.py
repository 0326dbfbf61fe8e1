"""Dollars and joules of a system in use: capital, running cost, the price of a token, energy at the meter.

Here belongs what turns chips, seconds and resources into money and energy. The cost of making a chip is in
`fabrication`.
"""
