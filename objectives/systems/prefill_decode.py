"""Prefill | decode: prompts run on one pool, KV cache crosses a link, tokens are decoded on the other."""

from objectives.api import Context, Designs, Pool, PoolLink
from objectives.arrays import ceil_div, inverse, maximum, ones_like
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.pools.crossing import message
from objectives.equations.serving.disaggregated import Disaggregated
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.matched_pools import DecodePool, PrefillPool, matched_pools
from objectives.equations.step.batch_setup import set_up
from objectives.equations.step.prefill_pass import prefill_pass, prefix_load_s
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
        KV cache is sent after the prefill. Of chips that hold copies each receives its own.

    Limits:
        As `serving.disaggregated` for two pools of one chip in one layout.

    Source:
        DistServe, Zhong et al., OSDI 2024 (arXiv 2401.09670); Splitwise, Patel et al., ISCA 2024.

    Examples:
        By hand, in tests/systems/test_prefill_decode.py.
    """
    d, work = pool.deployments, context.workload
    designs = Designs.of(pool.chips, d)
    load = Disaggregated().prompt_load(designs, work)
    s = set_up(designs, context, load)
    prefill, prompts, brought = prefill_pass(s), load.prompts, prefix_load_s(s)
    sent = message(_line(pool, side, link, context), side.prompt_kv_bytes)
    exposed, busy = (prefill.where_prompts(each) for each in (sent.seconds, sent.busy_s))
    # what a prefix cache brings back takes the replica's time like what it sends
    loaded = busy if brought is None else maximum(busy, brought)
    rates = matched_pools(
        PrefillPool(
            pass_s=prefill.stage_s(),
            prompts=prompts,
            send_s=loaded,
            load=work.prefill_load,
            joined=joined(s),
        ),
        DecodePool(
            batch=side.batch, step_s=side.step_s, osl=work.osl, replicas=side.replicas, receive_s=busy
        ),
        exposed,
        whole=work.pools == "system",
    )
    first = {
        "queue": rates.queue_s,
        "kv_transfer": exposed,
        "request_overhead": pool.chips.stack.request_overhead_s,
        **first_token_parts(s, prefill, side.step_s, prompts),
    }
    # a prefill replica holds KV cache of its prompts, on their way through every stage, and of no batch
    each = s.stage_layers * s.layer.kept_bytes(work.isl, context.precision.kv_bytes)
    excess = s.machine.placed.excess_bytes + (d.pp * prompts * each - s.held_bytes["kv_cache"])
    held = {**s.held_bytes, "kv_cache": d.pp * prompts * each}
    used = PoolUse(
        role=pool.role,
        chips=pool.chips,
        count=d.ways * d.pp * rates.prefill_replicas,
        together=d.ways * d.pp * joined(s),
        resources=prefill.resources(s, prompts),
        replicas=rates.prefill_replicas,
        held_bytes=held,
        busy=rates.prefill_busy,
    )
    return SystemResult(
        tpot_s=rates.tpot_s,
        ttft_s=total(prefill.seconds(), first),
        tokens_per_s=rates.tokens_per_s,
        tpot_parts_s={**side.parts_s, "kv_transfer": rates.behind_s},
        ttft_parts_s={**prefill.parts(s), **first},
        bounds_s={**side.bounds_s, "link": side.bounds_s["link"] + rates.behind_s},
        violations={**pool_violations(pool.role, s, excess), **side.violations},
        uses=(used, *side.uses),
        link=link,
        extra_capex=stored(pool.role, context, rates.prefill_replicas, ones_like(d.tp)),
    )


def _line(pool: Pool, side: DecodeSide, link: PoolLink, context: Context) -> AlphaBeta:
    """Seconds of the bytes that the chips of a decode replica receive for one prompt.

    Chips that hold copies receive each their own; of a prompt, every byte is sent once by one of the chips
    that computed it, and copied on the way where more than one receives it. Stages send at once, so the one
    with the most layers decides.
    """
    d, kept = pool.deployments, side.holder.deployments
    whole = mean_layer(context.llm, ones_like(d.tp)).kept_bytes(
        context.workload.isl, context.precision.kv_bytes
    )
    unique = ceil_div(float(context.llm.layers), d.pp) * d.pp * whole
    sends = d.ways * d.pp * port_bandwidth(pool.chips, link.bandwidth)
    receives = kept.ways * kept.pp * port_bandwidth(side.holder.chips, link.bandwidth)
    # a network without KV cache sends nothing
    each = inverse(side.prompt_kv_bytes)
    per_byte = maximum(unique / sends, side.prompt_kv_bytes / receives) * each
    return AlphaBeta(latency_s=link.latency_s, s_per_byte=per_byte)
