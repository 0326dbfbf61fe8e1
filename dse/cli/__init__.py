"""The command line: one verb, one file. The only door of typer and rich."""
