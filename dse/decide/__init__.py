"""What to make of a front.

Compare chips, judge verdicts, propose a chip, explain a design, change assumptions, and say how sure all
of it is. Results are plain data; `dse.report` draws them.
"""
