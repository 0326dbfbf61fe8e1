"""The documentation: pages in Markdown, and `generate`, which makes the pages that follow from the code."""
