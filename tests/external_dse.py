"""What `dse` prints in a process of its own, for tests of external packages."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Dse = Callable[..., Said]
"""Runs `dse`, or Python, with some arguments."""
