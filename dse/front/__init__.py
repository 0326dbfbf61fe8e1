"""Dominance, the stored front and questions to it. The only door of moocore, pandas and pyarrow."""
