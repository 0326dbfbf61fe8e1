"""Which pools that prefill can be part of a best pair, and what any pair with a pool that decodes reaches."""

from dataclasses import dataclass
from typing import Literal

from objectives.api import Context, Metrics, PoolLink
from objectives.arrays import Array, maximum, namespace, ones_like, where, zeros_like
from objectives.columns import Columns
from objectives.equations.cost import money
from objectives.equations.cost.energy import metered
from objectives.equations.serving.first_token import begun_s
from objectives.equations.serving.under_prefill import left_s
from objectives.systems.pool_costs import per_million
from objectives.systems.shares import DecodeShare, PrefillShare

Counted = Literal["chips", "capex_usd", "capital", "running", "energy"]
"""What counts of a pool: chips and capital of the whole system, capital for each token a second, dollars of a
million tokens, energy of a token."""


@dataclass(frozen=True, kw_only=True)
class Ideal(Columns):
    """The best value that any of some pools that prefill has of each number; no one pool has them all."""

    sends_s: Array
    """As `PrefillShare`, and so are the next three."""
    some: Array
    """That of the workload, no bound: TTFT falls with it where steps take longer than the way of KV cache."""
    first_s: Array
    drawn_j: Array
    capex_usd: Array
    """Capital for each request a second [USD s]; watts likewise."""
    power_w: Array
    static_w: Array
    left_s: Array | None = None
    """Least that still leaves the ports after a prefill under which KV cache is sent [s]; None where no pool
    does so."""
    after: Array | None = None
    """1 where no pool sends under its prefill, else 0; None likewise."""


def ideal(prefill: PrefillShare, context: Context) -> Ideal:
    """Columns of `Ideal` of each pool; the least of each is taken over the pools that there are.

    Args:
        prefill: replicas that prefill.
        context: workload.

    Returns:
        Columns, shapes broadcast.

    Domain:
        As `least`.

    Limits:
        None.

    Source:
        Utilisation law, as `matched_pools.prefill_replicas`.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    sent = maximum(prefill.brought_s, prefill.some * prefill.sends_s)
    each = maximum(prefill.pass_s / prefill.prompts, sent) / context.workload.prefill_load
    left, after, own = None, None, prefill.sending()
    if own is not None:
        # a faster chip has less time to send under: only that of the last layer falls with all that is better
        left = where(own.under > 0.0, prefill.sends_s / maximum(own.layers, 1.0), prefill.sends_s)
        after = where(own.under > 0.0, 0.0, ones_like(left))
    return Ideal(
        sends_s=prefill.sends_s,
        some=prefill.some,
        first_s=prefill.first_s,
        drawn_j=prefill.drawn_j,
        capex_usd=prefill.capex_usd * each,
        power_w=prefill.power_w * each,
        static_w=prefill.static_w * each,
        left_s=left,
        after=after,
    )


def least(best: Ideal, decode: DecodeShare, link: PoolLink, context: Context) -> Metrics:
    """Metrics that a pool that decodes beats with no pool that prefills; of throughput the most.

    Args:
        best: the best value of each number of the pools that prefill.
        decode: pools that decode.
        link: network between the pools.
        context: network, formats, workload and economy.

    Returns:
        Metrics without ledgers and without violations; those of prompts alone are 0.

    Domain:
        Pools that prefill of which `best` has the least of every column, and all of which have its `some`.

    Limits:
        Those of a pair of a fleet where there is one pool that prefills, and nobody waits for it; chips and
        capital of the system are those of the pool that decodes.

    Source:
        Every metric of a pair falls, or stays, with every column of `Ideal` but `some`.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    work, economy = context.workload, context.economy
    sent = maximum(best.sends_s, decode.receives_s)
    exposed = best.some * (link.latency_s + sent)
    waited = exposed
    if best.left_s is not None and best.after is not None:
        received = where(best.after > 0.0, decode.receives_s, decode.receives_s / decode.receivers)
        waited = best.some * (link.latency_s + maximum(best.left_s, received))
    held = maximum(decode.step_s + exposed / work.osl, decode.batch * (best.some * sent) / work.osl)
    tokens = decode.replicas * decode.batch / held
    requests = tokens / work.osl
    # a faster way of KV cache lets more requests in: what they cost is bounded for each of them alone
    capex = decode.capex_usd + requests * best.capex_usd
    power = decode.power_w + requests * best.power_w
    drawn = (decode.static_w + requests * best.static_w) / tokens + decode.drawn_j + best.drawn_j
    energy, none = metered(economy, drawn), zeros_like(held)
    tpot = maximum(decode.step_s, held - exposed / work.osl)
    return Metrics(
        tpot_s=tpot,
        ttft_s=best.first_s + waited + begun_s(work, best.some, decode.step_s, tpot),
        tokens_per_s=tokens,
        chips=decode.chips + none,
        capex_usd=decode.capex_usd + none,
        usd_per_token_per_s=capex / tokens,
        usd_per_million_tokens=money.usd_per_million_tokens(economy, capex, power, tokens, energy),
        usd_per_million_input_tokens=none,
        usd_per_million_output_tokens=none,
        energy_per_token_j=energy,
        violations={},
    )


def trade_offs(
    prefill: PrefillShare,
    receives_s: tuple[float, float],
    link: PoolLink,
    context: Context,
    *,
    ttft_s: float | None,
    counted: tuple[Counted, ...],
) -> list[Array]:
    """Columns of pools that prefill: one that is no larger in any of them is as good in every pair.

    Args:
        prefill: replicas that prefill.
        receives_s: the shortest and the longest that KV cache of one prompt takes of the ports of any pool
            that decodes [s].
        link: network between the pools.
        context: workload and economy.
        ttft_s: longest TTFT that is allowed; minus infinity where a shorter one is always better, None where
            it does not count [s].
        counted: which costs count.

    Returns:
        Columns, all of one shape.

    Domain:
        Pools of one context and link.

    Limits:
        Dollars of a replica count only where sending may take longer than a pass.

    Source:
        Metrics of `shares.paired` rise, or stay, with each column: TTFT with the pass and what else a prompt
        takes; dollars with those for each prompt, or for each second that a replica sends.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    none, whole = zeros_like(prefill.pass_s), context.workload.pools == "system"
    fastest, slowest = receives_s
    # a pass, or what a prefix cache brings, that takes longer than any sending is all that counts
    alone = maximum(prefill.pass_s, prefill.prompts * prefill.brought_s)
    sent = prefill.some * maximum(prefill.sends_s, slowest)
    binds = prefill.prompts * sent > alone
    each = alone / prefill.prompts
    # what receives more slowly sets the pace of all that send faster
    way = maximum(prefill.sends_s, fastest) + none
    found = [way, prefill.some + none]
    if whole or "chips" in counted or "capex_usd" in counted:
        # a faster way lets more requests in, which need more replicas: only equal ones compare
        found.append(-way)
    if ttft_s is not None:
        # pools that are in time whatever decodes are alike
        late = latest(prefill, alone, sent, link, context) > ttft_s
        found += [(prefill.first_s + none) * late, alone * late, each * late, prefill.prompts * binds * late]
        found += [column * late for column in _under(prefill, context)]
    groups = prefill.joined if whole else ones_like(prefill.joined)
    if whole:
        # groups are bought whole: dollars of one, and the seconds that a request takes of one
        found += [each / groups, binds / groups]
    for name in counted:
        rate, fixed = rate_of(prefill, name, context)
        found += [rate * groups] if whole else [rate * each, rate * binds]
        if fixed is not None:
            found.append(fixed + none)
    return found


def _under(prefill: PrefillShare, context: Context) -> list[Array]:
    """Columns that TTFT rises with where KV cache is sent under the prefill; none where it never is.

    With first_s, what a pass leaves on the way is the least of all bytes and the largest of three: what it
    leaves of what it sends, the last layer of what is received, and all that is received less t for each
    layer of a stage that decodes but one. The last is linear in the number of these layers, so that one and
    all of them decide.
    """
    own = prefill.sending()
    if own is None:
        return []
    under, layers = own.under > 0.0, maximum(own.layers, 1.0)
    sending = prefill.first_s + left_s(own.prompts * prefill.sends_s, layers, own.layer_s)
    least_first = prefill.first_s - own.layer_s * (context.llm.layers - 1.0)
    # pools that send after the prefill are no better than any that send under it
    xp = namespace(sending)
    columns = [where(under, each, xp.max(each)) for each in (sending, own.prompts, least_first)]
    return [where(under, 0.0, ones_like(sending)), *columns]


def latest(prefill: PrefillShare, alone: Array, sent: Array, link: PoolLink, context: Context) -> Array:
    """No TTFT of any pair is longer.

    Args:
        prefill: replicas that prefill.
        alone: time that a pass keeps a replica from the next one where sending is fast [s].
        sent: longest time that the KV cache of a prompt takes [s].
        link: network between the pools.
        context: workload.

    Returns:
        Seconds, without end for requests whose first tokens come from steps of decode [s].

    Domain:
        As `trade_offs`.

    Limits:
        As `matched_pools.wait` with endless requests in flight.

    Source:
        As `shares.paired`.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    load = context.workload.prefill_load
    wait = load / (2.0 * (1.0 - load)) * maximum(alone, prefill.prompts * sent)
    longest = prefill.first_s + wait + (prefill.some * link.latency_s + sent)
    with_prompts = (prefill.some == 1.0) & (context.workload.diffusion is None)
    return where(with_prompts, longest, float("inf"))


def rate_of(prefill: PrefillShare, name: Counted, context: Context) -> tuple[Array, Array | None]:
    """What one replica adds to a metric times tokens a second, and what each token adds.

    Args:
        prefill: replicas that prefill.
        name: what counts.
        context: economy.

    Returns:
        Both in units of `name`; None where tokens add nothing of their own.

    Domain:
        As `trade_offs`.

    Limits:
        None.

    Source:
        As `shares.paired`.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    economy = context.economy
    if name == "running":
        return per_million(prefill, economy)
    if name == "energy":
        return metered(economy, prefill.static_w), metered(economy, prefill.drawn_j)
    return (prefill.chips if name == "chips" else prefill.capex_usd), None
