"""Prefill on one pool, decode on the other: KV cache on its way under a prefill, replicas that are fed."""

from objectives.arrays import Array, floor
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.pools.crossing import Message
from objectives.equations.serving.matched_pools import PrefillPool, busy_per_pass
from objectives.equations.serving.under_prefill import left_s


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
        `crossing.message` for one layer or a prefill that takes no time; latency and the share of one layer
        for a fast link. Never above `crossing.message`.

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
    return Message(seconds=link.latency_s + left_s(sent, layers, prefill_s / layers), busy_s=sent)


def fed_replicas(prefill: PrefillPool, replicas: Array, requests_per_s: Array, *, whole: bool) -> Array:
    """Replicas of the decode pool that a given prefill pool can feed [replica].

    replicas x prompts x load / (seconds of a pass x requests of one decode replica): the inverse of
    `matched_pools.prefill_replicas`.

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
