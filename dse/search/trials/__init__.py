"""Trials as data.

Their parameters, their JSON, how they are read from a storage and turned back into designs.
"""
