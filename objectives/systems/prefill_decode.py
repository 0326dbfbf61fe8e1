"""Prefill | decode: prompts run on one pool, KV cache crosses a link, tokens are decoded on the other."""

from collections.abc import Mapping
from dataclasses import dataclass

from objectives.api import Context, Designs, Pool, PoolLink
from objectives.arrays import Array, ceil_div, floor, inverse, maximum, ones_like
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.pools.crossing import message
from objectives.equations.serving.disaggregated import Disaggregated
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.matched_pools import DecodePool, PrefillPool, matched_pools
from objectives.equations.serving.under_prefill import UnderPrefill, exposed_s, under_prefill
from objectives.equations.step.batch_setup import Setup, set_up
from objectives.equations.step.prefill_pass import PrefillPass, prefill_pass, prefix_busy_s
from objectives.systems.decode_side import DecodeSide, joined, pool_violations, port_bandwidth, stored
from objectives.systems.result import PoolUse, SystemResult


def prefill_decode(pool: Pool, side: DecodeSide, link: PoolLink, context: Context) -> SystemResult:
    """A pool that prefills for another, or two others, that decode.

    The prefill pool has as many replicas as serve the requests of the decode pool at `prefill_load`, a real
    number in a fleet, whole ones in one system; `dp` of its deployments is not read, and `batch` is the
    prompts that a pass takes at most.

    Args:
        pool: chips that prefill.
        side: what decodes.
        link: network between them.
        context: network, formats and workload.

    Returns:
        What both come to.

    Domain:
        KV cache is sent after the prefill, or under it where the stack of what prefills does so. Of chips
        that hold copies each receives its own.

    Limits:
        As `serving.disaggregated` for two pools of one chip in one layout.

    Source:
        DistServe, Zhong et al., OSDI 2024 (arXiv 2401.09670); Splitwise, Patel et al., ISCA 2024.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    own = prefill_side(pool, link, context)
    d, work, s, prefill, prompts = pool.deployments, context.workload, own.setup, own.passes, own.prompts
    sent = message(_line(own, side, link), side.prompt_kv_bytes)
    after, busy = (prefill.where_prompts(each) for each in (sent.seconds, sent.busy_s))
    exposed = after
    if own.under is not None:
        left = exposed_s(own.under, own.sends_s, receives_s(side, link), receivers(side, context))
        exposed = prefill.where_prompts(link.latency_s + left)
    rates = matched_pools(
        own.replica(busy, work.prefill_load),
        DecodePool(
            batch=side.batch, step_s=side.step_s, osl=work.osl, replicas=side.replicas, receive_s=busy
        ),
        # slots are held for the way of all bytes, whenever they are sent
        after,
        whole=work.pools == "system",
    )
    first = {
        "queue": rates.queue_s,
        "kv_transfer": exposed,
        "request_overhead": pool.chips.stack.request_overhead_s,
        **first_token_parts(s, prefill, side.step_s, prompts, rates.tpot_s),
    }
    used = PoolUse(
        role=pool.role,
        chips=pool.chips,
        count=d.ways * d.pp * rates.prefill_replicas,
        together=d.ways * d.pp * own.joined,
        resources=prefill.resources(s, prompts),
        replicas=rates.prefill_replicas,
        held_bytes={**s.held_by_part(), **s.kept_by_kind(own.kv_held_bytes, context.workload.isl)},
        busy=rates.prefill_busy,
    )
    return SystemResult(
        tpot_s=rates.tpot_s,
        ttft_s=total(prefill.seconds(), first),
        tokens_per_s=rates.tokens_per_s,
        tpot_parts_s={**side.parts_s, "kv_transfer": rates.behind_s},
        ttft_parts_s={**prefill.parts(s), **first},
        bounds_s={**side.bounds_s, "link": side.bounds_s["link"] + rates.behind_s},
        violations={**own.violations, **side.violations},
        uses=(used, *side.uses),
        link=link,
        extra_capex=stored(pool.role, context, rates.prefill_replicas, ones_like(d.tp)),
    )


@dataclass(frozen=True, kw_only=True)
class PrefillSide:
    """Passes over prompts in one pool, whatever decodes."""

    pool: Pool
    setup: Setup
    passes: PrefillPass
    prompts: Array
    """Prompts of a pass [1]."""
    joined: Array
    """Replicas that share experts [replica]."""
    sends_s: Array
    """Time that the KV cache of one prompt takes of the ports of a replica [s]."""
    brought_s: Array | None
    """Time that a prefix cache is busy for one prompt [s]; None where nothing is brought back."""
    kv_held_bytes: Array
    """KV cache of the prompts on their way through a chip [B]."""
    violations: Mapping[str, Array]
    """Named constraints, feasible where <= 0."""
    under: UnderPrefill | None = None
    """What there is to send under; None where KV cache is sent after the prefill."""

    def replica(self, busy_s: Array, load: float) -> PrefillPool:
        """A replica whose links are busy for the KV cache of a prompt [s]."""
        # what a prefix cache brings back takes the replica's time like what it sends
        sent = busy_s if self.brought_s is None else maximum(busy_s, self.brought_s)
        return PrefillPool(
            pass_s=self.passes.stage_s(),
            prompts=self.prompts,
            send_s=sent,
            load=load,
            joined=self.joined,
        )


def prefill_side(pool: Pool, link: PoolLink, context: Context) -> PrefillSide:
    """A pool that prefills, by itself.

    Args:
        pool: chips that prefill.
        link: network to what decodes.
        context: network, formats and workload.

    Returns:
        Passes, and what of them does not depend on the pool that decodes.

    Domain:
        As `prefill_decode`.

    Limits:
        As `prefill_decode`.

    Source:
        As `prefill_decode`.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    d, work = pool.deployments, context.workload
    designs = Designs.of(pool.chips, d)
    load = Disaggregated().prompt_load(designs, work)
    s = set_up(designs, context, load)
    # a prefill replica holds KV cache of its prompts, on their way through every stage, and of no batch
    kv_bytes = context.precision.kv_bytes
    each = s.most_of_stage(lambda layer: layer.kept_bytes(work.isl, kv_bytes))
    held = d.pp * load.prompts * each
    whole = mean_layer(context.llm, ones_like(d.tp)).kept_bytes(work.isl, context.precision.kv_bytes)
    unique = ceil_div(float(context.llm.layers), d.pp) * d.pp * whole
    if s.drafting is not None:  # the last stage sends what its modules keep as well
        own, one = s.drafting.own, ones_like(d.tp)
        more = float(own.modules * own.llm.layers) * mean_layer(own.llm, one).kept_bytes(work.isl, kv_bytes)
        last = floor(float(context.llm.layers) / d.pp) * whole + more
        unique = maximum(unique, last * d.pp)
    passes = prefill_pass(s)
    brought = prefix_busy_s(s, passes.resources(s, load.prompts))
    turn = passes.stage_s() if brought is None else maximum(passes.stage_s(), load.prompts * brought)
    return PrefillSide(
        pool=pool,
        setup=s,
        passes=passes,
        prompts=load.prompts,
        joined=joined(s),
        sends_s=unique / (d.ways * d.pp * port_bandwidth(pool.chips, link.bandwidth)),
        brought_s=brought,
        kv_held_bytes=held,
        violations=pool_violations(
            pool.role,
            s,
            s.machine.placed.excess_bytes + (held - s.held_bytes["kv_cache"]),
            # as busy as it may be
            work.prefill_load * load.prompts * inverse(turn),
        ),
        under=under_prefill(s, passes, load.prompts),
    )


def receives_s(side: DecodeSide, link: PoolLink) -> Array:
    """Time that the KV cache of one prompt takes of the ports of a replica that decodes [s].

    Args:
        side: what decodes.
        link: network from what prefills.

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Chips that hold copies receive each their own.

    Limits:
        0 for a network without KV cache.

    Source:
        By definition.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    kept = side.holder.deployments
    ports = kept.ways * kept.pp * port_bandwidth(side.holder.chips, link.bandwidth)
    return side.prompt_kv_bytes / ports


def receivers(side: DecodeSide, context: Context) -> Array:
    """Layers of a stage of the pool that decodes and holds KV cache, the largest [1].

    Args:
        side: what decodes.
        context: network.

    Returns:
        Layers, shapes broadcast [1].

    Domain:
        As `exposed_s`.

    Limits:
        All layers for one stage.

    Source:
        Counted.

    Examples:
        By hand, in tests/systems/test_kv_under_prefill.py.
    """
    return ceil_div(float(context.llm.layers), side.holder.deployments.pp)


def _line(own: PrefillSide, side: DecodeSide, link: PoolLink) -> AlphaBeta:
    """Seconds of the bytes that the chips of a decode replica receive for one prompt.

    Chips that hold copies receive each their own; of a prompt, every byte is sent once by one of the chips
    that computed it, and copied on the way where more than one receives it. Stages send at once, so the one
    with the most layers decides.
    """
    # a network without KV cache sends nothing
    each = inverse(side.prompt_kv_bytes)
    return AlphaBeta(latency_s=link.latency_s, s_per_byte=maximum(own.sends_s, receives_s(side, link)) * each)
