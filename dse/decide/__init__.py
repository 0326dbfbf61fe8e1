"""What to make of a front.

Compare chips, propose a chip, explain a design, change assumptions, check whether verdicts depend on
software, and quantify uncertainty. Results are plain data; `dse.report` draws them.
"""
