"""The best pairs of a front at each target under samples of the uncertain numbers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dse.choose.rule import merged
from dse.decide.pairs.design import pair_of_row, rows_of
from dse.decide.pairs.sampled import Asked, Contender, SampledPairs, sampled_at
from dse.evaluate.batch import axis_of
from dse.front.files import Front
from dse.question.pools.study import PooledStudy
from dse.report.pairs.words import eligible_of, standing_of
from dse.report.words.quantities import NONE
from objectives import api

MOST = 6
"""Pairs of chips that are compared at a target: the best ones."""
COLUMNS = ("pair", "P10", "median", "P90", "best in", "meets target in", "mean regret")
"""Heads of a table of pairs under samples."""


@dataclass(frozen=True, kw_only=True)
class SampledTarget:
    """Pairs of one group of prices at one target."""

    prices: str
    target: float | None
    """Of the swept objective; None where none is swept."""
    found: SampledPairs

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {"ranks_among": self.prices, "target": self.target, **self.found.as_dict()}


def sampled_front(study: PooledStudy, front: Front, samples: int, seed: int = 1) -> list[SampledTarget]:
    """The best pairs of a stored front at each target, each group of prices by itself."""
    asked = list(_asked(study, front))
    found = sampled_at(study, [each for _, _, each in asked], samples, seed)
    return [
        SampledTarget(prices=prices, target=target, found=of)
        for (prices, target, _), of in zip(asked, found, strict=True)
    ]


def _asked(study: PooledStudy, front: Front) -> Iterator[tuple[str, float | None, Asked]]:
    """The best rows of each pair of chips that may win, by group of prices and target."""
    eligible, swept, goal = eligible_of(front, study), study.first.swept, axis_of(study.first.goal)
    rows = [row for row in rows_of(front) if eligible.may_win(standing_of(eligible, row))]
    sign = -1.0 if goal.maximised else 1.0
    ranked = sorted(rows, key=lambda row: sign * float(row[goal.column]))
    for prices in dict.fromkeys(standing_of(eligible, row)[0] for row in rows):
        own = [row for row in ranked if standing_of(eligible, row)[0] == prices]
        for target in study.spec.report_at if swept is not None else (None,):
            met = own
            limits = study.limits
            if swept is not None and target is not None:
                met = [row for row in own if float(row[axis_of(swept).column]) <= target]
                limits = merged(limits, ((swept, target),))
            best = {str(row["chip"]): row for row in reversed(met)}
            some = [row for row in met if best[str(row["chip"])] is row][:MOST]
            if some:
                yield prices, target, ([Contender.of(pair_of_row(study, row)) for row in some], limits)


def sampled_cells(
    found: SampledPairs, goal: api.Objective, text: Callable[[float, str], str]
) -> Iterator[list[str]]:
    """The cells of each pair under `COLUMNS`; `text` writes a number with its unit."""
    wins, feasible = found.drawn.wins, found.drawn.feasible
    for i, name in enumerate(found.names):
        regret = found.regret(i)
        cells = [text(value, goal.unit) if feasible[i] else NONE for value in found.interval(i)]
        # one pair is the best of one
        best = f"{wins[i]:.0%}" if len(found.names) > 1 else NONE
        shares = [
            best,
            f"{feasible[i]:.0%}",
            NONE if regret is None or len(found.names) == 1 else f"{regret:.1%}",
        ]
        yield [name, *cells, *shares]


def sampled_note(found: SampledPairs) -> str:
    """What the columns mean."""
    drawn = found.drawn
    layouts = "with fixed layouts" if found.fixed else "with layouts chosen again from a coarse grid in each"
    return (
        f"P10, median, P90: {drawn.samples} samples of {drawn.numbers} uncertain inputs and of the error of "
        f"calibrated stacks, {layouts}; an input of both pools is drawn once. Mean regret: how much a pair "
        "is worse than the best of each sample, where it never fails. Percentiles are over the samples in "
        "which a pair meets the target. The error of pairing chips itself is not in it: no measured row is "
        "of a system of unlike chips"
    )
