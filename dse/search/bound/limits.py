"""What a proof may take: seconds and bytes, so that no question takes a machine down with it."""

import time
from dataclasses import dataclass
from typing import Final, Literal

MEMORY: Final = 2e9
"""Bytes that a proof takes at most by default [B]."""

BESIDE: Final = 0.7e9
"""Bytes of the program itself and of the boxes that are evaluated at one time [B]."""

LEAST_MEMORY: Final = 1e9
"""Bytes below which no proof begins: open boxes get what `BESIDE` leaves [B]."""

Ended = Literal["done", "time", "memory", "interrupt"]
"""Why a proof ended: nothing was left to prove, or what stopped it."""


class OutOfTime(Exception):
    """The time of a proof is up; what is proven so far stays."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds and bytes of one proof, counted from when this was made."""

    begun: float = 0.0
    """Reading of the monotonic clock at which it began [s]."""
    until: float = float("inf")
    """Reading of the monotonic clock at which it ends [s]."""
    memory: float = MEMORY
    """Bytes of the whole process [B]."""

    @classmethod
    def of(cls, seconds: float = float("inf"), memory: float = MEMORY) -> "Limits":
        """Limits that begin now."""
        now = time.monotonic()
        return cls(begun=now, until=now + seconds, memory=memory)

    def check(self) -> None:
        """Raise `OutOfTime` where the time is up; called wherever a step takes a fraction of a second."""
        if time.monotonic() > self.until:
            raise OutOfTime

    @property
    def used(self) -> float:
        """Share of the time that has passed [1]; 0 where there is no end."""
        return (time.monotonic() - self.begun) / max(self.until - self.begun, 1e-9)

    @property
    def for_boxes(self) -> float:
        """Bytes that open boxes may take [B]."""
        return max(self.memory, LEAST_MEMORY) - BESIDE
