"""Chips side by side: the best deployment of each at equal latency targets, and the front of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from dse.design import Subject
from dse.estimated import Estimate
from dse.evaluate.choose import Limits, merged
from dse.evaluate.misses import Miss, misses
from dse.evaluate.solve import Found
from dse.front.archive import Archive
from dse.front.axis import Axis
from dse.front.files import Front
from dse.front.tables import Table, stack
from dse.plugins import objective
from dse.spec.branch import chip_kind
from dse.spec.chip import ChipSpec
from dse.spec.problems import Problem, SpecError
from objectives import api

AXES: Final = (
    Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize"),
    Axis("tpot", "tpot_s", "TPOT", "s", "minimize"),
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One chip of a comparison."""

    chip: str
    title: str
    kind: str
    hypothetical: bool
    hardware: Mapping[str, float]
    """What the chip is made of, in SI, the unit in the name."""
    best: tuple[Estimate | None, ...]
    """The cheapest deployment per token/s at each target; None where no deployment meets it."""
    missed: tuple[tuple[Miss, ...], ...]
    """For each target what the deployment that misses by least breaks; empty where one meets it."""
    least_tpot_s: float | None
    """The fastest that it can be at any price, whatever else is asked [s]; None where nothing fits."""
    curve: Table
    """Its own front of $/(token/s) against TPOT, one deployment a row."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Chips at equal targets."""

    llm: str
    workload: str
    targets: tuple[float, ...]
    """TPOT [s], ascending."""
    chips: tuple[Compared, ...]
    held: Mapping[str, float] = field(default_factory=dict)
    """Latency targets of the workload that bind beside them, in SI."""

    def winner(self, i: int) -> str | None:
        """The cheapest chip at target `i`; None where none meets it."""
        told = [(c.best[i], c.chip) for c in self.chips]
        met = [(e.metrics["usd_per_token_per_s"], chip) for e, chip in told if e is not None]
        return min(met)[1] if met else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "llm": self.llm,
            "workload": self.workload,
            "targets_tpot_s": list(self.targets),
            "held": dict(self.held),
            "winners": [self.winner(i) for i in range(len(self.targets))],
            "chips": [
                {
                    "chip": c.chip,
                    "title": c.title,
                    "kind": c.kind,
                    "hypothetical": c.hypothetical,
                    "hardware": dict(c.hardware),
                    "least_tpot_s": c.least_tpot_s,
                    "missed": [[m.as_dict() for m in each] for each in c.missed],
                    "best": [None if e is None else e.as_dict() for e in c.best],
                }
                for c in self.chips
            ],
        }

    def front(self) -> Front:
        """All chips as a front, for a picture: the curve of each, and what none of them beats.

        `compared` in its manifest names the chips, so that a picture tells each of them from the others.
        """
        curves = stack(c.curve for c in self.chips)
        archive = Archive(AXES)
        if len(curves):
            values = curves[[a.column for a in AXES]].to_numpy(dtype=float)
            archive.add(values, np.ones(len(curves), dtype=bool), lambda rows: curves.iloc[rows])
        title = f"{self.llm}, workload {self.workload}"
        return Front(
            frame=archive.frame, baselines=curves, axes=AXES,
            manifest={"title": title, "targets": {"tpot": list(self.targets)},
                      "compared": [c.chip for c in self.chips]},
        )  # fmt: skip


def compare(
    chips: Sequence[str],
    llm: str,
    workload: str,
    *,
    targets: Sequence[float] = (),
    batch: int | None = None,
    tp: int | None = None,
    pp: int | None = None,
    weights: str = "fp16",
    kv: str | None = None,
    activations: str | None = None,
    cost_model: str = "roofline",
    stack: str | None = None,
    price_method: str = "listed",
    seller: str | None = None,
    system: str = "chips-only",
    settings: Mapping[str, str] | None = None,
    configs: Path | str | None = None,
    hold_targets: bool = True,
) -> Comparison:
    """Compare chips at the same TPOT targets [s], each with its best deployment from one grid.

    `chips` are names, aliases or paths to chip files. The latency targets of the workload hold as well, the
    tighter of two on TPOT, unless `hold_targets` is false. A chip without a listed price is taken at its
    unit cost, as `dse.estimate` does, and says so; `seller` and `system` are as there. Raises `SpecError`
    with every problem at once.
    """
    found: list[Compared] = []
    problems: list[Problem] = []
    limits: tuple[float, ...] = tuple(sorted(targets))
    subject = None
    for chip in dict.fromkeys(chips):
        try:
            subject = Subject(
                chip, llm, workload, weights, kv, activations, cost_model, stack, price_method,
                dict(settings or {}), configs, seller=seller, system=system,
            )  # fmt: skip
            subject.check_layout(batch=batch, tp=tp, pp=pp, dp=1, ep=None)
            if not hold_targets:
                subject.targets = {}
            limits = limits or tuple(v for o, v in subject.targets.items() if o.name == "tpot") or (1.0,)
            found.append(_compared(subject, subject.grid(batch=batch, tp=tp, pp=pp), limits))
        except SpecError as error:
            problems += [p for p in error.problems if p not in problems]
    if problems or subject is None:
        raise SpecError(problems or [Problem("CHIP", "expected at least one chip, got none")])
    return Comparison(
        llm=subject.llm.name,
        workload=subject.workload.name,
        targets=limits,
        chips=tuple(found),
        held={goal.name: limit for goal, limit in subject.limits},
    )


def _compared(subject: Subject, grid: api.Deployments, limits: tuple[float, ...]) -> Compared:
    tpot, own = objective("tpot"), subject.limits
    asked = [merged(own, ((tpot, limit),)) for limit in limits]
    ones = subject.best_at(grid, asked)
    best: list[Estimate | None] = []
    missed: list[tuple[Miss, ...]] = []
    for one, bound, found in zip(ones, asked, subject.chosen, strict=True):
        metrics = subject.cost_model.evaluate(one, subject.context, detail=True)
        met = bool(found.feasible[0])
        missed.append(() if met else misses(metrics, subject.context, bound))
        best.append(_told(subject, one, metrics, bound, found) if met else None)
    designs = api.Designs(chips=subject.chips, deployments=grid.reshape(-1))
    metrics = subject.cost_model.evaluate(designs, subject.context)
    over = [np.broadcast_to(v, designs.shape) <= 0.0 for v in subject.violations(metrics).values()]
    good = np.flatnonzero(np.all(over, axis=0))
    fits = np.broadcast_to(metrics.feasible(), designs.shape)
    late = np.broadcast_to(metrics.tpot_s, designs.shape)
    return Compared(
        chip=subject.chip.name, title=subject.chip.title, kind=chip_kind(subject.chip),
        hypothetical=subject.chip.hypothetical, hardware=hardware(subject.chip, subject.columns),
        best=tuple(best), missed=tuple(missed), least_tpot_s=float(late[fits].min()) if fits.any() else None,
        curve=_curve(subject, designs, metrics, good),
    )  # fmt: skip


def _told(subject: Subject, one: api.Designs, metrics: api.Metrics, limits: Limits, found: Found) -> Estimate:
    subject.hold_against_physics(one, metrics)
    own = subject.targets
    subject.targets, subject.chosen = dict(limits), [found]
    told = subject.report(one, metrics, solved=True)
    subject.targets = own
    return told


def _curve(subject: Subject, designs: api.Designs, metrics: api.Metrics, good: Any) -> Table:
    """The non-dominated deployments among `good`."""
    n = designs.size
    columns = [np.broadcast_to(getattr(metrics, axis.column), (n,)) for axis in AXES]
    kind = chip_kind(subject.chip)
    role = "search" if subject.chip.hypothetical else "baseline"

    def rows(chosen: Any) -> Table:
        at = good[chosen]
        told = {"trial": 0, "chip": subject.chip.name, "branch": kind, "role": role}
        sizes = designs.take(at).deployments.columns()
        count = np.broadcast_to(metrics.chips, (n,))[at].astype(int)
        capex = np.broadcast_to(metrics.capex_usd, (n,))[at]
        values = {axis.column: column[at] for axis, column in zip(AXES, columns, strict=True)}
        layout = {k: np.asarray(v).astype(int) for k, v in sizes.items()}
        return Table({**told, **layout, "chips": count, "capex_usd": capex, **values})

    archive = Archive(AXES)
    values = np.stack([column[good] for column in columns], axis=1)
    archive.add(values, np.ones(len(good), dtype=bool), rows)
    return archive.frame


def hardware(chip: ChipSpec, columns: Mapping[str, float]) -> dict[str, float]:
    """The figures of a chip that a reader compares first, in SI with the unit in the name."""
    fp16 = chip.peak.get("fp16")
    return {
        "peak_fp16_flop_per_s": float(fp16.value) if fp16 and fp16.value else columns["peak_flops"],
        "sram_bytes": columns["sram_bytes"],
        "sram_bandwidth_bytes_per_s": columns["sram_bandwidth"],
        "dram_bytes": columns["dram_bytes"],
        "dram_bandwidth_bytes_per_s": columns["dram_bandwidth"],
        "link_bandwidth_bytes_per_s": columns["link_bandwidth"],
        "power_w": columns["power_w"],
        "price_usd": columns["price_usd"],
    }
