"""A pool that prefills and a pool that decodes at one rate of requests: replicas, waits, what they give."""

from dataclasses import dataclass

from objectives.arrays import Array, ceil_div, inverse, maximum, minimum
from objectives.equations.serving.queueing import shortfall, throughput


@dataclass(frozen=True, kw_only=True)
class PrefillPool:
    """What a replica of the prefill pool does with a pass over prompts."""

    pass_s: Array
    """Time that a pass occupies its slowest stage [s]."""
    prompts: Array
    """Prompts of a pass [1]."""
    send_s: Array
    """Time that the KV cache of one prompt takes of the replica's links [s]."""
    load: float
    """Share of the time that the pool may be busy [1], above 0 and below 1."""
    joined: Array
    """Replicas that share experts, so that they are bought together [1]."""


@dataclass(frozen=True, kw_only=True)
class DecodePool:
    """What a replica of the decode pool does with its sequences."""

    batch: Array
    """Sequences of a replica [1]."""
    step_s: Array
    """Time for a token of each of them [s]."""
    osl: Array
    """Output tokens of a request [token]."""
    replicas: Array
    """Replicas of the pool [replica]."""
    receive_s: Array
    """Time that the KV cache of one prompt takes of the replica's links [s]."""


@dataclass(frozen=True, kw_only=True)
class PoolRates:
    """Both pools at the same rate of requests."""

    tpot_s: Array
    """Time per output token [s]."""
    behind_s: Array
    """Of this, the wait for KV cache that comes too slowly [s]."""
    tokens_per_s: Array
    """Output tokens of the decode pool [token/s]."""
    prefill_replicas: Array
    """Replicas of the prefill pool [replica]."""
    prefill_busy: Array
    """Share of the time that they are busy [1]; at most `PrefillPool.load`."""
    queue_s: Array
    """Mean wait of a prompt before its prefill [s]."""


def matched_pools(prefill: PrefillPool, decode: DecodePool, exposed_s: Array, *, whole: bool) -> PoolRates:
    """The prefill pool that serves all requests of a decode pool, and the rate of both.

    A slot is held for OSL tokens and for the KV cache that travels into it; a decode replica that receives
    more slowly than it decodes waits (`queueing.shortfall`). A prefill replica is busy for its pass or for
    sending, whichever takes longer; the pool has `prefill_replicas` of them.

    Args:
        prefill: a replica of the prefill pool.
        decode: the decode pool.
        exposed_s: time that a prompt's KV cache travels after its prefill [s].
        whole: whether the prefill pool is whole replicas of one system; a fleet buys in any ratio.

    Returns:
        TPOT, throughput, replicas, their load and the wait for them, shapes broadcast.

    Domain:
        Slots of the decode pool never stay empty; every prompt is prefilled alike.

    Limits:
        No prefill replica where prompts take no time; TPOT is the step where KV cache takes no time.

    Source:
        Little, Operations Research 9 (1961); utilisation and bottleneck laws, Lazowska et al. (1984),
        chapter 3; DistServe (arXiv 2401.09670), section 4, for pools of unlike sizes.

    Examples:
        By hand: 40 slots that are each held for 100 tokens of 10 ms ask for 40 requests a second; passes of
        0.1 s keep four replicas busy, or five for 80 % of the time.

        >>> pool = PrefillPool(pass_s=0.1, prompts=1.0, send_s=0.0, load=0.8, joined=1.0)
        >>> slots = DecodePool(batch=40.0, step_s=0.01, osl=100.0, replicas=1.0, receive_s=0.0)
        >>> both = matched_pools(pool, slots, 0.0, whole=False)
        >>> round(both.tokens_per_s, 6), round(both.prefill_replicas, 6), round(both.prefill_busy, 6)
        (4000.0, 5.0, 0.8)
    """
    alone = decode.step_s + exposed_s / decode.osl
    behind = shortfall(decode.batch, decode.receive_s, alone, decode.osl)
    tpot = decode.step_s + behind
    # the slot is kept while KV cache travels into it
    tokens = throughput(decode.batch, tpot + exposed_s / decode.osl, decode.replicas)
    requests, busy = tokens / decode.osl, busy_per_pass(prefill)
    replicas = prefill_replicas(requests, busy, prefill.prompts, prefill.load, prefill.joined, whole=whole)
    others = (decode.replicas * decode.batch - 1.0) / prefill.prompts
    return PoolRates(
        tpot_s=tpot,
        behind_s=behind,
        tokens_per_s=tokens,
        prefill_replicas=replicas,
        # 0 where prompts take no time and no replica is needed
        prefill_busy=requests * busy * inverse(prefill.prompts * replicas),
        queue_s=wait(busy, prefill.load, others),
    )


def busy_per_pass(prefill: PrefillPool) -> Array:
    """Time that a pass keeps a prefill replica from the next one [s].

    max(pass, prompts x sending): links send the KV cache of a pass while the next one is computed.

    Args:
        prefill: a replica of the prefill pool.

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Room for the KV cache of two passes.

    Limits:
        The pass where links are fast.

    Source:
        Bottleneck law, Lazowska et al., Quantitative System Performance (1984), section 5.2.

    Examples:
        By hand: two prompts of 80 ms of sending each behind a pass of 100 ms.

        >>> busy_per_pass(PrefillPool(pass_s=0.1, prompts=2.0, send_s=0.08, load=0.8, joined=1.0))
        0.16
    """
    return maximum(prefill.pass_s, prefill.prompts * prefill.send_s)


def prefill_replicas(
    requests_per_s: Array, pass_s: Array, prompts: Array, load: float, joined: Array, *, whole: bool
) -> Array:
    """Replicas of the prefill pool that are busy for a share of the time [replica].

    requests x seconds of a pass / (prompts of a pass x load). A fleet of many replicas buys the two pools in
    this ratio. One system rounds up to groups of the replicas that share experts, so it is busy for that
    share at most.

    Args:
        requests_per_s: requests of all decode replicas [1/s].
        pass_s: time that a pass occupies a prefill replica [s].
        prompts: prompts of a pass [1].
        load: share of the time that the pool is busy [1].
        joined: replicas that share experts [1].
        whole: whether pools are whole replicas of one system.

    Returns:
        Replicas, shapes broadcast [replica].

    Domain:
        All replicas of the prefill pool are alike; those of the decode pool count by their requests alone.

    Limits:
        0 where prompts take no time; the decode pool never starves, since load <= 1.

    Source:
        Utilisation law, Lazowska et al., Quantitative System Performance (1984), section 3.2.

    Examples:
        By hand: 10 requests a second of 0.2 s each keep two replicas busy all the time, or 2.5 for 80 % of
        it: three whole ones.

        >>> prefill_replicas(10.0, 0.2, 1.0, 0.8, 1.0, whole=False)
        2.5
        >>> prefill_replicas(10.0, 0.2, 1.0, 0.8, 1.0, whole=True)
        3.0
    """
    need = requests_per_s * pass_s / (prompts * load)
    return joined * ceil_div(need, joined) if whole else need


def wait(pass_s: Array, load: float, others: Array) -> Array:
    """Mean time that a prompt waits in a pool that is busy for a share of the time [s].

    rho / (2 (1 - rho)) of a pass: Pollaczek-Khinchine for passes of equal length and random arrivals, as if
    the pool were one server. Never longer than the passes of all other requests in flight.

    Args:
        pass_s: time of a pass [s].
        load: share rho of the time that the pool is busy [1].
        others: passes of all other requests in flight [1].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        An upper bound: a real pool of several replicas waits less, and so does one that is less busy.

    Limits:
        0 when idle or when there is no other request.

    Source:
        Kleinrock, Queueing Systems I (1975), equation 5.64 (M/D/1).

    Examples:
        Published: at a load of 1/2 an M/D/1 queue waits half of a service time, half of what an M/M/1 queue
        waits (ibid.).

        >>> wait(1.0, 0.5, 100.0)
        0.5
    """
    # the bound by `others` matters for few requests in flight: a closed loop has no endless queue
    return pass_s * minimum(load / (2.0 * (1.0 - load)), others)
