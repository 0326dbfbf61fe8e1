"""The speed of light: bounds from first principles that no machine and no prediction can beat.

Bytes over bandwidth, FLOP over peak, hops times latency, bytes into capacity. Shares no code with the cost
models, so that a mistake in one is not a mistake in the other. Every choice errs to the fast side: caches and
scratchpads are full of the right bytes, chips never wait for each other, efficiencies are 1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats, over
from dse.bounds.first_principles import Count, count
from dse.errors import BeatsPhysics
from dse.plugins.designs import design_in_words
from objectives import api
from objectives.equations.serving.registry import serving_mode

Number: TypeAlias = Floats | float

ROUNDING: Final = 1e-9
"""Share by which a prediction may pass a bound: that of sums in another order, nothing else."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What is possible at best for each design; all arrays broadcast to the shape of `designs`."""

    designs: api.Designs
    tpot_terms: Mapping[str, Floats]
    """Seconds of TPOT that each resource needs at least [s]: bandwidth, dram, compute, hops."""
    ttft_terms: Mapping[str, Floats]
    tokens_per_s: Floats
    """Most output tokens per second of all replicas [token/s]; infinite where nothing bounds them."""
    needed_bytes: Floats
    """Bytes of weights and of the KV cache of all sequences of a replica [B]."""
    room_bytes: Floats
    """Bytes that the chips of a replica hold in total [B]."""

    @property
    def tpot_s(self) -> Floats:
        """Least time per output token [s]."""
        return _most(self.tpot_terms.values())

    @property
    def ttft_s(self) -> Floats:
        """Least time to the first token [s]."""
        return _most(self.ttft_terms.values())


def speed_of_light(designs: api.Designs, context: api.Context) -> Bound:
    """Bounds on TPOT, TTFT, throughput and capacity of every design.

    TPOT: in one turn of the pipeline the chips of a replica (TP x CP x PP) read all weights that one token
    needs and the KV cache of B sequences, and work for B tokens; and one token passes all layers, each on
    TP x CP chips, over PP - 1 hops and, where these are several, an all-reduce after attention and after the
    FFN. What SRAM cannot hold from the step before comes from DRAM. Resources overlap: the largest term
    counts. Replicas that share experts count as one whose sequences all chips serve, and the busiest chip on
    the way of a token reads ceil(k / EP) whole experts of every layer, or its part of them where TP cuts
    experts.
    TTFT: likewise for one prompt (static serving: for those of the whole batch), without the rows of the last
    layer that nothing depends on.

    Drafted tokens are all accepted and cost only the FLOP of checking them, and, where layers of the LLM
    draft, what their passes read and compute; a prefix that is read back costs nothing, and what is computed
    attends only to itself. A pass over a block costs the FLOP of all its rows, and of the passes of a block
    those that denoise it need the LM head; a first token waits for its block.

    Domain: TP over whole chips for all layers. Caches whose size is unknown keep nothing between steps;
    links, activations and stacks cost nothing. An unknown (0) rate bounds nothing.
    """
    c = api.Chips.of(**{k: np.asarray(v, dtype=float) for k, v in designs.chips.columns().items()})
    d = designs.deployments
    batch, ways, ep, pp, dp = (np.asarray(a, dtype=float) for a in (d.batch, d.ways, d.ep, d.pp, d.dp))
    work, size = context.workload, context.precision
    osl, isl = np.asarray(work.osl, dtype=float), _computed(work)
    n = count(context.llm, replace(work, isl=isl))
    # a second count where parts of the weights have formats of their own: of bytes, and of time at the peak
    held, each = (n, size.weight_bytes) if size.parts is None else (count(context.llm, work, size.parts), 1.0)
    done = n if size.parts is None else count(context.llm, replace(work, isl=isl), _at_peak(c.compute))
    blocks = _blocks(work, osl)
    weights = (held.layers + blocks.headed * held.head) * each
    reuse = (held.layers - held.once) * each
    # before replicas are joined below: a token travels inside its own one
    hops, tp = {"hops": _hops(c, context.llm, ways, pp)}, ways
    if context.llm.expert_count:  # replicas that share experts count as one
        joined = np.maximum(ep / tp, 1.0)
        batch, tp, dp = joined * batch, joined * tp, dp / joined
    need = tp * pp

    token, core = 2.0 * (done.layers + blocks.headed * done.head), n.core_flop
    if work.diffusion is not None:
        token, core = token * blocks.rows, core * blocks.rows
    kv = n.kv_read * size.kv_bytes + 2.0 * n.state_bytes
    kept = n.kv_kept * size.kv_bytes + n.state_bytes
    stored, again = (held.stored + held.head) * each, reuse
    # tokens of one turn: of a draft each costs FLOP of its own, while bytes and hops serve all of them
    most = blocks.tokens if work.speculation is None else work.speculation.length + 1.0
    apart = blocks.tokens if work.speculation is None else 1.0
    if n.drafted is not None and held.drafted is not None and done.drafted is not None:
        own, passes, modules = n.drafted.module, n.drafted.passes, n.drafted.modules
        weights, again = weights + held.drafted.read * each, reuse + held.drafted.again * each
        stored = stored + modules * held.drafted.module.stored * each
        kv = kv + passes * (own.kv_read * size.kv_bytes + 2.0 * own.state_bytes)
        kept = kept + modules * (own.kv_kept * size.kv_bytes + own.state_bytes)
        # FLOP of a turn, of which each token has its part
        work_of = done.drafted.module
        token = token + 2.0 * (n.drafted.rows * work_of.layers + passes * work_of.head) / most
        core = core + n.drafted.rows * own.core_flop / most
    # three bounds: all chips for B tokens; the TP chips of each layer for one; what only one chip can read
    turn = _seconds(c, need, need, weights + batch * kv, batch * token, batch * core, again)
    latency = _seconds(c, tp, need, weights + kv, token + np.zeros_like(tp), core, again)
    one_chip = _of_busiest(held, ways, ep) * each
    # which of its bytes are used again is not counted: all may be
    busiest = _seconds(c, 1.0, pp, one_chip, np.zeros_like(ways), 0.0, one_chip if reuse else 0.0)
    tpot = {
        name: _most((turn[name], latency[name], busiest[name])) / (apart if name == "compute" else most)
        for name in turn
    } | {"hops": hops["hops"] / most}

    together = serving_mode(work.serving).starts_together
    prompts = batch if together else 1.0
    before, one = np.maximum(isl - 1.0, 0.0), np.minimum(isl, 1.0)
    # nothing depends on the last layer but its last row
    # a prompt gives no token of a block, and so needs no head
    head = 1.0 if work.diffusion is None else 0.0
    flop = 2.0 * (before * (done.layers - done.last) + one * done.layers + head * done.head)
    read = (one * held.layers + head * held.head + held.encoder.read) * each
    # an encoder goes before the prompt
    flop, core = flop + 2.0 * done.encoder.products, n.prompt_core_flop + n.encoder.core_flop
    # likewise: all chips for all rows, one row through all layers, and what only one chip can read
    all_of_it = _seconds(c, need, need, read, prompts * flop, prompts * core, reuse)
    last_row = _seconds(c, tp, need, read, 2.0 * (one * done.layers + head * done.head), 0.0, reuse)
    alone = one * (1.0 if work.diffusion is None else 0.0)  # the busiest chip is counted with its head
    ttft = {name: _most((all_of_it[name], last_row[name], alone * busiest[name])) for name in all_of_it}
    ttft |= hops
    if work.diffusion is not None:
        # the passes of the first block follow, so that each resource is busy for both
        ttft = {name: term + blocks.shown * tpot[name] for name, term in ttft.items()}

    # other requests may fill the time of prompts, unless the batch starts together
    seconds = _most(tpot.values()) * osl
    if together:
        seconds = _most(ttft.values()) + _most(tpot.values()) * np.maximum(osl - blocks.first, 0.0)
    return Bound(
        designs=designs,
        tpot_terms=tpot,
        ttft_terms=ttft,
        tokens_per_s=over(dp * batch * osl, seconds, np.inf),
        needed_bytes=stored + batch * kept,
        room_bytes=need
        * (c.sram.bytes * c.sram.usable * c.sram.pinned + c.dram.bytes + sum(m.bytes for m in c.further)),
    )


@dataclass(frozen=True, kw_only=True)
class _Blocks:
    """What a pass is of a block; of one token where there are none."""

    rows: float
    """Rows of a sequence in a pass [1]."""
    tokens: Number
    """Tokens that a pass gives a sequence [token]."""
    headed: float
    """Share of the passes that need the LM head [1]."""
    shown: Number
    """Tokens whose time it takes until the first block is complete [token]."""
    first: Number
    """Tokens that come with the first one [token]."""


def _blocks(work: api.Workload, osl: Floats) -> _Blocks:
    if work.diffusion is None:
        return _Blocks(rows=1.0, tokens=1.0, headed=1.0, shown=0.0, first=1.0)
    rows, steps = float(work.diffusion.block), work.diffusion.steps
    passes = steps + float(work.diffusion.commit)
    # whole blocks are computed for the tokens that are wanted
    first = osl / np.ceil(osl / rows)
    return _Blocks(
        rows=rows, tokens=first / passes, headed=steps / passes, shown=first * steps / passes, first=first
    )


def _at_peak(compute: api.Compute) -> api.Parts:
    """What a product with a weight of each part takes over one at the matrix peak [1]; 0 if unknown."""

    def over_peak(own: Number | None) -> Number:
        return 1.0 if own is None else over(compute.peak_flops, np.asarray(own), 0.0)

    return api.Parts(
        experts=over_peak(compute.experts_flops),
        shared=over_peak(compute.shared_flops),
        dense=over_peak(compute.dense_flops),
        attention=over_peak(compute.projection_flops),
        embedding=1.0,
        head=over_peak(compute.head_flops),
        router=over_peak(compute.router_flops),
    )


def _computed(work: api.Workload) -> Floats:
    """Prompt tokens that no prefix cache holds [token], the last one at least."""
    isl = np.asarray(work.isl, dtype=float)
    hit = 0.0 if work.prefix is None else work.prefix.hit
    left: Floats = np.maximum(isl * (1.0 - hit), np.minimum(isl, 1.0))
    return left


def _most(terms: Iterable[Floats]) -> Floats:
    found: Floats = np.maximum.reduce(np.broadcast_arrays(*terms))
    return found


def _of_busiest(n: Count, tp: Floats, ep: Floats) -> Floats:
    """Weights that one token needs of the busiest chip of every stage together [1]."""
    routed = sum(layers * k * expert for layers, k, _, expert in n.experts)
    whole = sum(
        layers * np.maximum(np.ceil(least / ep), k / ep) * expert for layers, k, least, expert in n.experts
    )
    found: Floats = (n.layers - routed + n.head) / tp + whole / np.maximum(tp / ep, 1.0)
    return found


def _seconds(
    c: api.Chips,
    at_work: Number,
    holding: Number,
    size: Floats,
    flop: Number,
    core: Number,
    reuse: Number,
) -> dict[str, Floats]:
    """Least seconds of `at_work` chips for bytes and FLOP; the SRAM of `holding` chips is full of them.

    `reuse` are bytes of `size` that are used before, and which SRAM may hold by then.
    """
    # SRAM of unknown speed may be arbitrarily fast, so then bandwidth bounds nothing
    known = (c.sram.bandwidth > 0.0) | (c.sram.bytes == 0.0)
    beyond = np.maximum(size - reuse - holding * c.sram.bytes * c.sram.usable, 0.0)
    # all memories stream at once, whatever lies in which
    others = c.dram.bandwidth + sum(np.where(m.bytes > 0.0, m.bandwidth, 0.0) for m in c.further)
    return {
        "bandwidth": np.where(known, over(size, at_work * (c.sram.bandwidth + others)), 0.0),
        "dram": over(beyond, at_work * others),
        "compute": (over(flop, c.compute.peak_flops) + over(core, c.compute.attention_flops)) / at_work,
    }


def _hops(c: api.Chips, llm: api.Llm, tp: Floats, pp: Floats) -> Floats:
    """Least seconds in links of one token [s]: every hop the shortest there is."""
    exchanges = 0
    for b in llm.blocks:
        parts = (b.attention is not None) + (b.ffn is not None or b.experts is not None)
        exchanges += b.count * (min(parts, 1) if b.parallel else parts)
    # a hop beyond the domain may be the faster one, and a bound takes the faster
    shortest = np.minimum(
        c.links.link_latency, np.where(tp * pp > c.links.link_domain, c.links.scale_out_latency, np.inf)
    )
    found: Floats = shortest * (pp - 1.0 + np.where(tp > 1.0, float(exchanges), 0.0))
    return found


def assert_within_physics(
    designs: api.Designs,
    context: api.Context,
    metrics: api.Metrics,
    *,
    indices: npt.ArrayLike | None = None,
    names: npt.ArrayLike | None = None,
) -> None:
    """Compare metrics of any cost model with the speed of light; raises `BeatsPhysics`.

    `indices` picks rows of the flattened batch, such as the winners of a search, so that a large grid costs
    no more than they do; lengths of the workload are then plain numbers. `names` of the chips broadcast
    against the designs.
    """
    labels = None if names is None else np.broadcast_to(np.asarray(names), designs.shape)
    # the winners are enough: a design that is too fast would be among them
    if indices is not None:
        shape, at = designs.shape, np.asarray(indices, dtype=np.intp)
        labels = None if labels is None else labels.reshape(-1)[at]
        designs, metrics = _picked(designs, at), _picked_metrics(metrics, shape, at)
    check(metrics, speed_of_light(designs, context), names=labels)


def check(metrics: api.Metrics, bound: Bound, *, names: npt.ArrayLike | None = None) -> None:
    """Raise `BeatsPhysics` with one sentence for each metric that beats its bound, at its worst design."""
    shape = api.broadcast_shape(bound.designs.shape, bound.tpot_s.shape)
    found = list(_beaten(metrics, bound, shape))
    if not found:
        return
    labels = None if names is None else np.broadcast_to(np.asarray(names), shape).reshape(-1)
    lines = [f"{_words(bound.designs, shape, at, labels)}: {what}" for at, what in found]
    raise BeatsPhysics("\n".join([*lines, "The cost model, or the facts of the chip, are wrong."]))


def _beaten(m: api.Metrics, bound: Bound, shape: tuple[int, ...]) -> Iterator[tuple[int, str]]:
    """Index of the worst design of each metric that beats its bound, and by how much."""

    def flat(column: npt.ArrayLike) -> Floats:
        return np.broadcast_to(np.asarray(column, dtype=float), shape).reshape(-1)

    for name, terms in (("tpot_s", bound.tpot_terms), ("ttft_s", bound.ttft_terms)):
        least, got = flat(_most(terms.values())), flat(getattr(m, name))
        if (at := _worst(least, got)) is not None:
            # the term that sets the bound at this design is the reason to show
            why = max(terms, key=lambda term: flat(terms[term])[at])
            factor = f"{least[at] / got[at]:.4g} times too fast" if got[at] > 0.0 else "no time at all"
            yield at, f"{name}: expected at least {least[at]:.6g} s ({why}), got {got[at]:.6g} s, {factor}"
    most, rate = flat(bound.tokens_per_s), flat(m.tokens_per_s)
    if (at := _worst(rate, most)) is not None:
        what = f"expected at most {most[at]:.6g} token/s, got {rate[at]:.6g} token/s"
        yield at, f"tokens_per_s: {what}, {rate[at] / most[at]:.4g} times too many"
    needed, room = flat(bound.needed_bytes), flat(bound.room_bytes)
    # an infeasible design says itself that it lacks room
    if (at := _worst(np.where(flat(m.feasible()), needed, 0.0), room)) is not None:
        what = f"expected room for {needed[at]:.6g} B of weights and KV cache, got {room[at]:.6g} B"
        yield at, f"capacity: called feasible: {what}, {needed[at] - room[at]:.4g} B too little"


def _worst(larger: Floats, smaller: Floats) -> int | None:
    """Where `larger` exceeds `smaller` by the most, relatively and beyond rounding; None where nowhere.

    What is not a number exceeds everything.
    """
    beaten = ~(larger <= smaller * (1.0 + ROUNDING))
    if not beaten.any():
        return None
    with np.errstate(all="ignore"):  # no time at all is infinitely too fast
        ratio = np.where(beaten, larger / smaller, -np.inf)
    return int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio)))


def _words(designs: api.Designs, shape: tuple[int, ...], at: int, labels: npt.NDArray[np.str_] | None) -> str:
    return design_in_words(designs, shape, at, None if labels is None else str(labels[at]))


def _picked(designs: api.Designs, at: npt.NDArray[np.intp]) -> api.Designs:
    """Rows at flat indices; unlike `Designs.take` it copies no whole column."""
    place = np.unravel_index(at, designs.shape)

    def rows(struct: api.Chips | api.Deployments) -> dict[str, Floats]:
        return {k: np.broadcast_to(np.asarray(a), designs.shape)[place] for k, a in struct.columns().items()}

    return api.Designs.of(
        chips=api.Chips.of(**rows(designs.chips)), deployments=api.Deployments(**rows(designs.deployments))
    )


def _picked_metrics(m: api.Metrics, shape: tuple[int, ...], at: npt.NDArray[np.intp]) -> api.Metrics:
    """The metrics that are compared with physics, at flat indices of the batch."""
    place = np.unravel_index(at, shape)

    def rows(column: npt.ArrayLike) -> Floats:
        return np.broadcast_to(np.asarray(column, dtype=float), shape)[place]

    return replace(
        m,
        tpot_s=rows(m.tpot_s),
        ttft_s=rows(m.ttft_s),
        tokens_per_s=rows(m.tokens_per_s),
        violations={name: rows(v) for name, v in m.violations.items()},
    )
