"""The table of metrics: what each is called, its unit, where it is shown, and how a mix combines it.

Adding a metric is one row of `METRICS`, or one entry point `dse.metrics` of another package. Estimates,
tables, JSON, mixes, pages and the axes of plots read labels, units and columns from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

from objectives.api import Context, Metrics
from objectives.arrays import Array
from objectives.equations.serving.queueing import tokens_after_first
from objectives.equations.step.generation.diffusion import first_tokens

Rule = Literal["largest", "smallest", "sum", "mean"]
"""How one number of a chip follows from those of the parts of its mix. `largest` and `smallest`: that of the
worst part. `sum`: of the clusters. `mean`: weighted by the shares of the output tokens."""

Place = Literal["estimate", "mix", "table", "member", "comparison"]
"""Where a metric is shown. `estimate`: of one LLM and workload. `mix`: the estimate of a mix as a whole.
`table`: a column of a front. `member`: a column of a front for each part of a mix. `comparison`: a column of
`dse compare`."""

EVERYWHERE: tuple[Place, ...] = ("estimate", "mix", "table", "member", "comparison")


@dataclass(frozen=True)
class Ratio:
    """A column of a mix that is one of its other columns over another."""

    over: str
    under: str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the table."""

    column: str
    """Key in JSON and column of tables, the unit in the name, such as `tpot_s`. A field of `Metrics`, unless
    `compute` says how it follows from those."""
    label: str
    """Short text for headings and axes, such as `TPOT`."""
    unit: str
    """SI unit; the empty string for a plain number."""
    description: str
    """One sentence."""
    title: str = ""
    """The line of an estimate; the label where it is left out."""
    compute: Callable[[Metrics, Context], Array] | None = None
    """The column from the fields of `Metrics`; None where it is one of them."""
    combine: Rule | Ratio | None = None
    """How a mix combines it; None computes it again from the combined fields."""
    interval: str = ""
    """Error bar of a calibrated stack that it has: tpot, ttft or throughput."""
    rank: int | None = None
    """Place among the first metrics of a table; the others follow in the order of the alphabet."""
    shown: tuple[Place, ...] = ("estimate", "mix", "table", "comparison")

    def of(self, metrics: Metrics, context: Context) -> Array:
        """The column, of the shape of the designs [`unit`]."""
        if self.compute is None:
            column: Array = getattr(metrics, self.column)
            return column
        # of a mix the column is combined already: from combined fields it would be another number
        return metrics.more[self.column] if self.column in metrics.more else self.compute(metrics, context)


@final
@dataclass(frozen=True, kw_only=True)
class MetricObjective:
    """An objective that is a metric: a study minimises, maximises or bounds its column."""

    name: str
    """As a study writes it."""
    metric: Metric
    direction: Literal["minimize", "maximize"]
    unit: str = ""
    """SI unit that targets are written in; that of the metric where it is left out."""

    def __post_init__(self) -> None:
        # frozen, but this default depends on another field
        object.__setattr__(self, "unit", self.unit or self.metric.unit)

    @property
    def label(self) -> str:
        """That of the metric."""
        return self.metric.label

    @property
    def column(self) -> str:
        """The column of tables that holds it."""
        return self.metric.column

    @property
    def title(self) -> str:
        """What it is, in one sentence."""
        return self.metric.description

    def value(self, metrics: Metrics, context: Context) -> Array:
        """Shape of the designs [`metric.unit`]."""
        return self.metric.of(metrics, context)


def _speed(metrics: Metrics, context: Context) -> Array:  # noqa: ARG001 - as of all
    return 1.0 / metrics.tpot_s


def _end_to_end(metrics: Metrics, context: Context) -> Array:
    work = context.workload
    return metrics.ttft_s + tokens_after_first(work.osl, first_tokens(work)) * metrics.tpot_s


def _per_chip(metrics: Metrics, context: Context) -> Array:  # noqa: ARG001 - as of all
    return metrics.tokens_per_s / metrics.chips


def _power(metrics: Metrics, context: Context) -> Array:  # noqa: ARG001 - as of all
    return metrics.energy_per_token_j * metrics.tokens_per_s


def _per_megawatt(metrics: Metrics, context: Context) -> Array:  # noqa: ARG001 - as of all
    return 1e6 / metrics.energy_per_token_j


def _blended(metrics: Metrics, context: Context) -> Array:
    work, blend = context.workload, context.economy.blend
    ratio = work.isl / work.osl if blend is None else blend
    both = metrics.usd_per_million_input_tokens * ratio + metrics.usd_per_million_output_tokens
    return both / (1.0 + ratio)


METRICS: tuple[Metric, ...] = (
    Metric(
        column="tpot_s",
        label="TPOT",
        unit="s",
        title="time per output token, TPOT",
        description="Time per output token after the first.",
        combine="largest",
        interval="tpot",
        rank=2,
        shown=EVERYWHERE,
    ),
    Metric(
        column="tokens_per_s_per_user",
        label="speed per user",
        unit="token/s",
        description="Output tokens per second that one user sees: 1 / TPOT.",
        compute=_speed,
        interval="tpot",
        shown=("estimate", "mix"),
    ),
    Metric(
        column="ttft_s",
        label="TTFT",
        unit="s",
        title="time to first token, TTFT",
        description="Time to first token: the mean wait for other prompts and the pass over its own.",
        combine="largest",
        interval="ttft",
        rank=3,
        shown=EVERYWHERE,
    ),
    Metric(
        column="tokens_per_s",
        label="throughput",
        unit="token/s",
        title="output of the system",
        description="Sustained output tokens per second of the whole system.",
        # clusters do not serve in the stated shares, so that the sum of their outputs is no rate of the mix
        combine=Ratio("capex_usd", "usd_per_token_per_s"),
        interval="throughput",
        rank=4,
    ),
    Metric(
        column="tokens_per_s_per_chip",
        label="throughput a chip",
        unit="token/s",
        title="output of a chip",
        description="Output tokens per second of the whole system over its chips.",
        compute=_per_chip,
        interval="throughput",
        shown=("estimate", "mix"),
    ),
    Metric(
        column="tokens_per_s_per_megawatt",
        label="throughput a MW",
        unit="token/s/MW",
        title="output of a megawatt at the meter",
        description="Output tokens per second for each megawatt at the meter, chips at rest included.",
        compute=_per_megawatt,
        shown=("estimate", "mix"),
    ),
    Metric(
        column="power_w",
        label="power at the meter",
        unit="W",
        description="Energy per token times tokens per second: power at the meter in use, with that of rest.",
        compute=_power,
        shown=("estimate", "mix"),
    ),
    Metric(
        column="chips",
        label="chips",
        unit="",
        description="Chips of all replicas.",
        combine="sum",
        rank=0,
    ),
    Metric(
        column="capex_usd",
        label="capital",
        unit="USD",
        title="capital",
        description="Capital of the whole system: chips, servers, racks, network.",
        combine="sum",
        rank=1,
        shown=EVERYWHERE,
    ),
    Metric(
        column="usd_per_token_per_s",
        label="$/(token/s)",
        unit="USD/(token/s)",
        title="capital per output, $/(token/s)",
        description="Capital price of one output token per second.",
        combine="mean",
        interval="throughput",
        rank=5,
        shown=EVERYWHERE,
    ),
    Metric(
        column="usd_per_million_tokens",
        label="$/Mtok",
        unit="USD/Mtoken",
        title="running cost, $/Mtok",
        description="Running cost of a million output tokens.",
        combine="mean",
        interval="throughput",
        rank=6,
    ),
    Metric(
        column="usd_per_million_input_tokens",
        label="$/Mtok of prompts",
        unit="USD/Mtoken",
        title="of that input, $/Mtok of prompts",
        description="What prompts cost, for a million of their tokens.",
        combine="mean",
        shown=("estimate",),  # its mean over a mix says nothing
    ),
    Metric(
        column="usd_per_million_output_tokens",
        label="$/Mtok of output",
        unit="USD/Mtoken",
        title="of that output, $/Mtok",
        description="The running cost without that of prompts, for a million output tokens.",
        combine="mean",
        shown=("estimate",),
    ),
    Metric(
        column="usd_per_million_tokens_blended",
        label="blended $/Mtok",
        unit="USD/Mtoken",
        title="of tokens of both kinds, blended $/Mtok",
        description="Cost of a million tokens of both kinds, in the ratio of --blend or of the workload.",
        compute=_blended,
        combine="mean",
        shown=("estimate",),
    ),
    Metric(
        column="energy_per_token_j",
        label="energy per token",
        unit="J",
        title="energy per output token at the meter",
        description="Energy at the meter for each output token.",
        combine="mean",
        shown=("estimate", "mix", "table"),
    ),
    Metric(
        column="objective_end_to_end",
        label="end-to-end latency",
        unit="s",
        description="Time from request to last token, the mean wait for other prompts included.",
        compute=_end_to_end,
        interval="throughput",
        # a table has it only where a study names it as an objective
        shown=(),
    ),
)

BY_COLUMN: Mapping[str, Metric] = {metric.column: metric for metric in METRICS}
