"""The keys of attention in the file of an LLM, one kind a file, and the table of all registered kinds."""
