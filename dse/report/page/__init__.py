"""Self-contained HTML pages.

Their shell, tables and cards, the data of their scripts, and the report of a study.
"""
