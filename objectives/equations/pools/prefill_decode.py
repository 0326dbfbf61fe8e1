"""Prefill on one pool, decode on the other, of unlike chips and layouts: rates that match, KV on its way."""

from dataclasses import dataclass

from objectives.arrays import Array, floor, inverse, maximum
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.pools.crossing import Message, message
from objectives.equations.serving.disaggregated import prefill_replicas, wait
from objectives.equations.serving.queueing import shortfall, throughput


def kv_after_prefill(link: AlphaBeta, size_bytes: Array) -> Message:
    """KV cache of a prompt that is sent when its prefill is done.

    latency + bytes / bandwidth, all of it after the prompt.

    Args:
        link: line between a prefill replica and a decode replica, see `crossing`.
        size_bytes: KV cache of one prompt [B].

    Returns:
        Seconds that the prompt waits for it, and those that the link is busy, shapes broadcast.

    Domain:
        One prompt at a time on the link.

    Limits:
        The latency for no bytes.

    Source:
        DistServe, Zhong et al., OSDI 2024 (arXiv 2401.09670).

    Examples:
        Published: 1.13 GB of KV cache of 512 tokens of OPT-66B (ibid., section 3.3), here at 50 GB/s.

        >>> round(kv_after_prefill(AlphaBeta(latency_s=0.0, s_per_byte=1.0 / 50e9), 1.13e9).seconds, 9)
        0.0226
    """
    return message(link, size_bytes)


def kv_under_prefill(link: AlphaBeta, size_bytes: Array, layers: Array, prefill_s: Array) -> Message:
    """KV cache of a prompt that is sent layer by layer while later layers are computed.

    With u seconds of bytes, p of prefill and L layers the last byte comes
    latency + max(u / L, u - p (1 - 1 / L)) after the prefill: where the link is faster, the last layer
    remains; where it is slower, it is busy from the end of the first layer on.

    Args:
        link: line between a prefill replica and a decode replica, see `crossing`.
        size_bytes: KV cache of one prompt [B].
        layers: layers of which each sends its own [1].
        prefill_s: time of the prefill of these layers [s].

    Returns:
        Seconds that the prompt still waits after its prefill, and those that the link is busy, shapes
        broadcast.

    Domain:
        Layers of equal time and size; messages follow each other without an answer. Of a pipeline the last
        stage decides, with its own layers, time, bytes and links.

    Limits:
        `kv_after_prefill` for one layer or a prefill that takes no time; latency and the share of one layer
        for a fast link. Never above `kv_after_prefill`.

    Source:
        Splitwise, Patel et al., ISCA 2024 (arXiv 2311.18677), figure 11: transfer layer by layer; an event
        simulation in tests/simulation gives the same numbers to rounding.

    Examples:
        By hand: 40 layers of 10 ms each; 0.2 s of bytes leave 5 ms, 0.8 s of them 0.41 s.

        >>> line = AlphaBeta(latency_s=0.0, s_per_byte=1.0)
        >>> [round(kv_under_prefill(line, size, 40.0, 0.4).seconds, 9) for size in (0.2, 0.8)]
        [0.005, 0.41]
    """
    sent = size_bytes * link.s_per_byte
    left = maximum(sent / layers, sent - prefill_s * (1.0 - 1.0 / layers))
    return Message(seconds=link.latency_s + left, busy_s=sent)


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
    """Share of the time that they are busy [1]; at most the load that was asked for."""
    queue_s: Array
    """Mean wait of a prompt before its prefill [s]."""


def matched_pools(prefill: PrefillPool, decode: DecodePool, exposed_s: Array, *, whole: bool) -> PoolRates:
    """The prefill pool that serves all requests of a decode pool, and the rate of both.

    A slot is held for OSL tokens and for the KV cache that travels into it; a decode replica that receives
    more slowly than it decodes waits (`queueing.shortfall`). A prefill replica is busy for its pass or for
    sending, whichever takes longer; the pool has `disaggregated.prefill_replicas` of them.

    Args:
        prefill: a replica of the prefill pool.
        decode: the decode pool.
        exposed_s: time that a prompt's KV cache travels after its prefill [s], see `kv_after_prefill` and
            `kv_under_prefill`.
        whole: whether the prefill pool is whole replicas of one system; a fleet buys in any ratio.

    Returns:
        TPOT, throughput, replicas, their load and the wait for them, shapes broadcast.

    Domain:
        Slots of the decode pool never stay empty; every prompt is prefilled alike.

    Limits:
        No prefill replica where prompts take no time; the formulas of `serving.disaggregated` where both
        pools are alike and KV cache is sent after the prefill.

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


def fed_replicas(prefill: PrefillPool, replicas: Array, requests_per_s: Array, *, whole: bool) -> Array:
    """Replicas of the decode pool that a given prefill pool can feed [replica].

    replicas x prompts x load / (seconds of a pass x requests of one decode replica): the inverse of
    `disaggregated.prefill_replicas`.

    Args:
        prefill: a replica of the prefill pool.
        replicas: how many there are [replica].
        requests_per_s: requests that one decode replica serves [1/s], above 0.
        whole: whether the decode pool is whole replicas of one system, rounded down.

    Returns:
        Replicas, shapes broadcast [replica].

    Domain:
        A pass takes some time.

    Limits:
        Linear in the prefill replicas; 0 whole ones where the prefill pool is too small for one.

    Source:
        Utilisation law, Lazowska et al., Quantitative System Performance (1984), section 3.2.

    Examples:
        By hand: three replicas that are busy for 80 % with passes of 0.1 s serve 24 requests a second, enough
        for two of 10 and a rest.

        >>> pool = PrefillPool(pass_s=0.1, prompts=1.0, send_s=0.0, load=0.8, joined=1.0)
        >>> round(fed_replicas(pool, 3.0, 10.0, whole=False), 9), fed_replicas(pool, 3.0, 10.0, whole=True)
        (2.4, 2.0)
    """
    fed = replicas * prefill.prompts * prefill.load / (busy_per_pass(prefill) * requests_per_s)
    return floor(fed) if whole else fed
