"""What verbs print about studies and designs, for people.

Breakdowns, designs at targets, cases, comparisons, verdicts, uncertainty and summaries of runs.
"""
