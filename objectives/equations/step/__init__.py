"""One step of an engine: a pass of rows through all layers and pipeline stages, and what it needs on a chip.

Here belongs what one pass takes: seconds by operator, pipeline stages, drafts, prompts found in a cache. How
passes of many requests share a system is in `serving`.
"""
