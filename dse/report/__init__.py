"""Computed info first, pictures second. The only door of the plotting libraries."""
