"""How much wider error bars are for what the rows of a stack hardly had: LLMs, experts, joined replicas."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np

from dse.calibrate.left_out import FEW_ROWS, metric_of, on_top
from dse.calibrate.profile import rounded
from dse.spec.schema.system import Unlike
from dse.validate.measured.batches import Case

ORDER: Final[tuple[Unlike, ...]] = ("llm", "experts", "joined")
"""What comes on top of what: each is an error beyond those before it."""


@dataclass(frozen=True, kw_only=True)
class Missed:
    """A row under a fit that had seen no row of its LLM."""

    case: Case
    error: float
    """log(predicted / measured)."""


def widened(
    found: Iterable[Missed], own: Mapping[str, Mapping[str, float]]
) -> dict[Unlike, dict[str, float]]:
    """Metric to the factor that lets intervals hold 80 % of the rows whose LLM was left out.

    `own` are the intervals of the stacks without it. Dense LLMs say what an LLM without measurements adds;
    mixtures what experts add to that, and replicas that share them to both. Metrics with fewer than
    `FEW_ROWS` such rows have no factor.
    """
    out: dict[Unlike, dict[str, float]] = {what: {} for what in ORDER}
    rows = list(found)
    for metric in sorted({metric_of(m.case) for m in rows}):
        mine = [m for m in rows if metric_of(m.case) == metric and metric in own.get(m.case.stack.name, {})]
        # what the intervals hold already, squared in logarithms
        held = 0.0
        for what in ORDER:
            there = [m for m in mine if _kind(m.case) == what]
            if len(there) < FEW_ROWS:
                continue
            errors = np.asarray([m.error for m in there])
            known = np.log([own[m.case.stack.name][metric] for m in there])
            factor = on_top(errors, np.sqrt(known**2 + held))
            held += float(np.log(factor)) ** 2
            # three digits are written down
            if rounded(factor) > 1.0:
                out[what][metric] = factor
    return {what: by for what, by in out.items() if by}


def of_architectures(
    found: Iterable[Missed],
    own: Mapping[str, Mapping[str, float]],
    top: Mapping[Unlike, Mapping[str, float]],
) -> dict[str, float]:
    """Metric to what an architecture without rows adds to the interval of the class, architectures alike.

    `found` are rows under fits that had seen none of their architecture, `own` the intervals that they have
    as rows of an unmeasured chip, `top` what experts and joined replicas add.
    """
    out: dict[str, float] = {}
    rows = list(found)
    for metric in sorted({metric_of(m.case) for m in rows}):
        mine = [m for m in rows if metric_of(m.case) == metric and metric in own.get(m.case.stack.name, {})]
        if len(mine) < FEW_ROWS:
            continue
        known = [log(own[m.case.stack.name][metric]) ** 2 + _more(m.case, metric, top) for m in mine]
        names = [m.case.chip.architecture or "" for m in mine]
        factor = on_top(np.asarray([m.error for m in mine]), np.sqrt(known), names)
        if rounded(factor) > 1.0:
            out[metric] = factor
    return out


def _more(case: Case, metric: str, top: Mapping[Unlike, Mapping[str, float]]) -> float:
    """What experts and joined replicas add to the square of an interval in logarithms."""
    kinds: dict[Unlike, tuple[Unlike, ...]] = {"experts": ("experts",), "joined": ("experts", "joined")}
    return sum(log(top.get(what, {}).get(metric, 1.0)) ** 2 for what in kinds.get(_kind(case), ()))


def _kind(case: Case) -> Unlike:
    """The last error that a row of an unknown LLM has."""
    if not case.llm.expert_count:
        return "llm"
    return "joined" if (case.layout.ep or 1.0) > case.layout.tp else "experts"
