"""Requests one by one, as arrays."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats

Ints: TypeAlias = npt.NDArray[np.int64]
"""An array of whole numbers."""


@dataclass(frozen=True)
class PrefixBlocks:
    """The blocks that each prompt begins with; prompts that begin with the same ids share those tokens."""

    ids: Ints
    """Of all prompts, one after the other."""
    starts: Ints
    """Where those of each prompt begin in `ids`, and the end of the last, [n + 1]."""
    tokens: int
    """Tokens of a block; the last of a prompt may be filled in part."""


@dataclass(frozen=True)
class Requests:
    """Requests in the order of their arrival."""

    arrival_s: Floats
    """Seconds from the beginning of the trace, ascending, [n]."""
    isl: Ints
    """Tokens of the prompt, [n]."""
    osl: Ints
    """Tokens of the answer, the first one included, at least 1, [n]."""
    blocks: PrefixBlocks | None = None
    """None where nothing is known about prefixes."""
    remarks: tuple[str, ...] = ()
    """What a reader of a file changed, a sentence each."""
