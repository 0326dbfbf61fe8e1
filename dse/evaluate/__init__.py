"""Designs in, metrics out.

One estimate in full, a batch of a study, a mix of workloads, a chip sheet, a stored design with its
breakdown, and the speed of all of it.
"""
