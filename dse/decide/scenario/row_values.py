"""What a row of a table says of an objective, also where it is met with a probability."""

from dse.choose.confidence import AtConfidence, margin
from dse.evaluate.batch import axis_of
from dse.front.tables import Row
from dse.question.error_bars import METRICS, intervals_in
from dse.question.resolved_study import ResolvedStudy
from dse.question.unanchored import family
from objectives import api


def value_in(study: ResolvedStudy, row: Row, goal: api.Objective) -> float | None:
    """The objective in a row of a front of `study`, in its unit; None where no column holds it.

    A front that was searched without a probability has the estimate, which gets the margin of the chip.
    """
    own = row.get(axis_of(goal).column)
    if own is not None or not isinstance(goal, AtConfidence):
        return None if own is None else float(own)
    median = row.get(axis_of(goal.of).column)
    known = intervals_in(study.setting, study.branches, study.baselines.values())
    factors = {name: intervals for name, _, intervals in known}
    factor = factors.get(family(str(row["chip"]), str(row["role"])), {}).get(METRICS[goal.interval])
    if median is None or factor is None:
        return None
    times = margin(factor, goal.confidence)
    return float(median) * times if goal.direction == "minimize" else float(median) / times
