"""The alpha-beta model of a message: a latency and a time for each byte."""

from dataclasses import dataclass

from objectives.arrays import Array, minimum


@dataclass(frozen=True, kw_only=True)
class AlphaBeta:
    """latency [s] + bytes x seconds per byte [s/B] (Hockney, Parallel Computing 20 (1994))."""

    latency_s: Array
    s_per_byte: Array

    def seconds(self, size_bytes: Array) -> Array:
        """Time of a message [s]."""
        return self.latency_s + size_bytes * self.s_per_byte

    def times(self, count: Array) -> "AlphaBeta":
        """`count` messages of the same size, one after the other."""
        return AlphaBeta(latency_s=count * self.latency_s, s_per_byte=count * self.s_per_byte)


@dataclass(frozen=True, kw_only=True)
class Collective:
    """The better of two algorithms at every size."""

    few_messages: AlphaBeta
    few_bytes: AlphaBeta

    def seconds(self, size_bytes: Array, count: Array = 1.0) -> Array:
        """Time for `count` results of `size_bytes` on every chip [s].

        Limits: 0 for one chip. Without in-network reduction an all-reduce takes at least 2 (n-1)/n V / W
        (Patarasuk & Yuan, JPDC 2009), with it at least V / W.
        """
        # chosen at each size and for each design, as NCCL's tuner does: no fixed switch-over size
        few_messages, few_bytes = (
            algorithm.times(count).seconds(size_bytes) for algorithm in (self.few_messages, self.few_bytes)
        )
        return minimum(few_messages, few_bytes)
