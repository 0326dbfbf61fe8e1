"""Drafted tokens of a measured row, where it states how many were accepted."""

import re
from typing import Final

from dse.validate.measured.rows import Measured
from objectives import api
from objectives.equations.step.speculation import tokens_per_step

MODULES: Final = r"MTP-?(\d{1,3})$"
"""Drafts by modules of one layer each, such as DeepSeek's multi-token prediction (arXiv 2412.19437)."""


def drafted(row: Measured, llm: api.Llm) -> api.Speculation | None:
    """The drafts of a row that names its modules and the tokens that a step yielded; None for any other.

    The chance that a draft is accepted is that which yields so many tokens a step, found by bisection. A
    module is one layer, and so costs that share of a step.
    """
    found = re.match(MODULES, row.spec_decode, re.IGNORECASE)
    if found is None or row.accepted is None:
        return None
    length, cost = int(found[1]), 1.0 / llm.layers
    low, high = 0.0, 1.0
    for _ in range(60):  # halves [0, 1] below the precision of a float
        middle = (low + high) / 2.0
        yields = tokens_per_step(api.Speculation(length=length, acceptance=middle, cost=cost))
        # tokens of a step rise with acceptance
        low, high = (middle, high) if yields < row.accepted else (low, middle)
    return api.Speculation(length=length, acceptance=low, cost=cost)
