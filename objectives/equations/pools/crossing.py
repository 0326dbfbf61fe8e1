"""The link between two pools of chips, and the messages that cross it."""

from dataclasses import dataclass

from objectives.arrays import Array, minimum
from objectives.equations.interconnect.alpha_beta import AlphaBeta


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message from one pool to the other."""

    seconds: Array
    """From its start to its last byte there [s]."""
    busy_s: Array
    """Of these, the time that it keeps the link from the next message [s]: its bytes, not its latency."""

    def times(self, share: float) -> "Message":
        """One that crosses in a share of the layers alone."""
        return Message(seconds=share * self.seconds, busy_s=share * self.busy_s)


def crossing(
    chips_a: Array,
    bandwidth_a: Array,
    chips_b: Array,
    bandwidth_b: Array,
    latency_s: Array,
    link_bandwidth: Array | None = None,
) -> AlphaBeta:
    """The line of a message between a replica of one pool and a replica of the other.

    latency + S / min(n_a b_a, n_b b_b): all chips of both sides send and receive at once, so that the side
    with less bandwidth in total sets the pace. A stated link caps what each chip gives: b = min(b, link).

    Args:
        chips_a: chips n_a that send or receive on one side [1].
        bandwidth_a: bandwidth b_a of one of them in one direction, as software reaches it [B/s].
        chips_b: chips n_b on the other side [1].
        bandwidth_b: bandwidth b_b of one of them [B/s].
        latency_s: from one pool to the other [s].
        link_bandwidth: stated bandwidth of the link for each chip [B/s]; None where the chips' own holds.

    Returns:
        An alpha-beta line against the bytes of the whole message, shapes broadcast.

    Domain:
        Bandwidths above 0: a link that is missing is refused before. Bytes are spread evenly over the chips
        of each side. Both directions work at once. A network between the pools that is narrower than the
        chips' links is stated as `link_bandwidth`.

    Limits:
        The latency for no bytes; a point-to-point send for one chip on each side; symmetric in both sides.

    Source:
        Hockney, Parallel Computing 20 (1994), for the line; MegaScale-Infer, Zhu et al., SIGCOMM 2025 (arXiv
        2504.02263), equation 6, for the slower of both sides.

    Examples:
        Published: 128 rows of each of two attention chips, 7,168 bytes a row, in 91 us for one FFN chip that
        has a NIC of 161.3 Gbit/s (StepMesh, github.com/stepfun-ai/StepMesh, table 1).

        >>> link = crossing(2.0, 161.3e9 / 8.0, 1.0, 161.3e9 / 8.0, 0.0)
        >>> round(float(link.seconds(2.0 * 128.0 * 7168.0)) * 1e6)
        91
    """
    if link_bandwidth is not None:
        bandwidth_a, bandwidth_b = minimum(bandwidth_a, link_bandwidth), minimum(bandwidth_b, link_bandwidth)
    return AlphaBeta(
        latency_s=latency_s, s_per_byte=1.0 / minimum(chips_a * bandwidth_a, chips_b * bandwidth_b)
    )


def message(link: AlphaBeta, size_bytes: Array) -> Message:
    """A message over a link.

    Seconds as the line says; the link is busy for the bytes alone, since the next message may start while
    the last byte is under way.

    Args:
        link: alpha-beta line of the link.
        size_bytes: bytes of the message [B].

    Returns:
        Its time and what it takes of the link, shapes broadcast.

    Domain:
        A sender that does not wait for an answer before the next message.

    Limits:
        Busy for all of its time where the latency is 0.

    Source:
        Latency hides behind other messages, gap does not: Culler et al., LogP, PPoPP 1993.

    Examples:
        By hand: 1 MB at 1 GB/s and 10 us of latency.

        >>> sent = message(AlphaBeta(latency_s=1e-5, s_per_byte=1e-9), 1e6)
        >>> round(sent.seconds * 1e6), round(sent.busy_s * 1e6)
        (1010, 1000)
    """
    return Message(seconds=link.seconds(size_bytes), busy_s=size_bytes * link.s_per_byte)


def activation_bytes(rows: Array, hidden: Array, bytes_each: Array, copies: Array = 1.0) -> Array:
    """Bytes of the activations of some rows that cross from one pool to the other [B].

    rows x hidden x bytes x copies.

    Args:
        rows: rows of a micro-batch [1].
        hidden: width of the residual stream [1].
        bytes_each: bytes of one element [B].
        copies: times that each row is sent [1]: 1 where the other pool hands rows on itself, as many as the
            nodes that hold its experts where each of them gets its own copy.

    Returns:
        Bytes, shapes broadcast [B].

    Domain:
        Scales of quantised rows and the lists of experts are left out, since they are small.

    Limits:
        Linear in each argument.

    Source:
        Step-3 (arXiv 2507.19427), figure 6: rows leave in 8 bits and sums come back in 16 bits.

    Examples:
        Published: a row of 7,168 elements out in one byte and back in two, for 256 rows (StepMesh, table 1:
        2 x 128 x 7168 x 3).

        >>> activation_bytes(256.0, 7168.0, 1.0) + activation_bytes(256.0, 7168.0, 2.0)
        5505024.0
    """
    return rows * hidden * bytes_each * copies
