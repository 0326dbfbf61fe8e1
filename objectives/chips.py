"""Chips as struct of arrays: matrix units, memories fastest first, links, losses, dollars and watts, limits.

Every column has a name of its own, `dram_bytes` or `link_latency`, by which tables and the dictionaries of
`Chips.columns` know it; the structs below say what belongs together.
"""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from math import prod
from types import SimpleNamespace
from typing import Self

from objectives.arrays import Array, namespace
from objectives.columns import Columns, broadcast_shape
from objectives.memories import FURTHER, MEMORIES


@dataclass(frozen=True, kw_only=True)
class Compute(Columns):
    """Matrix units of a chip, and how its dies join."""

    peak_flops: Array
    """Dense matrix peak in the datatype that the weights are multiplied in [FLOP/s]."""
    attention_flops: Array
    """Dense matrix peak in the datatype of the attention core [FLOP/s]."""
    weight_load_bandwidth: Array
    """Rate at which stationary weights enter the matrix units [B/s]; infinite is written as 0 = no limit."""
    dies: Array
    """Compute dies of a package that share every operation [1]; 1 too where a stack was fitted to them, 2 for
    the halves of a wafer."""
    die_bandwidth: Array
    """One-way bandwidth of a die to the others of its package [B/s]; infinite is written as 0 = no limit."""
    die_latency: Array
    """Latency from one die to its neighbour [s]."""
    user_tokens_per_s: Array
    """Speed per user that its vendor claims [token/s]; 0 without a claim. Only `napkin` reads it."""
    # of parts of the weights that are stored in another format than the rest; None where none are
    experts_flops: Array | None = None
    """Dense matrix peak in the datatype of routed experts [FLOP/s]; None for `peak_flops`, as below."""
    shared_flops: Array | None = None
    """The same of experts that every token visits [FLOP/s]."""
    dense_flops: Array | None = None
    """Of FFNs and bare matrices [FLOP/s]."""
    projection_flops: Array | None = None
    """Of projections of attention [FLOP/s]."""
    head_flops: Array | None = None
    """Of the LM head [FLOP/s]."""
    router_flops: Array | None = None
    """Of the matrices that choose experts [FLOP/s]."""


@dataclass(frozen=True, kw_only=True)
class Memory(Columns):
    """One memory of a chip."""

    name: str
    """One of `MEMORIES`, the same for all chips of a batch."""
    bytes: Array
    """What it holds [B]; 0 when absent, or when unknown and only a cache."""
    bandwidth: Array
    """Read bandwidth [B/s]; 0 when absent, or when it is a cache of unknown speed."""
    w: Array
    """Power at full bandwidth, PHYs and transport included [W]."""
    usable: Array | None = None
    """Share that tensors can lie in, whatever the stack, in (0, 1]: the rest holds code; None for all."""
    pinned: Array | None = None
    """1 where software places tensors (scratchpad), 0 where it is a cache; None for 1."""
    write_bandwidth: Array | None = None
    """Write bandwidth [B/s]; None where it is that of reads."""
    latency: Array | None = None
    """From a request to its first byte [s]; None where the fixed times of stacks contain it."""
    endurance: Array | None = None
    """Times that each byte can be written [1]; None where it does not wear."""

    def columns(self) -> dict[str, Array]:
        """Column name, after that of the memory, to array."""
        own = ((f.name, getattr(self, f.name)) for f in fields(self)[1:])  # the first is its name
        return {f"{self.name}_{name}": column for name, column in own if column is not None}


@dataclass(frozen=True, kw_only=True)
class Links(Columns):
    """Links to other chips, and the boards and racks that they reach across."""

    link_bandwidth: Array
    """Scale-up bandwidth of one chip, one way, all links together [B/s]."""
    link_latency: Array
    """Latency of one hop between neighbours [s]."""
    link_topology: Array
    """Code of the scale-up topology, see `objectives.equations.interconnect.topology.TOPOLOGIES`."""
    link_domain: Array
    """Chips that one scale-up domain joins [1]."""
    link_group: Array
    """Chips of one fully connected group (dragonfly) or pod (fat tree); else the domain [1]."""
    link_local_share: Array
    """Share of `link_bandwidth` that stays inside a group, in (0, 1]."""
    link_global_share: Array
    """Share of `link_bandwidth` that crosses groups, in (0, 1]."""
    in_network_reduction: Array
    """1 where switches add up an all-reduce, else 0."""
    scale_out_bandwidth: Array
    """Bandwidth of one chip beyond its domain, one way [B/s]; 0 when there is none."""
    scale_out_latency: Array
    """Latency of one message beyond the domain [s]."""
    board_chips: Array
    """Chips on one board [1]; 0 where links go to a switch beyond it even in a small system."""
    rack_chips: Array
    """Chips in one rack [1]; 0 likewise."""


@dataclass(frozen=True, kw_only=True)
class Stack(Columns):
    """What software and the hardware beneath it lose: efficiencies, fixed times, error bars."""

    compute_efficiency: Array
    """Sustained share of the matrix peak on full tiles, in (0, 1]."""
    tile_rows: Array
    """Rows that one pass of the matrix unit takes; fewer rows cost as much [1]."""
    core_efficiency: Array
    """Sustained share of the matrix peak in the attention core, in (0, 1]."""
    expert_efficiency: Array
    """Bandwidth that grouped products of routed experts sustain over that of one large matrix, in (0, 1]."""
    decode_core_efficiency: Array
    """As `core_efficiency` in steps of decode, in (0, 1]."""
    dram_efficiency: Array
    """Sustained share of the DRAM bandwidth when weights are read, in (0, 1]."""
    kv_efficiency: Array
    """Sustained share of the DRAM bandwidth when KV cache is read, in (0, 1]."""
    sram_efficiency: Array
    """Sustained share of the SRAM bandwidth, in (0, 1]."""
    link_efficiency: Array
    """Sustained share of the link bandwidth, in (0, 1]."""
    all_to_all_efficiency: Array
    """Sustained share of the link bandwidth in all-to-alls, whose messages are small and many, in (0, 1]."""
    overlap: Array
    """Share of an all-to-all that hides behind a second micro-batch, whose weights are read again, in
    [0, 1]."""
    window_kept: Array
    """Share of the tokens beyond a window of attention whose KV cache the engine keeps all the same, in
    [0, 1]."""
    layer_overhead_s: Array
    """Fixed time of one layer, such as kernel launches [s]."""
    prompt_overhead_s: Array
    """Fixed time of one layer of prompts beyond that of decode, whose launches are recorded [s]."""
    expert_overhead_s: Array
    """Fixed time of routing in one layer of experts: gate, sorting of rows, gather and scatter [s]."""
    activation_passes: Array
    """Times that activations of a layer pass through DRAM between its matrices: norms, gates, casts [1]."""
    exposed_share: Array
    """Share of the shorter of compute and streams that does not hide behind the longer, in [0, 1]."""
    step_overhead_s: Array
    """Fixed time of one step of one pipeline stage, such as scheduling on the host [s]."""
    sequence_overhead_s: Array
    """Time of one step for each resident sequence that no kernel hides, such as sampling [s]."""
    request_overhead_s: Array
    """Time of a request before the engine sees it and after its first token is made, once [s]."""
    burst: Array
    """Share of the requests in flight that arrive together and wait for each other's prompts, in [0, 1]."""
    collective_overhead_s: Array
    """Fixed software time of one collective [s]."""
    prompt_rows: Array
    """Rows of prompts that run together [1]: the chunk of chunked prefill."""
    held_rows: Array
    """Rows of prompts whose activations are held at once [1]; the others of a pass stream through."""
    context_parallel: Array
    """1 where the stack can split the KV cache of a sequence along its tokens, else 0."""
    usable_capacity: Array
    """Share of the capacity that the stack leaves to weights, KV cache and activations, in (0, 1]."""
    kv_under_prefill: Array | None = None
    """1 where pools send the KV cache of a layer while they compute the next ones, 0 where they send all
    after the prefill; None where all chips of the batch do."""
    unlike_stages: Array | None = None
    """1 where stages with fewer layers have fewer chips, 0 where all have TP x CP; None where all chips of
    the batch do."""
    reserve_bytes: Array | None = None
    """What engine and driver keep of the usable capacity beyond weights, KV cache and activations [B]; None
    where no stack of the batch says."""
    tpot_interval: Array | None = None
    """80 % interval of TPOT, a factor up and down, by the error bar of the stack [1]; NaN where it states
    none, left out where no target is to be met with a probability. No cost model reads it."""
    ttft_interval: Array | None = None
    """The same of TTFT [1]."""
    throughput_interval: Array | None = None
    """The same of throughput, and of what follows from its inverse [1]."""


@dataclass(frozen=True, kw_only=True)
class Cost(Columns):
    """Dollars and watts of a chip and of what it carries of everything around it."""

    price_usd: Array
    """Capital price of one chip [USD]."""
    host_usd: Array
    """Share of the server that one chip carries [USD], chassis and cooling included if not known apart."""
    rack_usd: Array
    """Share of chassis, power shelves and cooling that one chip carries [USD]."""
    network_usd: Array
    """Share of scale-up switches and boards that one chip carries [USD]; cables and NICs too where no
    source separates them."""
    copper_usd: Array
    """Cables of one chip in a system of more than one board [USD]."""
    optics_usd: Array
    """What optics of one chip cost beyond cables in a system of more than one rack [USD]."""
    scale_out_usd: Array
    """Share of NICs and of the fabric between domains, in a system that leaves its domain [USD]."""
    power_w: Array
    """Board power of one chip when busy [W]."""
    static_w: Array
    """Power of one chip at rest [W]."""
    compute_w: Array
    """Power of its cores at the full matrix rate, in whatever number format [W]."""
    link_w: Array
    """Power of its links at full bandwidth both ways [W]."""
    optics_w: Array
    """Power of the optics of one chip in a system of more than one rack [W]."""


@dataclass(frozen=True, kw_only=True)
class Limits(Columns):
    """How far a chip is beyond what can be made, each in its own unit; feasible where <= 0."""

    area_excess_m2: Array
    """Die area beyond the reticle [m2], <= 0 when the die can be made; 0 for a chip that exists."""
    dram_stacks_excess: Array
    """DRAM stacks beyond those that fit around the die [1]; 0 for a chip that exists."""
    link_excess: Array
    """Link bandwidth beyond what the free die edge carries [B/s]; 0 for a chip that exists."""
    cooling_excess_w: Array
    """Power beyond what the class of cooling sheds [W]; 0 for a chip that exists."""
    power_density_excess: Array
    """Power density of its dies beyond what is carried away [W/m2]; 0 for a chip that exists."""
    bonded_excess_m2: Array | None = None
    """Area of memory bonded onto its dies beyond theirs [m2]; None where no chip of the batch has any."""


@dataclass(frozen=True, kw_only=True)
class Chips:
    """Chips, with the software stack that drives them and the network that joins them."""

    compute: Compute
    memories: tuple[Memory, ...]
    """In the order of `objectives.memories`; SRAM and DRAM are always among them, of size 0 where a chip has
    none, the others where some chip of the batch has them."""
    links: Links
    stack: Stack
    cost: Cost
    limits: Limits

    @classmethod
    def of(cls, **columns: Array) -> Self:
        """Chips of columns by name, as `columns` gives; raises `TypeError` for one unknown or missing."""
        if unknown := columns.keys() - _PLACES.keys():
            raise TypeError(f"columns of chips: unknown {', '.join(sorted(unknown))}")
        parts: dict[tuple[str, str], dict[str, Array]] = {}
        for name, column in columns.items():
            part, memory, own = _PLACES[name]
            parts.setdefault((part, memory), {})[own] = column
        found = tuple(Memory(name=m, **parts[("memories", m)]) for m in MEMORIES if ("memories", m) in parts)
        of = {part: parts.get((part, ""), {}) for part in _PARTS}
        return cls(
            compute=Compute(**of["compute"]),
            memories=found,
            links=Links(**of["links"]),
            stack=Stack(**of["stack"]),
            cost=Cost(**of["cost"]),
            limits=Limits(**of["limits"]),
        )

    def columns(self) -> dict[str, Array]:
        """Column name to array; those that are left out are not among them."""
        return {name: column for part in self._parts() for name, column in part.columns().items()}

    def replace(self, **columns: Array) -> Self:
        """The same chips with some columns exchanged."""
        return self.of(**{**self.columns(), **columns})

    # allowed although the struct is frozen: it writes to `__dict__`, past `__setattr__`
    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape that all columns broadcast to."""
        return broadcast_shape(*{part.shape for part in self._parts()})

    @property
    def size(self) -> int:
        """Number of rows when broadcast."""
        return prod(self.shape)

    def reshape(self, *shape: int) -> Self:
        """Every column, first broadcast to the common shape, laid out as `shape`."""
        common, out = self.shape, {}
        for name, a in self.columns().items():
            xp = namespace(a)
            out[name] = xp.reshape(xp.broadcast_to(a, common), shape)
        return self.of(**out)

    def take(self, indices: Array) -> Self:
        """Rows `indices` of the flattened batch."""
        flat = self.reshape(-1).columns()
        return self.of(**{name: a[indices] for name, a in flat.items()})

    @cached_property
    def sram(self) -> Memory:
        """SRAM on the die."""
        return self.memory("sram")

    @cached_property
    def dram(self) -> Memory:
        """Device DRAM: HBM, GDDR, LPDDR or DDR."""
        return self.memory("dram")

    @cached_property
    def further(self) -> tuple[Memory, ...]:
        """Memories beyond SRAM and DRAM that some chip of the batch has."""
        return tuple(m for m in self.memories if m.name in FURTHER)

    def column(self, name: str) -> Array:
        """The column of a name; None where it is left out."""
        part, memory, own = _PLACES[name]
        return getattr(self.memory(memory) if memory else getattr(self, part), own)

    def memory(self, name: str) -> Memory:
        """The memory of a name; raises `KeyError` where no chip of the batch has it."""
        return {m.name: m for m in self.memories}[name]

    def _parts(self) -> Iterator[Columns]:
        yield self.compute
        yield from self.memories
        yield from (self.links, self.stack, self.cost, self.limits)


_PARTS = {
    "compute": fields(Compute),
    "links": fields(Links),
    "stack": fields(Stack),
    "cost": fields(Cost),
    "limits": fields(Limits),
}
_OF_MEMORIES = {f"{m}_{own}": ("memories", m, own) for m, kind in MEMORIES.items() for own in kind.columns}
_OF_PARTS = {f.name: (part, "", f.name) for part, own in _PARTS.items() for f in own}
_PLACES = {**_OF_MEMORIES, **_OF_PARTS}
"""Column to the part of `Chips` it lies in, the memory, and its name there."""


def chip_columns(*, optional: bool = True) -> tuple[str, ...]:
    """Names of all columns of chips, or of those that every chip has."""
    required = {f.name for own in _PARTS.values() for f in own if f.default is MISSING}
    required |= {name for name, (_, memory, _) in _OF_MEMORIES.items() if memory not in FURTHER}
    return tuple(name for name in _PLACES if optional or name in required)


def chips_with(**columns: Array) -> SimpleNamespace:
    """As `Chips`, of which only some columns are there: what the examples of an equation need."""
    found = SimpleNamespace()
    for name, column in columns.items():
        part, memory, own = _PLACES[name]
        at = memory or part
        if not hasattr(found, at):
            setattr(found, at, SimpleNamespace())
        setattr(getattr(found, at), own, column)
    return found
