"""Systems: pools of chips with a role, and how each is laid out."""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from objectives.arrays import Array, namespace
from objectives.chips import Chips
from objectives.columns import Columns, broadcast_shape

WHOLE = "whole"
"""Role of the only pool of a system that has one."""


@dataclass(frozen=True, kw_only=True)
class Chips(_Columns):
    """Chips, with the software stack that drives them and the network that joins them."""

    peak_flops: Array
    """Dense matrix peak in the datatype that the weights are multiplied in [FLOP/s]."""
    attention_flops: Array
    """Dense matrix peak in the datatype of the attention core [FLOP/s]."""
    sram_bytes: Array
    """On-chip SRAM that holds tensors [B]; 0 when unknown and only a cache."""
    sram_bandwidth: Array
    """SRAM read bandwidth [B/s]; 0 when the chip's SRAM is a cache of unknown speed."""
    sram_usable: Array
    """Share of the SRAM that tensors can lie in, whatever the stack, in (0, 1]: the rest holds code."""
    sram_pinned: Array
    """1 where software pins tensors in SRAM (scratchpad), 0 where SRAM is a cache."""
    weight_load_bandwidth: Array
    """Rate at which stationary weights enter the matrix units [B/s]; infinite is written as 0 = no limit."""
    dram_bytes: Array
    """Device DRAM (HBM, GDDR, LPDDR, DDR) [B]; 0 when absent."""
    dram_bandwidth: Array
    """Device DRAM bandwidth [B/s]; 0 when absent."""
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
    dies: Array
    """Compute dies of a package that share every operation [1]; 1 too where a stack was fitted to them, 2 for
    the halves of a wafer."""
    die_bandwidth: Array
    """One-way bandwidth of a die to the others of its package [B/s]; infinite is written as 0 = no limit."""
    die_latency: Array
    """Latency from one die to its neighbour [s]."""
    scale_out_bandwidth: Array
    """Bandwidth of one chip beyond its domain, one way [B/s]; 0 when there is none."""
    scale_out_latency: Array
    """Latency of one message beyond the domain [s]."""
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
    usable_capacity: Array
    """Share of the capacity that the stack leaves to weights, KV cache and activations, in (0, 1]."""
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
    board_chips: Array
    """Chips on one board [1]; 0 where links go to a switch beyond it even in a small system."""
    rack_chips: Array
    """Chips in one rack [1]; 0 likewise."""
    power_w: Array
    """Board power of one chip when busy [W]."""
    static_w: Array
    """Power of one chip at rest [W]."""
    compute_w: Array
    """Power of its cores at the full matrix rate, in whatever number format [W]."""
    sram_w: Array
    """Power of its SRAM at full bandwidth [W]."""
    dram_w: Array
    """Power of DRAM, PHYs and transport at full bandwidth [W]."""
    link_w: Array
    """Power of its links at full bandwidth both ways [W]."""
    optics_w: Array
    """Power of the optics of one chip in a system of more than one rack [W]."""
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
    user_tokens_per_s: Array
    """Speed per user that its vendor claims [token/s]; 0 without a claim. Only `napkin` reads it."""
    tpot_interval: Array | None = None
    """80 % interval of TPOT, a factor up and down, by the error bar of the stack [1]; NaN where it states
    none, left out where no target is to be met with a probability. No cost model reads it."""
    ttft_interval: Array | None = None
    """The same of TTFT [1]."""
    throughput_interval: Array | None = None
    """The same of throughput, and of what follows from its inverse [1]."""


@dataclass(frozen=True, kw_only=True)
class Deployments(_Columns):
    """How one replica is laid out, and how many replicas there are."""

    batch: Array
    """Sequences resident in one replica [1]."""
    tp: Array
    """Tensor-parallel ways [1]."""
    pp: Array
    """Pipeline stages [1]."""
    ep: Array
    """Chips that the experts of a layer are spread over [1]: a divisor of TP inside one replica, or a
    multiple, where EP / TP replicas share one set of experts and keep their own attention. Ignored without
    experts."""
    dp: Array
    """Replicas [1]: TP x PP chips each, with a batch of their own."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Chips of one kind that do one thing, broadcast against their deployments."""

    role: str
    """What they do: `whole`, or one role of a split, see `objectives.equations.pools`."""
    chips: Chips
    deployments: Deployments

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of both together."""
        return broadcast_shape(self.chips.shape, self.deployments.shape)

    def take(self, indices: Array, shape: tuple[int, ...]) -> "Pool":
        """Rows `indices` of the batch when broadcast to `shape` and flattened."""

        def rows(struct: Chips | Deployments) -> dict[str, Array]:
            out = {}
            # column by column, so that at most one is laid out in full at a time
            for name, a in struct.columns().items():
                xp = namespace(a)
                out[name] = xp.reshape(xp.broadcast_to(a, shape), (-1,))[indices]
            return out

        return Pool(
            role=self.role,
            chips=Chips.of(**rows(self.chips)),
            deployments=Deployments(**rows(self.deployments)),
        )


@dataclass(frozen=True, kw_only=True)
class Designs:
    """Systems of one pool, or of several whose chips are unlike; all pools broadcast against each other."""

    pools: tuple[Pool, ...]

    @classmethod
    def of(cls, chips: Chips, deployments: Deployments) -> "Designs":
        """Systems of one pool."""
        return cls(pools=(Pool(role=WHOLE, chips=chips, deployments=deployments),))

    @property
    def chips(self) -> Chips:
        """Chips of the only pool; raises `ValueError` where there are several."""
        return self._only().chips

    @property
    def deployments(self) -> Deployments:
        """Deployments of the only pool; raises `ValueError` where there are several."""
        return self._only().deployments

    def replace(self, *, chips: Chips | None = None, deployments: Deployments | None = None) -> "Designs":
        """The same systems of one pool with other chips or deployments."""
        own = self._only()
        return Designs.of(chips or own.chips, deployments or own.deployments)

    @property
    def roles(self) -> tuple[str, ...]:
        """Role of each pool."""
        return tuple(pool.role for pool in self.pools)

    def pool(self, role: str) -> Pool:
        """The pool of a role; raises `KeyError` where none has it."""
        return {pool.role: pool for pool in self.pools}[role]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole batch."""
        return broadcast_shape(*(pool.shape for pool in self.pools))

    @property
    def size(self) -> int:
        """Number of designs."""
        return prod(self.shape)

    def take(self, indices: Array) -> "Designs":
        """Rows `indices` of the flattened batch, as a batch of one axis."""
        return Designs(pools=tuple(pool.take(indices, self.shape) for pool in self.pools))

    def _only(self) -> Pool:
        if len(self.pools) > 1:
            raise ValueError(f"expected a system of one pool, got pools {', '.join(self.roles)}")
        return self.pools[0]
