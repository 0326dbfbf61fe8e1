"""The result of an estimate of a system of several pools."""

from dataclasses import asdict, dataclass, field

from dse.chips.anchor_rows import AnchorRows
from dse.chips.anchors import Anchor
from dse.choose.confidence import met_column
from dse.evaluate.estimate_result import OtherStack
from dse.evaluate.money import Money


@dataclass(frozen=True, kw_only=True)
class PoolOfSystem:
    """One pool of a system."""

    role: str
    chip: str
    chips: float
    """Chips [1]; a fraction where pools are a fleet."""
    stack: str
    deployment: dict[str, int]
    metrics: dict[str, float]
    """What the pool has of the system: replicas, busy, capex_usd, drawn_per_token_j, power_w."""
    label: str
    """How far to trust its stack."""
    interval: dict[str, float]
    """80 % factors up and down of its stack on its chip, as those of a single chip."""
    anchor: Anchor
    """Whether measurements anchor its software, and why."""
    anchor_rows: AnchorRows | None = None
    """Measured rows that its stack was fitted to; None for a pair of a study."""
    next_best: OtherStack | None = None
    """The system with this pool on the stack that measurements anchor next best, where there is one."""


@dataclass(frozen=True, kw_only=True)
class SystemEstimate:
    """What a system of pools does and costs, in SI; every ledger sums to the metric of its name."""

    llm: str
    workload: str
    cost_model: str
    serving: str
    precision: dict[str, str]
    price_method: str
    pools: tuple[PoolOfSystem, ...]
    link: dict[str, float | str]
    """What joins the pools: network, bandwidth of a port one way [B/s], latency [s], dollars of a chip."""
    solved: bool
    """Whether any size of a layout was chosen rather than given."""
    feasible: bool
    metrics: dict[str, float]
    ledgers: dict[str, dict[str, float]]
    bound_by: str
    violations: dict[str, float]
    targets: dict[str, float]
    smallest_system: dict[str, float] = field(default_factory=dict)
    """Chips [1], capital [USD] and $/(token/s) of the smallest system of whole replicas in these layouts;
    empty where all are whole already."""
    interval: dict[str, float] = field(default_factory=dict)
    """Metric to the 80 % factor up and down, by the stacks of the pools that it rests on, layouts held; the
    error of pairing chips is unknown and not in it. Empty where a stack states none."""
    unanchored: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Metric to the pools that it rests on whose software no measurement anchors."""
    confidence: None = None
    """No probability is required of a system of pools: the estimate itself meets targets."""
    p_met: dict[str, float] = field(default_factory=dict)
    """Probability that each target is met, by the 80 % interval; without those that have no error bar."""
    money: Money | None = None
    """Prices of the chips by their pools, and the economy that holds; None for a pair of a study."""
    notes: tuple[str, ...] = field(default=())

    @property
    def chip(self) -> str:
        """Chips of all pools by name."""
        return " + ".join(dict.fromkeys(pool.chip for pool in self.pools))

    def as_row(self) -> dict[str, object]:
        """One row of CSV: columns of a pool are named after its role."""
        row: dict[str, object] = {"chip": self.chip, "llm": self.llm, "workload": self.workload}
        for pool in self.pools:
            own = {"chip": pool.chip, "chips": pool.chips, **pool.deployment, **pool.metrics}
            row |= {f"{pool.role}.{name}": value for name, value in own.items()}
        row |= {f"link.{name}": value for name, value in self.link.items()}
        row |= self.metrics
        row |= {f"{total}.{part}": v for total, parts in self.ledgers.items() for part, v in parts.items()}
        row |= {f"violation_{name}": v for name, v in self.violations.items()}
        row |= {f"interval_{name}": v for name, v in self.interval.items()}
        row |= {met_column(name): v for name, v in self.p_met.items()}
        return {**row, "feasible": self.feasible, "notes": "; ".join(self.notes)}

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {"chip": self.chip, **asdict(self)}
