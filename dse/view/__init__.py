"""Studies in a browser of the same machine, live, and nothing that can be written."""
