"""The best pair at each target, within each group of prices, and the best of those that may not win."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dse.front.axis import Axis
from dse.front.query import best_at_targets
from dse.front.tables import Row, Table, plain_rows
from dse.question.pools.eligibility import PairEligibility
from dse.report.pairs.words import standing_of
from dse.report.words.eligibility import Eligibility


@dataclass(frozen=True, kw_only=True)
class BestPair:
    """The best of some pairs."""

    prices: str
    """What it ranks among."""
    target: float | None
    """Of the swept objective, in SI; None without targets."""
    row: Row | None
    """None where no pair meets the target."""
    ranked: bool
    """Whether it may win: pairs of unanchored chips may not."""


def best_pairs(
    rows: Sequence[Row], eligible: PairEligibility, goal: Axis, swept: Axis | None, targets: Sequence[float]
) -> Iterator[BestPair]:
    """Group by group, and target by target: the best that may win, and behind it the best that may not."""
    of_rows = dict.fromkeys(standing_of(eligible, row)[0] for row in rows)
    for group in dict.fromkeys((*eligible.groups, *of_rows)):
        some = [row for row in rows if standing_of(eligible, row)[0] == group]
        if not some:
            continue
        for target in targets if swept is not None and targets else (None,):
            met = some
            if swept is not None and target is not None:
                met = [row for row in some if _meets(swept, float(row[swept.column]), target)]
            apart = {True: [], False: []} if met else {True: met}
            for row in met:
                apart[eligible.may_win(standing_of(eligible, row))].append(row)
            for ranked, own in apart.items():
                if own or ranked:
                    yield BestPair(prices=group, target=target, row=_best(own, goal), ranked=ranked)


def _meets(axis: Axis, value: float, target: float) -> bool:
    return value >= target if axis.maximised else value <= target


def _best(rows: Sequence[Row], goal: Axis) -> Row | None:
    sign = -1.0 if goal.maximised else 1.0
    return min(rows, key=lambda row: sign * float(row[goal.column]), default=None)


def others_at(
    ranked: Table, eligible: Eligibility, target: Axis, limits: Sequence[float], goal: Axis
) -> list[Row | None]:
    """At each target the best pair of other chips, or of other kinds of searched ones, than the best pair."""
    found: list[Row | None] = []
    families = [eligible.family(str(chip), "") for chip in ranked["chip"]] if len(ranked) else []
    for limit in limits:
        best = _at(ranked, target, limit, goal)
        own = None if best is None else eligible.family(str(best["chip"]), "")
        others = ranked[[name != own for name in families]]
        found.append(None if best is None else _at(others, target, limit, goal))
    return found


def _at(rows: Table, target: Axis, limit: float, goal: Axis) -> Row | None:
    if not len(rows):
        return None
    (row,) = plain_rows(best_at_targets(rows, target, [limit], goal))
    return row if row["found"] else None
