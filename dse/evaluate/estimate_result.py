"""The result of an estimate: metrics, breakdowns, and how far to trust it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from dse.chips.anchor_rows import AnchorRows
from dse.chips.formats import Computed
from dse.choose.confidence import plain, probability
from dse.choose.rule import Limits
from dse.evaluate.money import Money
from dse.plugins import interval_of, metrics_of, serving_mode
from dse.spec.schema.system import StackSpec
from objectives import api
from objectives.ledgers import LEDGERS
from objectives.metrics import Place

LABELS = {
    "speed-of-light": "speed of light: an upper bound on speed, not a prediction",
    "uncalibrated": "estimate with published derates, not yet calibrated: no error bar",
    "calibrated": "estimate with a calibrated stack",
}


_COVERED = {
    "chips-only": "capital covers chips only",
    "with-host-and-network": "capital covers chips, and the shares of host and scale-up network as published",
    "built-up": "capital covers chips, servers, racks, links by their reach, NICs and fabric of those "
    "who leave their domain, built up alike for all",
}
"""System of a price to what its capital covers."""


RENTED = "capital is the present value of the rents, which cover chips, servers, network, power and building"
"""What capital covers where prices cover all."""


@dataclass(frozen=True, kw_only=True)
class OtherStack:
    """The same design on the stack that measurements anchor next best."""

    rows: AnchorRows
    metrics: Mapping[str, float]
    """TPOT, TTFT and $/(token/s), in SI."""
    ratios: Mapping[str, float]
    """The same over those of the estimate [1]."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one design does and costs, in SI; every ledger sums to the metric of its name."""

    chip: str
    llm: str
    workload: str
    cost_model: str
    stack: str
    label: str
    """How far to trust it."""
    serving: str
    precision: dict[str, str]
    computed_in: dict[str, Computed]
    """The format that `matrix` multiplications and the `attention` core request, and the one used."""
    price_method: str
    deployment: dict[str, int]
    solved: bool
    """Whether any of batch, TP, PP and EP was chosen rather than given."""
    feasible: bool
    metrics: dict[str, float]
    ledgers: dict[str, dict[str, float]]
    pools: dict[str, float]
    """Replicas by what they do, where pools differ; a fraction where they are a fleet."""
    bound_by: str
    """The resource that most of TPOT waits for."""
    violations: dict[str, float]
    targets: dict[str, float]
    interval: dict[str, float]
    """Metric (tpot, ttft, throughput) to the factor up and down that held 80 % of the measured rows that the
    fit of the stack did not see; empty for a stack that is not calibrated."""
    notes: tuple[str, ...]
    anchor_rows: AnchorRows | None = None
    """Measured rows that the stack was fitted to; None for a design of a study."""
    next_best: OtherStack | None = None
    """The same design on the stack that measurements anchor next best, where there is one."""
    confidence: float | None = None
    """Probability that the targets were to be met with; None where the estimate itself was to meet them."""
    p_met: dict[str, float] = field(default_factory=dict)
    """Probability that each target is met, by the 80 % interval; without those that have no error bar."""
    money: Money | None = None
    """Price of the chip and economy that hold; None for a design of a study, which says them once."""
    smallest_system: dict[str, float] = field(default_factory=dict)
    """Where pools are a fleet of many replicas: chips, capital and replicas of the smallest whole system."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @property
    def frame(self) -> Any:
        """The metrics and the deployment as a one-row DataFrame."""
        from dse.front.tables import one_row  # pandas takes 0.4 s to import, and only a table needs it

        return one_row({"chip": self.chip, "llm": self.llm, **self.deployment, **self.metrics})


def headline(m: api.Metrics, context: api.Context, place: Place = "estimate") -> dict[str, float]:
    """What a batch of one does and costs, in SI."""
    return {metric.column: first_of(metric.of(m, context)) for metric in metrics_of(place)}


def ledgers_of(m: api.Metrics) -> dict[str, dict[str, float]]:
    """Where each second, byte, dollar and joule of a batch of one goes; sums to the metric of its name."""
    return {ledger.name: where_split(parts_of(getattr(m, ledger.field))) for ledger in LEDGERS}


_OF_SPLITS = ("kv_merges", "context_parallel")


def where_split(parts: Mapping[str, float]) -> dict[str, float]:
    """Parts of a ledger, or constraints, without those of split KV cache where none is split."""
    return {
        name: value for name, value in parts.items() if value or name.rpartition(".")[2] not in _OF_SPLITS
    }


def smallest_system(model: api.CostModel, one: api.Designs, context: api.Context) -> dict[str, float]:
    """The smallest system of whole replicas in this layout, where the pools of the design are a fleet.

    Chips [1], capital [USD] and $/(token/s) of one design, and its replicas by pool; empty for a design that
    has no pools or whole ones already.
    """
    work = context.workload
    # without pools every replica is whole, and with `system` they are rounded already
    if not serving_mode(work.serving).has_pools or work.pools == "system":
        return {}
    # in detail, as pools are filled only then
    m = model.evaluate(one, replace(context, workload=replace(work, pools="system")), detail=True)
    told = {"chips": m.chips, "capex_usd": m.capex_usd, "usd_per_token_per_s": m.usd_per_token_per_s}
    return parts_of({**told, **m.pools})


def chances(
    m: api.Metrics, context: api.Context, limits: Limits, interval: Mapping[str, float]
) -> dict[str, float]:
    """Probability that a batch of one meets each limit that its stack states an error bar of."""
    found: dict[str, float] = {}
    for goal, limit in limits:
        median = plain(goal)
        factor = interval.get(interval_of(getattr(median, "column", "")))
        if factor is not None:
            found[goal.name] = probability(first_of(median.value(m, context)), limit, factor, goal.direction)
    return found


def notes_of(
    stack: StackSpec,
    work: api.Workload,
    interval: Mapping[str, float] | None = None,
    system: str = "chips-only",
    stages: float = 1.0,
    *,
    all_in: bool = False,
) -> list[str]:
    """What a reader of an estimate must know: how far to trust it, and what it leaves out."""
    mode = serving_mode(work.serving)
    notes = [LABELS[stack.estimate], *mode.notes(work, stages)]
    if mode.counts_prompts and stack.estimate == "speed-of-light":
        notes.append("a bound has no queue: TTFT counts no wait for the prompts of others")
    # that of the chip where it is known, which may be wider than the stack's
    factors = stack.interval if interval is None else interval
    if factors:
        told = ", ".join(f"{name} within x{factor:.2f}" for name, factor in factors.items())
        notes.append(f"80 % of the measured rows that the fit did not see: {told}, up or down")
    draft = work.speculation
    if draft is not None and draft.own_layers:
        notes.append(
            f"layers of the LLM draft (tokens a step: {draft.length}); the acceptance, "
            f"{draft.acceptance:g}, is stated and not predicted"
        )
    notes.append(RENTED if all_in else _COVERED[system])
    return notes


def first_of(column: Any) -> float:
    """The first number of a column."""
    return float(np.asarray(column).reshape(-1)[0])


def parts_of(parts: Mapping[str, Any]) -> dict[str, float]:
    """The parts of a batch of one as plain numbers."""
    return {name: first_of(v) for name, v in parts.items()}
