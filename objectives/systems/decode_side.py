"""The pools that decode: one whole pool, or attention and FFN apart; what prompts and their KV cache find."""

from collections.abc import Mapping
from dataclasses import dataclass

from objectives.api import Chips, Context, Designs, Pool
from objectives.arrays import Array, maximum, minimum, ones_like, where, zeros_like
from objectives.equations.cost.wear import wear_excess
from objectives.equations.interconnect.stage_hops import domain_excess
from objectives.equations.llm.context_parallel import unsplit_ways
from objectives.equations.llm.expert_parallel import missing_replicas
from objectives.equations.step.batch_setup import PromptLoad, Setup, set_up
from objectives.equations.step.decode_steps import decode_steps
from objectives.equations.step.pipeline_pass import bounds
from objectives.equations.step.prefill_pass import prefixes_written
from objectives.equations.step.prefix_cache import store_usd, stored_bytes
from objectives.equations.step.stage_widths import with_unlike_stages
from objectives.systems.result import PoolUse


@dataclass(frozen=True, kw_only=True)
class DecodeSide:
    """Steps of decode in one or two pools."""

    batch: Array
    """Sequences of a replica that holds KV cache [1]."""
    replicas: Array
    """Such replicas [replica]."""
    count: Array
    """Micro-batches in flight [1]."""
    step_s: Array
    """Time for a token of every sequence [s]."""
    tokens: Array
    """Tokens that a step gives each sequence, on average [token]."""
    parts_s: Mapping[str, Array]
    """Where it goes [s]; the sum is `step_s`."""
    bounds_s: Mapping[str, Array]
    """What it waits for [s]; the sum is `step_s`."""
    uses: tuple[PoolUse, ...]
    violations: Mapping[str, Array]
    holder: Pool
    """The pool that holds KV cache."""
    prompt_kv_bytes: Array
    """KV cache of one prompt on all chips of a replica, copies included [B]."""


def whole_side(pool: Pool, context: Context, *, parts: bool = True) -> DecodeSide:
    """Decode on chips of one kind.

    Args:
        pool: chips and deployments.
        context: network, formats and workload.
        parts: whether to say where seconds go as well.

    Returns:
        Steps of decode, without prompts.

    Domain:
        Prompts run elsewhere.

    Limits:
        That of `serving.decode_only` with no prompts.

    Source:
        As `decode_steps`.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    d = pool.deployments
    s = with_unlike_stages(set_up(Designs.of(pool.chips, d), context, no_prompts(d.tp)))
    steps = decode_steps(s)
    step, spent, bound = steps.per_token_s(), dict[str, Array](), dict[str, Array]()
    if parts:
        spent = steps.parts(s.machine)
        bound = bounds(steps.layer_pass, spent, context.llm.layers / steps.tokens, 1.0 / steps.tokens)
    return DecodeSide(
        batch=d.batch,
        replicas=d.dp,
        count=s.micro.count,
        step_s=step,
        tokens=steps.tokens,
        parts_s=spent,
        bounds_s=bound,
        uses=(
            PoolUse(
                role=pool.role,
                chips=pool.chips,
                count=s.chips_of_replica * d.dp,
                together=s.chips_of_replica * joined(s),
                resources=steps.resources,
                replicas=d.dp,
                held_bytes=s.held_by_part(),
                busy=ones_like(d.tp),
            ),
        ),
        violations=pool_violations(pool.role, s),
        holder=pool,
        prompt_kv_bytes=prompt_kv(s),
    )


def no_prompts(tp: Array) -> PromptLoad:
    """Room for no prompts.

    Args:
        tp: a column of the shape that is wanted [1].

    Returns:
        A load of no rows.

    Domain:
        Pools that decode alone.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        >>> no_prompts(2.0).rows
        0.0
    """
    return PromptLoad(prompts=ones_like(tp), rows=zeros_like(tp))


def joined(s: Setup) -> Array:
    """Replicas that share one set of experts [replica].

    Args:
        s: designs set up for their passes.

    Returns:
        Replicas, 1 without experts [replica].

    Domain:
        EP is one column for all kinds of experts, so the first kind speaks for all.

    Limits:
        1 where experts stay inside a replica.

    Source:
        As `expert_parallel.spread`.

    Examples:
        By hand, in tests/properties/test_expert_parallelism.py.
    """
    return next((part.spread.joined for part in s.layer.routed), ones_like(s.deployments.dp))


def prompt_kv(s: Setup) -> Array:
    """KV cache and states of one prompt on all chips of a replica, copies included [B].

    Args:
        s: designs set up for their passes.

    Returns:
        Bytes, shapes broadcast [B].

    Domain:
        All stages as large as the largest.

    Limits:
        The bytes of the prompt where no chip holds a copy and stages are equal.

    Source:
        Counted from what the layers keep.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    d, work = s.deployments, s.context.workload
    kv_bytes = s.context.precision.kv_bytes
    if s.drafting is not None:
        return s.most_of_stage(lambda layer: layer.kept_bytes(work.isl, kv_bytes)) * d.pp * d.ways
    each = s.layer.kept_bytes(work.isl, kv_bytes)
    # stages receive at once, so the one with the most layers decides
    return s.stage_layers * d.pp * each * d.ways


def pool_violations(
    role: str, s: Setup, excess: Array | None = None, requests_per_s: Array | None = None
) -> dict[str, Array]:
    """Named constraints of one pool; feasible where <= 0.

    Args:
        role: what the pool does, in front of each name.
        s: its designs, set up.
        excess: bytes that fit nowhere, where they are not those of the setup [B].
        requests_per_s: requests whose prompts a replica computes at most; none where left out [1/s].

    Returns:
        Violations by name, each in its own unit.

    Domain:
        One pool.

    Limits:
        As those of a system of one pool.

    Source:
        By definition.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    d = s.deployments
    found = {
        "capacity": s.machine.placed.lacking(excess),
        # replicas that share experts send each other rows, so all of them need one network
        "network_domain": domain_excess(s.chips, d.ways * joined(s), d.pp),
        "context_parallel": unsplit_ways(s.chips, d.cp),
        **silicon_violations(s.chips),
    }
    placed = s.machine.placed
    if placed.writable_excess is not None:
        more = 0.0 if excess is None else excess - placed.excess_bytes
        found["writable_capacity"] = placed.writable_excess + more
    written = {} if requests_per_s is None else prefixes_written(s, requests_per_s)
    found |= wear_excess(s.chips, s.context.workload, s.context.economy, written)
    if s.layer.routed:
        found["expert_replicas"] = missing_replicas(d.ways, d.ep, d.dp)
    return {f"{role}.{name}": excess for name, excess in found.items()}


def silicon_violations(chips: Chips) -> dict[str, Array]:
    """What keeps a hypothetical die from being made, each in its own unit; feasible where <= 0.

    Args:
        chips: chips, for what they exceed.

    Returns:
        Violations by name.

    Domain:
        0 for chips that exist.

    Limits:
        None.

    Source:
        `fabrication`.

    Examples:
        By hand, in tests/equations/fabrication.
    """
    found = {
        "die_area": chips.limits.area_excess_m2,
        "dram_stacks": chips.limits.dram_stacks_excess,
        "link_edge": chips.limits.link_excess,
        "cooling": chips.limits.cooling_excess_w,
        "power_density": chips.limits.power_density_excess,
    }
    if chips.limits.bonded_excess_m2 is not None:
        found["bonded_area"] = chips.limits.bonded_excess_m2
    return found


def port_bandwidth(chips: Chips, stated: Array) -> Array:
    """What a chip sends to another pool through a port of a stated bandwidth [B/s].

    min(port, links): a port hangs on the chip's own links, which a network beyond its domain does not widen.

    Args:
        chips: chips, for their links.
        stated: bandwidth of the port [B/s].

    Returns:
        Bytes a second, shapes broadcast [B/s].

    Domain:
        A chip that has no links has a port of its host.

    Limits:
        Never above the port.

    Source:
        By definition.

    Examples:
        By hand: a port of 50 GB/s on links of 450 GB/s.

        >>> from objectives.chips import chips_with
        >>> gpu = chips_with(link_bandwidth=450e9, scale_out_bandwidth=25e9)
        >>> port_bandwidth(gpu, 50e9)
        50000000000.0
    """
    own = maximum(chips.links.link_bandwidth, chips.links.scale_out_bandwidth)
    return where(own > 0.0, minimum(own, stated), stated)


def stored(role: str, context: Context, readers: Array, one: Array) -> dict[str, Array]:
    """Capital of a prefix cache beyond memories of the chips [USD]: it is paid where prompts run.

    Args:
        role: pool that prefills, in front of the name.
        context: network, formats and workload.
        readers: replicas that prefill [replica].
        one: a column of ones of the shape that is wanted [1].

    Returns:
        Dollars by part; none without such a cache.

    Domain:
        Caches of a host or a pool of memory.

    Limits:
        Nothing for memories of the chips, which are in their price.

    Source:
        As `prefix_cache.store_usd`.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    cache = context.workload.prefix
    if cache is None or cache.on_chip:
        return {}
    return {f"{role}.prefix_cache": store_usd(cache, stored_bytes(context, one), readers)}
