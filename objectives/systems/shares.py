"""What each pool of prefill | decode brings to a pair: a few columns, from which every metric of it follows.

A pool is evaluated once, alone. Metrics of a pair of pools then cost some additions, so that the pairs of
many designs of both cost the sum of both and not the product.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from objectives.api import Context, Metrics, Pool, PoolLink
from objectives.arrays import Array, maximum, ones_like, zeros_like
from objectives.equations.cost import money
from objectives.equations.cost.energy import metered
from objectives.equations.serving.first_token import begun_s, first_token_parts, total
from objectives.equations.serving.matched_pools import DecodePool, PrefillPool, matched_pools
from objectives.equations.serving.under_prefill import UnderPrefill, exposed_s
from objectives.equations.step.prefix_cache import kept_elsewhere
from objectives.systems.decode_side import stored, whole_side
from objectives.systems.pool_costs import PoolCosts, pool_costs
from objectives.systems.prefill_decode import PrefillSide, prefill_side, receivers, receives_s
from objectives.systems.result import PoolUse


@dataclass(frozen=True, kw_only=True)
class PrefillShare(PoolCosts):
    """One replica of a pool that prefills."""

    pass_s: Array
    """Time that a pass occupies its slowest stage [s]."""
    prompts: Array
    """Prompts of a pass [1]."""
    joined: Array
    """Replicas that share experts [replica]."""
    sends_s: Array
    """Time that the KV cache of one prompt takes of its ports [s]."""
    brought_s: Array
    """Time that a prefix cache is busy for one prompt [s]."""
    some: Array
    """Share of requests with prompt tokens to compute [1]."""
    first_s: Array
    """TTFT without the wait for others, the way of KV cache and a step of decode [s]."""
    under: Array | None = None
    """1 where KV cache is sent under the prefill, 0 where after it; None where no pool of the batch does so,
    and so are the next two."""
    layers: Array | None = None
    """Layers of a stage [1]."""
    layer_s: Array | None = None
    """Time of a layer of a pass [s]."""

    def sending(self) -> UnderPrefill | None:
        """What there is to send under; None where all is sent after the prefill."""
        if self.under is None or self.layers is None or self.layer_s is None:
            return None
        return UnderPrefill(under=self.under, layers=self.layers, layer_s=self.layer_s, prompts=self.prompts)


@dataclass(frozen=True, kw_only=True)
class DecodeShare(PoolCosts):
    """All replicas of a pool that decodes."""

    batch: Array
    """Sequences of a replica [1]."""
    replicas: Array
    """Replicas [replica]."""
    step_s: Array
    """Time for a token of every sequence [s]."""
    receives_s: Array
    """Time that the KV cache of one prompt takes of the ports of a replica [s]."""
    receivers: Array
    """Layers of a stage, whose KV cache its ports receive [1]."""


def prefill_share(pool: Pool, link: PoolLink, context: Context) -> tuple[PrefillShare, Mapping[str, Array]]:
    """What a pool that prefills brings to any pair, and its named constraints.

    Args:
        pool: chips that prefill.
        link: network to what decodes.
        context: network, formats, workload and economy.

    Returns:
        Columns of one replica, and violations that are feasible where <= 0.

    Raises:
        ValueError: for a prefix cache that all replicas share, whose dollars belong to no replica.

    Domain:
        As `prefill_decode`.

    Limits:
        None.

    Source:
        As `prefill_decode`.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    if problem := unshared(context):
        raise ValueError(problem)
    own, d = prefill_side(pool, link, context), pool.deployments
    one = ones_like(d.tp)
    costs = pool_costs(_replica(own), link, context.economy)
    cache = stored(pool.role, context, one, one)
    none = zeros_like(own.passes.stage_s())
    parts = first_token_parts(own.setup, own.passes, none, own.prompts)
    first = {"request_overhead": pool.chips.stack.request_overhead_s, **parts}
    columns = {
        **costs.columns(),
        "capex_usd": total(costs.capex_usd, cache),
        "pass_s": own.passes.stage_s(),
        "prompts": own.prompts + none,
        "joined": own.joined + none,
        "sends_s": own.sends_s + none,
        "brought_s": none if own.brought_s is None else own.brought_s + none,
        "some": own.passes.where_prompts(one + none),
        "first_s": total(own.passes.seconds(), first),
    }
    if own.under is not None:
        sent = own.under
        sending = {"under": sent.under, "layers": sent.layers, "layer_s": sent.layer_s}
        columns |= {name: column + none for name, column in sending.items()}
    return PrefillShare(**columns), own.violations


def _replica(own: PrefillSide) -> PoolUse:
    """The chips of one replica."""
    d, s = own.pool.deployments, own.setup
    one = ones_like(d.tp)
    return PoolUse(
        role=own.pool.role,
        chips=own.pool.chips,
        count=d.ways * d.pp * one,
        together=d.ways * d.pp * own.joined,
        resources=own.passes.resources(s, own.prompts),
        replicas=one,
        held_bytes={},
        busy=one,
    )


def decode_share(pool: Pool, link: PoolLink, context: Context) -> tuple[DecodeShare, Mapping[str, Array]]:
    """What a pool that decodes brings to any pair, and its named constraints.

    Args:
        pool: chips that decode.
        link: network from what prefills.
        context: network, formats, workload and economy.

    Returns:
        Columns of all replicas, and violations that are feasible where <= 0.

    Domain:
        As `prefill_decode`.

    Limits:
        None.

    Source:
        As `prefill_decode`.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    side = whole_side(pool, kept_elsewhere(context), parts=False)
    (use,) = side.uses
    share = DecodeShare(
        **pool_costs(use, link, context.economy).columns(),
        batch=side.batch,
        replicas=side.replicas,
        step_s=side.step_s,
        receives_s=receives_s(side, link),
        receivers=receivers(side, context),
    )
    return share, side.violations


def unshared(context: Context) -> str:
    """Why pairs do not follow from what each pool brings; the empty string where they do.

    Args:
        context: workload.

    Returns:
        A sentence.

    Domain:
        Prefill | decode.

    Limits:
        None.

    Source:
        By definition: the dollars of one store for all replicas belong to none of them.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    cache = context.workload.prefix
    if cache is not None and cache.tier == "pooled":
        return "prefix_cache.tier: expected dram or host, got pooled"
    return ""


def paired(prefill: PrefillShare, decode: DecodeShare, link: PoolLink, context: Context) -> Metrics:
    """Metrics of pairs of pools, from what each of them brings.

    Args:
        prefill: replicas that prefill.
        decode: pools that decode; columns broadcast against those of `prefill`.
        link: network between the pools.
        context: network, formats, workload and economy.

    Returns:
        Metrics without ledgers and without violations, which both pools have of their own.

    Domain:
        As `prefill_decode`.

    Limits:
        As `prefill_decode`, of which it is a shorter way to the same numbers.

    Source:
        `matched_pools`; sums over pools.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    work, economy = context.workload, context.economy
    sent = maximum(prefill.sends_s, decode.receives_s)
    busy, exposed = prefill.some * sent, prefill.some * (link.latency_s + sent)
    own, waited = prefill.sending(), exposed
    if own is not None:
        left = exposed_s(own, prefill.sends_s, decode.receives_s, decode.receivers)
        waited = prefill.some * (link.latency_s + left)
    rates = matched_pools(
        PrefillPool(
            pass_s=prefill.pass_s,
            prompts=prefill.prompts,
            send_s=maximum(busy, prefill.brought_s),
            load=work.prefill_load,
            joined=prefill.joined,
        ),
        DecodePool(
            batch=decode.batch,
            step_s=decode.step_s,
            osl=work.osl,
            replicas=decode.replicas,
            receive_s=busy,
        ),
        exposed,
        whole=work.pools == "system",
    )
    n, tokens = rates.prefill_replicas, rates.tokens_per_s
    prompts_usd = n * prefill.capex_usd
    capex = decode.capex_usd + prompts_usd
    power = decode.power_w + n * prefill.power_w
    drawn = (decode.static_w + n * prefill.static_w) / tokens + decode.drawn_j + prefill.drawn_j
    energy = metered(economy, drawn)
    per_mtok = money.usd_per_million_tokens(economy, capex, power, tokens, energy)
    inputs, outputs = money.token_prices(per_mtok, prompts_usd / capex, work.isl, work.osl)
    return Metrics(
        tpot_s=rates.tpot_s,
        ttft_s=prefill.first_s
        + rates.queue_s
        + waited
        + begun_s(work, prefill.some, decode.step_s, rates.tpot_s),
        tokens_per_s=tokens,
        chips=decode.chips + n * prefill.chips,
        capex_usd=capex,
        usd_per_token_per_s=capex / tokens,
        usd_per_million_tokens=per_mtok,
        usd_per_million_input_tokens=inputs,
        usd_per_million_output_tokens=outputs,
        energy_per_token_j=energy,
        violations={},
    )
