"""What a proposal must beat, and which real chips it is nearest to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dse.chips.price_basis import group_of
from dse.chips.resolve import speed_columns
from dse.decide.compare.chips import hardware
from dse.decide.propose.candidates import Candidate, chips_of_candidates, of_baselines, of_front
from dse.decide.scenario.best_deployments import DeploymentProblem, best_layouts, designs_of, evaluate
from dse.decide.scenario.mix_parts import Layout
from dse.errors import SpecError
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.question.unanchored import assumed_in, price_bases_in, unanchored_in
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import NetworkSpec, StackSpec

PER_KIND = 2
"""Chips of the front of each other storage kind that count as rivals."""


ChipStatus = Literal["real", "hypothetical", "front"]
"""A chip that exists, one of the catalog that exists on paper, one that was searched."""


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Another chip at the same target."""

    candidate: Candidate
    status: ChipStatus
    cost: float | None
    """Its goal at its best deployment, smaller is better; None where none is feasible."""
    tpot_s: float
    """At that deployment, or at the one that misses by least [s]."""
    price_usd: float
    layout: Layout
    missed: tuple[str, ...]
    """Constraints and targets that this deployment breaks; empty where it is feasible."""
    unanchored: str | None = None
    """Why no measurement anchors its software; None where one does."""
    assumed: str | None = None
    """What its numbers assume where its file gives no value."""
    prices: str
    """The prices that its own ranks among, see `group_of`."""
    ranks: bool
    """Whether it ranks against the proposal: it may win, and both prices are on one basis."""


def rivals(
    study: ResolvedStudy,
    front: Front,
    problem: DeploymentProblem,
    candidate: Candidate,
    with_unanchored: bool = False,
) -> list[Rival]:
    """Every baseline, and the best chips of the front of each other storage kind; the cheapest first.

    Those that no measurement anchors win nothing unless `with_unanchored` says so.
    """
    others = [c for c in of_front(study, front) if c.branch is not None and c.kind != candidate.kind]
    every = [*of_baselines(study), *others]
    if not every:
        return []
    chips = chips_of_candidates(study, every)
    costs, layouts = best_layouts(study, problem, chips, study.spec.tolerance)
    metrics = evaluate(problem, designs_of(chips, layouts))
    tpot = np.broadcast_to(np.asarray(metrics.tpot_s), (len(every),))
    over = {
        k: np.broadcast_to(np.asarray(v), tpot.shape) > 0.0 for k, v in problem.violations(metrics).items()
    }
    out, kept, unanchored_chips = [], dict[str, int](), unanchored_in(study)
    groups = {name: group_of(basis) for name, basis in price_bases_in(study).items()}
    own, silent = groups[family_of(candidate)], assumed_in(study)
    # the cheapest first, so that the first `PER_KIND` of a kind are its best
    for i in np.argsort(costs, kind="stable"):
        c = every[i]
        if c.branch is not None:
            kept[c.kind] = kept.get(c.kind, 0) + 1
            # baselines are not counted: a proposal is compared with every chip that exists
            if kept[c.kind] > PER_KIND:
                continue
        cost = float(costs[i]) if np.isfinite(costs[i]) else None
        name = family_of(c)
        out.append(
            Rival(
                candidate=c,
                status=_status(study, c),
                cost=cost,
                tpot_s=float(tpot[i]),
                price_usd=float(np.asarray(chips.cost.price_usd)[i]),
                layout=layouts[i],
                missed=tuple(name for name, bad in over.items() if bad[i]),
                unanchored=unanchored_chips.get(name),
                assumed=silent.get(name),
                prices=groups[name],
                ranks=groups[name] == own and (with_unanchored or name not in unanchored_chips),
            )
        )
    return out


def family_of(candidate: Candidate) -> str:
    """The branch that a searched chip is of, or the chip of the catalog itself."""
    return candidate.branch or candidate.label


def _status(study: ResolvedStudy, candidate: Candidate) -> ChipStatus:
    if candidate.branch is not None:
        return "front"
    return "hypothetical" if study.baselines[candidate.label].hypothetical else "real"


@dataclass(frozen=True, kw_only=True)
class Near:
    """A chip that exists, and how the proposal differs."""

    chip: str
    distance: float
    """Root mean square of the natural logarithms of the ratios [1]."""
    ratios: Mapping[str, float | None]
    """Proposal over real chip, by figure; None where one of them has none of it."""


_FIGURES = (
    "peak_fp16_flop_per_s",
    "sram_bytes",
    "sram_bandwidth_bytes_per_s",
    "dram_bytes",
    "dram_bandwidth_bytes_per_s",
    "link_bandwidth_bytes_per_s",
    "power_w",
)
_ABSENT = 4.0
"""Distance in natural logarithms between something and nothing: a factor of 50."""


def nearest_chips(study: ResolvedStudy, chip: ChipSpec, count: int = 3) -> list[Near]:
    """The real chips of the catalog whose figures are nearest to those of `chip`, the nearest first."""
    catalog = study.setting.catalog
    own = _figures(study, chip)
    found = []
    for other in catalog.all(ChipSpec).values():
        if other.hypothetical or other.name == chip.name:
            continue
        try:
            theirs = _figures(study, other)
        except SpecError:
            continue  # too little is published about it
        ratios = {n: own[n] / theirs[n] if own[n] and theirs[n] else None for n in _FIGURES}
        # where both have none of it they do not differ
        # logarithms, so that half and twice are equally far
        logs = [abs(np.log(r)) if r else (0.0 if own[n] == theirs[n] else _ABSENT) for n, r in ratios.items()]
        found.append(Near(chip=other.name, distance=float(np.sqrt(np.mean(np.square(logs)))), ratios=ratios))
    return sorted(found, key=lambda n: n.distance)[:count]


def _figures(study: ResolvedStudy, chip: ChipSpec) -> dict[str, float]:
    catalog = study.setting.catalog
    stack, network = catalog.get(StackSpec, chip.stack), catalog.get(NetworkSpec, chip.link.network)
    # speeds alone: many chips of the catalog have no price
    columns = speed_columns(chip, study.setting.precision, stack, network)
    return {**hardware(chip, columns), "power_w": chip.power.value or 0.0}
