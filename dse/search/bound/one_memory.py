"""A chip with SRAM and DRAM as a chip with one memory, which is as fast as both together and as large.

Bytes that are placed for one kind of step may lie in the wrong memory for another, so that more of a resource
may slow a design down. Of one memory that cannot happen: it is at least as fast as any placement.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats


def as_one_memory(columns: Mapping[str, Floats], here: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    """Chip columns (n,) or (1,) in which the chips that are `here` (n,) have one memory.

    Two memories that stream at once move B bytes in B / (s + d) at best, s and d being their sustained
    bandwidths; each byte takes at least the energy of the cheaper one. Activations stream through SRAM as
    before.
    """
    c = columns
    sram, dram = c["sram_bandwidth"] * c["sram_efficiency"], c["dram_bandwidth"]
    # a bandwidth of 0 is no limit; then both together have none
    free = (sram == 0.0) | (dram == 0.0)
    speed = np.where(free, 0.0, dram + sram / c["dram_efficiency"])
    some = np.where(free, 1.0, speed)
    made = {
        "sram_bytes": np.zeros(1),
        "dram_bytes": c["dram_bytes"] + c["sram_bytes"] * (c["sram_usable"] * c["sram_pinned"]),
        "dram_bandwidth": speed,
        # KV cache has a sustained share of its own, which `speed` must not change
        "kv_efficiency": np.where(free, c["kv_efficiency"], (sram + dram * c["kv_efficiency"]) / some),
        "dram_w": speed * np.minimum(_per_byte(c, "sram"), _per_byte(c, "dram")),
    }
    return {**columns, **{name: np.where(here, value, c[name]) for name, value in made.items()}}


def _per_byte(columns: Mapping[str, Floats], memory: str) -> Floats:
    """Energy of a byte of one memory [J/B]; 0 where its bandwidth is no limit."""
    bandwidth = columns[f"{memory}_bandwidth"]
    some = np.where(bandwidth > 0.0, bandwidth, 1.0)
    return np.asarray(np.where(bandwidth > 0.0, columns[f"{memory}_w"] / some, 0.0))
