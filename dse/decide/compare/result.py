"""What a comparison of chips says: each at its best, and who wins within one basis of prices."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from math import isnan, nan

import numpy as np

from dse.chips.price_basis import group_of
from dse.decide.compare.evaluated_chip import Obstacle
from dse.decide.compare.systems import ComparedSystem
from dse.decide.uncertainty.quantiles import COLUMNS, Spread
from dse.decide.verdict.by_software import Verdicts
from dse.evaluate.batch import axis_of
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.money import Money
from dse.front.archive import Archive
from dse.front.axis import Axis
from dse.front.files import Front
from dse.front.tables import Table, stack
from dse.plugins import objective


# a function, since objectives are plug-ins, which an import must not load
@cache
def axes() -> tuple[Axis, Axis]:
    """What chips are compared in: $/(token/s) and TPOT."""
    return axis_of(objective("usd_per_token_per_second")), axis_of(objective("tpot"))


def _often(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, the most frequent first."""
    # stable: of equally many the first that was named
    return tuple(name for name, _ in Counter(names).most_common())


@dataclass(frozen=True, kw_only=True)
class ComparedChip:
    """One chip of a comparison."""

    chip: str
    title: str
    kind: str
    hypothetical: bool
    hardware: Mapping[str, float]
    """What the chip is made of, in SI, the unit in the name; empty where a figure is missing."""
    basis: str
    """What its price is a price of, see `dse.chips.price_basis`."""
    unanchored: str | None
    """Why no measurement anchors its software; None where one does."""
    assumed: str | None = None
    """What its numbers assume where its file gives no value; None where they assume nothing."""
    gap: str | None = None
    """The figure that it lacks, so that it cannot be evaluated; None where it lacks none."""
    obstacle: Obstacle | None = None
    """Why no deployment is good at any TPOT; None where one is."""
    best: tuple[Estimate | None, ...]
    """The best deployment at each target; None where no deployment meets it."""
    least_tpot_s: float | None = None
    """The fastest that it can be at any price [s], as targets bound it; None where nothing is good."""
    curve: Table
    """Its own front of $/(token/s) against TPOT, one deployment a row."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Chips at equal targets."""

    llm: str
    workload: str
    software: str
    targets: tuple[float, ...]
    """TPOT [s], ascending."""
    chips: tuple[ComparedChip, ...]
    with_unanchored: bool = False
    """Whether chips that no measurement anchors may win."""
    held: Mapping[str, float] = field(default_factory=dict)
    """Latency targets of the workload that bind, in SI."""
    confidence: float | None = None
    """Probability that targets are met with; None where the estimate itself meets them."""
    verdicts: Verdicts
    money: Money | None = None
    """Prices of the chips, and the economy that holds."""
    systems: tuple[ComparedSystem, ...] = ()
    """Systems of pools of unlike chips, which rank among the chips."""
    spreads: tuple[Mapping[str, Spread], ...] = ()
    """For each target P10, median, P90 and chances of what meets it; empty where nothing was drawn."""

    def spread(self, i: int, chip: str) -> dict[str, float | None]:
        """Those of one chip or system by the names of their columns, gaps where nothing was drawn."""
        known = self.spreads[i].get(chip) if self.spreads else None
        # what is not ranked has no chance to be the best
        values = {} if known is None else known.as_dict()
        return {name: None if isnan(values.get(name, nan)) else values[name] for name in COLUMNS}

    @property
    def groups(self) -> tuple[str, ...]:
        """The bases of prices that chips rank within, that of the most chips first.

        A system whose serving is unlike that of the chips has a group of its own.
        """
        return _often((*self._of_chips(), *(s.group for s in self.systems)))

    @property
    def prices(self) -> tuple[str, ...]:
        """The bases of prices alone, that of the most chips first."""
        return _often((*self._of_chips(), *(s.prices for s in self.systems)))

    def _of_chips(self) -> list[str]:
        """The basis of each chip that is ranked."""
        return [group_of(c.basis) for c in self.chips if c.gap is None]

    def may_win(self, chip: ComparedChip) -> bool:
        """Whether a chip is ranked: measurements anchor it, or unanchored chips may win."""
        return chip.gap is None and (self.with_unanchored or chip.unanchored is None)

    def ranked(self, i: int, group: str) -> list[tuple[ComparedChip, Estimate]]:
        """The chips of one basis of prices that meet target `i` and may win, the cheapest first."""
        found = [
            (c, e)
            for c in self.chips
            if self.may_win(c) and group_of(c.basis) == group and (e := c.best[i]) is not None
        ]
        # stable, so that equally cheap chips keep the order in which they were named
        return sorted(found, key=lambda pair: pair[1].metrics["usd_per_token_per_s"])

    def winner(self, i: int, group: str | None = None) -> str | None:
        """The cheapest chip at target `i` within a basis of prices; None where none meets it.

        The basis may be left out where all prices are of one.
        """
        # prices of two bases do not rank, so no chip wins among all
        if group is None and len(self.groups) > 1:
            raise ValueError(f"expected one of {', '.join(self.groups)}, got none")
        found = self.standing(i, group or self.groups[0])
        return found[0][0] if found else None

    def standing(self, i: int, group: str) -> list[tuple[str, float]]:
        """Chips and systems by name with their $/(token/s), the cheapest first, as `ranked`."""
        both = [(c.chip, e.metrics["usd_per_token_per_s"]) for c, e in self.ranked(i, group)]
        both += [
            (s.name, e.metrics["usd_per_token_per_s"])
            for s in self.systems
            if s.group == group
            and (self.with_unanchored or s.unanchored is None)
            and (e := s.best[i]) is not None
        ]
        return sorted(both, key=lambda pair: pair[1])

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "llm": self.llm,
            "workload": self.workload,
            "software": self.software,
            "targets_tpot_s": list(self.targets),
            "held": dict(self.held),
            "confidence": self.confidence,
            "money": None if self.money is None else asdict(self.money),
            "winners": [{g: self.winner(i, g) for g in self.groups} for i in range(len(self.targets))],
            **self.verdicts.as_dict(),
            # reasons are listed here alone: the rows of chips say only whether they are anchored
            "unanchored": [
                {"chip": c.chip, "reason": c.unanchored} for c in self.chips if c.unanchored is not None
            ],
            **({"systems": [self._of_system(s) for s in self.systems]} if self.systems else {}),
            "chips": [
                {
                    "chip": c.chip,
                    "title": c.title,
                    "kind": c.kind,
                    "hypothetical": c.hypothetical,
                    "unanchored": c.unanchored is not None,
                    "assumed": c.assumed,
                    "price_basis": c.basis,
                    "ranks_among": group_of(c.basis),
                    "gap": c.gap,
                    "obstacle": None
                    if c.obstacle is None
                    else {"fits": c.obstacle.fits, "exceeds": dict(c.obstacle.exceeds)},
                    "hardware": dict(c.hardware),
                    "least_tpot_s": c.least_tpot_s,
                    "best": [
                        # a target that the chip misses keeps its place
                        None if e is None else {**e.as_dict(), **self.spread(i, c.chip)}
                        for i, e in enumerate(c.best)
                    ],
                }
                for c in self.chips
            ],
        }

    def _of_system(self, s: ComparedSystem) -> dict[str, object]:
        """Plain data of a system, with what was drawn of it."""
        best = [
            None if e is None else {**e.as_dict(), **self.spread(i, s.name)} for i, e in enumerate(s.best)
        ]
        return {**s.as_dict(), "best": best}

    def front(self) -> Front:
        """The chips of the first basis of prices as a front, for a picture.

        It has the curve of each, and as the front what none of those that may win beats. `compared` in its
        manifest names the chips, so that a plot distinguishes them.
        """
        # one axis of dollars takes one basis of prices
        of_most = _often(self._of_chips())[:1]
        drawn = [c for c in self.chips if c.gap is None and group_of(c.basis) in of_most]
        archive = Archive(axes())
        # unanchored chips are drawn as curves, and are no part of the front
        ranked = stack(c.curve for c in drawn if self.may_win(c))
        if len(ranked):
            values = ranked[[a.column for a in axes()]].to_numpy(dtype=float)
            archive.add(values, np.ones(len(ranked), dtype=bool), lambda rows: ranked.iloc[rows])
        title = f"{self.llm}, workload {self.workload}"
        return Front(
            frame=archive.frame,
            baselines=stack(c.curve for c in drawn),
            axes=axes(),
            manifest={
                "title": title,
                "targets": {"tpot": list(self.targets)},
                "compared": [c.chip for c in drawn],
            },
        )
