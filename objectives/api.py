"""What a plug-in may import: the designs that go in, the context they share, the metrics that come out.

A batch of designs is the type. Every column is an array; all columns of one `Designs` broadcast against
each other, so a grid of chips x TP x PP x batch keeps one short axis for each and costs only its distinct
sums. SI units throughout: s, B, FLOP/s, B/s, W, USD, m2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from objectives.architecture import Block as Block
from objectives.architecture import DraftLayers as DraftLayers
from objectives.architecture import Encoder as Encoder
from objectives.architecture import EncoderMatrices as EncoderMatrices
from objectives.architecture import Experts as Experts
from objectives.architecture import Ffn as Ffn
from objectives.architecture import Llm as Llm
from objectives.architecture import Lookup as Lookup
from objectives.architecture import Matrix as Matrix
from objectives.arrays import Array
from objectives.attention_layers import Attention as Attention
from objectives.attention_layers import AttentionLayer as AttentionLayer
from objectives.attention_layers import CompressedAttention as CompressedAttention
from objectives.attention_layers import CrossAttention as CrossAttention
from objectives.attention_layers import Index as Index
from objectives.attention_layers import KvSource as KvSource
from objectives.attention_layers import LatentAttention as LatentAttention
from objectives.attention_layers import LinearAttention as LinearAttention
from objectives.attention_layers import Mamba as Mamba
from objectives.attention_layers import Rwkv as Rwkv
from objectives.attention_layers import ShortConvolution as ShortConvolution
from objectives.chips import Chips as Chips
from objectives.chips import Compute as Compute
from objectives.chips import Memory as Memory
from objectives.chips import chip_columns as chip_columns
from objectives.columns import broadcast_shape as broadcast_shape
from objectives.designs import Deployments as Deployments
from objectives.designs import Designs as Designs
from objectives.designs import Pool as Pool
from objectives.designs import PoolLink as PoolLink
from objectives.parts import Parts as Parts

CONTRACT_VERSION = 4
"""Raised whenever a plug-in written against the older contract would read something else."""

# no Literal: other packages register modes of their own
Serving: TypeAlias = str
"""Name of a serving mode, one of `objectives.equations.serving.registry`."""

Pools = Literal["fleet", "system"]
"""`fleet`: many replicas, so that the two pools of disaggregated serving have a real ratio and chips may be
a fraction. `system`: one system, whose pools are whole replicas."""


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Bytes of one stored element, scales included."""

    weight_bytes: float
    """Of weights; where `parts` is given, of those that it does not name."""
    kv_bytes: float
    activation_bytes: float
    parts: Parts | None = None
    """Of weights, by part; None where all have one format."""


@dataclass(frozen=True, kw_only=True)
class PrefixCache:
    """KV cache kept for prompts that begin alike."""

    hit: float
    """Share of prompt tokens that are read back instead of computed, in [0, 1]."""
    stored_tokens: float
    """Tokens whose KV cache is kept; of each replica, or of all where the tier is pooled [token]."""
    tier: Literal["dram", "host", "pooled", "memory"]
    """DRAM of the chip, a host or a pool of memory apart from the chip, or a further memory of the chip."""
    bandwidth: float
    """Rate at which one chip gets it back [B/s]; not read for memories of the chip."""
    usd_per_byte: float
    """Capital price of the tier [USD/B]; not read for memories of the chip, which are paid with it."""
    memory: str = ""
    """Which of `objectives.memories.FURTHER`; read for the tier `memory` alone."""
    written: float = 0.0
    """Share of the computed prompt tokens whose KV cache is written into it, in [0, 1]; not read for DRAM."""

    @property
    def on_chip(self) -> bool:
        """Whether it lies in a memory of the chip, in whose room and price it is."""
        return self.tier in ("dram", "memory")


@dataclass(frozen=True, kw_only=True)
class Speculation:
    """Speculative decoding: drafted tokens that one step of the LLM checks."""

    length: int
    """Tokens drafted for each step [1]."""
    acceptance: float
    """Chance that a drafted token is accepted when all before it are, in [0, 1]."""
    cost: float
    """Time of drafting one token over that of a plain step, and weights of the draft over the LLM's [1]; not
    read where a pool of its own or layers of the LLM draft."""
    llm: Llm | None = None
    """The LLM that drafts; read by pools draft and verify alone, which compute its steps."""
    precision: Precision | None = None
    """Its formats; those of the LLM that verifies where left out."""
    own_layers: bool = False
    """Whether the layers `Llm.draft` draft, whose passes are computed."""


@dataclass(frozen=True, kw_only=True)
class Diffusion:
    """Block diffusion: the LLM denoises a block of tokens in passes over all of its rows."""

    block: int
    """Tokens B of a block, all of which every pass computes [1]."""
    steps: float
    """Passes S that denoise a block; the mean where their number differs, 1 at least [1]."""
    commit: bool
    """Whether one more pass writes the KV cache of the final tokens."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Requests of many users: kinds of them with their shares, means over all, and how they arrive.

    Means and mean squares over the kinds are those over all requests.
    """

    isl: Array
    """Prompt tokens of each kind [token]."""
    osl: Array
    """Output tokens of each kind [token]."""
    weight: Array
    """Share of the requests that are of each kind, in sum 1; 0 for kinds that only fill the array [1]."""
    isl_mean: float
    """Mean of the prompt tokens [token]."""
    isl_second: float
    """Mean of their square [token2]."""
    osl_mean: float
    """Mean of the output tokens [token]."""
    osl_second: float
    """Mean of their square [token2]."""
    cross: float
    """Mean of the product of prompt and output tokens [token2]."""
    rate: float = 0.0
    """Requests in a second, the mean over the day [1/s]; 0 where a load must set it."""
    arrival_cv: float = 1.0
    """Standard deviation over mean of the gaps between arrivals, but for bursts [1]; 1 is Poisson."""
    burst_s: float = 0.0
    """Mean length of a burst [s]; 0 without bursts."""
    silence_s: float = 0.0
    """Mean length of a silence [s]; 0 without bursts."""
    quiet: float = 1.0
    """Rate in a silence over that in a burst [1]; 1 without bursts."""
    peak: float = 1.0
    """Rate of the busiest hour over the mean of the day [1]."""
    hit: float = 0.0
    """Share of all prompt tokens that a prefix cache finds which forgets nothing [1]; 0 where unknown."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Lengths of a request and the way requests share a replica.

    Lengths are numbers, or arrays that broadcast against the designs.
    """

    isl: Array
    """Prompt tokens [token]."""
    osl: Array
    """Output tokens [token]."""
    mean_context: Array
    """Mean context during decode [token]."""
    max_context: Array
    """Context that capacity is planned for [token]."""
    serving: Serving
    routing_skew: float = 1.0
    """Visits of the most popular expert of a layer over the mean of all [1]; 1 is uniform routing."""
    prefill_load: float = 0.0
    """Share of the time that prefill replicas are busy at most, in (0, 1); for serving with pools."""
    pools: Pools = "fleet"
    """Whether replicas of pools are counted in a real ratio or whole; for serving with pools."""
    prefix: PrefixCache | None = None
    """KV cache of earlier prompts; None computes every prompt."""
    speculation: Speculation | None = None
    """Drafted tokens that steps check; None decodes one token a step."""
    diffusion: Diffusion | None = None
    """Blocks that are denoised, in place of steps that give one token; never next to drafts."""
    weight_updates: float = 0.0
    """Times in a day that the weights of all chips are replaced [1/day]: memories that are written wear."""
    traffic: Traffic | None = None
    """The requests that the lengths are means of; None where nothing but the means is known."""


@dataclass(frozen=True, kw_only=True)
class Economy:
    """What turns capital into running cost."""

    lifetime_s: float
    cost_of_capital: float
    """Yearly rate [1/year]."""
    usd_per_joule: float
    pue: float
    power_overhead: float
    """Watts of a server per watt of its accelerators [1]."""
    upkeep_per_year: float
    """Share of the capital spent on upkeep each year [1/year]."""
    utilisation: float
    """Share of its life in which the system produces, in (0, 1]."""
    building_usd_per_watt: float
    """Data centre per watt of servers [USD/W]."""
    building_lifetime_s: float
    blend: float | None = None
    """Prompt tokens for each output token in a blended price [1]; those of the workload for None."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What all designs of a batch share."""

    llm: Llm
    precision: Precision
    workload: Workload
    economy: Economy


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Columns that broadcast to the shape of the designs; every one finite.

    With `detail=True` the ledgers below are filled, and each total is the sum of its parts: `tpot_s` of
    `tpot_parts`, `ttft_s` of `ttft_parts`, `capex_usd` of `capex_parts`, `usd_per_million_tokens` of
    `running_parts`, `energy_per_token_j` of `energy_parts`. Without it they are empty, which is what a search
    over millions of designs wants.
    """

    tpot_s: Array
    """Time per output token after the first [s]."""
    ttft_s: Array
    """Time to first token [s], the mean wait for the prompts of others included; `ttft_parts` separates
    them."""
    tokens_per_s: Array
    """Sustained output tokens per second of all replicas [token/s]."""
    chips: Array
    """Chips of all replicas, those that only prefill among them [1]; a fraction where pools are a fleet."""
    capex_usd: Array
    """Capital price of the system [USD]."""
    usd_per_token_per_s: Array
    """capex_usd / tokens_per_s [USD/(token/s)]."""
    usd_per_million_tokens: Array
    """Running cost of a million output tokens, their prompts included, capital annuitised [USD]."""
    usd_per_million_input_tokens: Array
    """Of that, what prompts cost, for a million of their tokens [USD]; 0 where prompts are not counted."""
    usd_per_million_output_tokens: Array
    """The rest, for a million output tokens [USD]: OSL x this + ISL x the above is what a request costs."""
    energy_per_token_j: Array
    """Energy at the meter for each output token, prompts, servers and building included [J]."""
    violations: Mapping[str, Array]
    """Named constraints in their own unit, feasible where <= 0."""
    tpot_parts: Mapping[str, Array] = field(default_factory=dict)
    ttft_parts: Mapping[str, Array] = field(default_factory=dict)
    capex_parts: Mapping[str, Array] = field(default_factory=dict)
    running_parts: Mapping[str, Array] = field(default_factory=dict)
    energy_parts: Mapping[str, Array] = field(default_factory=dict)
    pools: Mapping[str, Array] = field(default_factory=dict)
    """Replicas by what they do, where pools differ: prefill, decode [replica]; filled with `detail` only."""
    of_pools: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    """Of a system of unlike chips, role to what that pool has of it: chips, replicas, busy, capex_usd,
    drawn_per_token_j, power_w; filled with `detail` only."""
    capacity_parts: Mapping[str, Array] = field(default_factory=dict)
    """Bytes that the fullest chip must hold [B]; those of the whole replica where chips are only counted."""
    bounds: Mapping[str, Array] = field(default_factory=dict)
    """Seconds of TPOT by what binds: compute, weight_load, sram, dram, link, fixed, pipeline, prefill."""
    more: Mapping[str, Array] = field(default_factory=dict)
    """Metrics that follow from the columns above, by column, where a mix has combined those of its parts; and
    the intervals of the chips, see `Stack.tpot_interval`, where they have some."""

    def feasible(self) -> Array:
        """True where no constraint is violated."""
        flags = [v <= 0.0 for v in self.violations.values()]
        # flag by flag, not stacked: each keeps its own short axes until they meet
        all_of = flags[0]
        for flag in flags[1:]:
            all_of = all_of & flag
        return all_of


# checked by `dse.testing`, which names a plug-in that lacks a member
@runtime_checkable
class CostModel(Protocol):
    """Turns designs into metrics. Final class, no state: tweak by wrapping.

    A cost model whose numbers are not its own, such as one that repeats what a maker claims, says
    `predicts = False`; see `predicts`. One that reads memories beyond SRAM and DRAM (`Chips.further`) says
    `memories = True`; chips that have some are refused for the others. One that reads `Precision.parts` says
    `weight_parts = True`, one that reads `Workload.diffusion` says `blocks = True`, and one that reads
    `Llm.encoder` says `encoders = True`, likewise.
    """

    name: str
    requires: tuple[str, ...]
    """Chip facts that must be known; a chip that lacks one is refused by name before the first trial."""

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        """Metrics of every design; `detail` fills the ledgers and changes nothing else."""
        ...


def predicts(model: CostModel) -> bool:
    """Whether the metrics of a cost model are predictions, which physics bounds; claims are none."""
    return bool(getattr(model, "predicts", True))


def reads_memories(model: CostModel) -> bool:
    """Whether a cost model reads memories beyond SRAM and DRAM; to one that does not, such chips are none."""
    return bool(getattr(model, "memories", False))


def reads_parts(model: CostModel) -> bool:
    """Whether a cost model reads the bytes of each part of the weights; to others all have one format."""
    return bool(getattr(model, "weight_parts", False))


def reads_blocks(model: CostModel) -> bool:
    """Whether a cost model reads the blocks that are denoised; to others tokens come one by one."""
    return bool(getattr(model, "blocks", False))


def reads_encoders(model: CostModel) -> bool:
    """Whether a cost model counts what an encoder costs; to one that does not, such an LLM is none."""
    return bool(getattr(model, "encoders", False))


def factorises(model: CostModel) -> bool:
    """Whether prefill | decode is that of `objectives.systems`, so that pools may be evaluated one by one."""
    return bool(getattr(model, "factorises", False))


@runtime_checkable
class Objective(Protocol):
    """One number per design that a study minimises or maximises, or bounds by a target.

    An objective may say in `column` which column of a table holds it, and in `title` what it is; without them
    it gets a column `objective_NAME` and is described by its docstring. `objectives.metrics.MetricObjective`
    makes one of a metric.
    """

    name: str
    label: str
    unit: str
    """SI unit, understood by the unit parser; the empty string for a plain number."""
    direction: Literal["minimize", "maximize"]

    def value(self, metrics: Metrics, context: Context) -> Array:
        """The column of `metrics` this objective is."""
        ...


def violation(objective: Objective, value: Array, target: float) -> Array:
    """How far `value` is beyond `target`, in the objective's unit; feasible where <= 0."""
    return value - target if objective.direction == "minimize" else target - value
