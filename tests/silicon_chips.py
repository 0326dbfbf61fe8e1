"""Real chips from vendor figures and the bundled technology, for tests of silicon."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dse.chips.silicon import Silicon, derive
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import load_spec
from objectives.equations.fabrication.technology import Blueprint

MM2 = 1e-6
CM2 = 1e-4
MIB = 2.0**20
PATH = Path(__file__).parents[1] / "configs" / "silicon" / "technology-2026.yaml"


@cache
def technology() -> TechnologySpec:
    return load_spec(TechnologySpec, PATH)


def column(*values: float) -> Any:
    return np.asarray(values, dtype=float)


def leaf(value: Any) -> dict[str, Any]:
    return {"value": value, "source": "test", "basis": "definition"}


def chip(name: str, node: str | None, **given: Any) -> ChipSpec:
    """A chip from vendor figures; `stacks` without DRAM is None."""
    dram = None
    if given.get("dram"):
        generation, stacks, size, bandwidth = given["dram"]
        dram = {"generation": generation, "stacks": stacks and leaf(stacks)}
        dram |= {"capacity": leaf(size), "bandwidth": leaf(bandwidth)}
    use, size, bandwidth = given["sram"]
    last_level = given.get("last_level")
    return ChipSpec.model_validate(
        {
            "kind": "chip", "name": name, "title": name, "vendor": "test", "stack": "ideal",
            "class": "dataflow-sram", "peak": {k: leaf(v) for k, v in given["peak"].items()},
            "sram": {"use": use, "capacity": leaf(size), "bandwidth": leaf(bandwidth),
                     "last_level": last_level and leaf(last_level)}, "dram": dram,
            "link": {"technology": "test", "bandwidth": leaf(given["link"]), "network": "test"},
            "die": {"process": leaf(node), "area": leaf(None), "count": leaf(given.get("dies", 1))},
            "power": leaf(given["power"]), "price": leaf(None), "unit_cost": leaf(None), "host": leaf(None),
        }
    )  # fmt: skip


# Vendor figures: dense peaks, one-way links, L2 and L1 together for GPUs.
def a100() -> ChipSpec:
    return chip("a100", "n7", peak={"fp16": "312 TFLOP/s", "int8": "624 TFLOP/s"},
                sram=("cache", "60.7 MB", None), last_level="48 MB", dram=("HBM2e", 5, "80 GiB", "2039 GB/s"),
                link="300 GB/s", power="400 W")  # fmt: skip


def h100(**changed: Any) -> ChipSpec:
    given = {"peak": {"fp16": "989 TFLOP/s", "fp8": "1979 TFLOP/s", "int8": "1979 TFLOP/s"},
             "sram": ("cache", "83.8 MB", None), "last_level": "60 MB",
             "dram": ("HBM3", 5, "80 GiB", "3350 GB/s"),
             "link": "450 GB/s", "power": "700 W"}  # fmt: skip
    return chip("h100", changed.pop("node", "n5"), **(given | changed))


def h200() -> ChipSpec:
    return h100(dram=("HBM3e", 6, "141 GiB", "4800 GB/s"))


def groq() -> ChipSpec:
    return chip("groq", "n16", peak={"fp16": "188 TFLOP/s", "int8": "750 TFLOP/s"},
                sram=("scratchpad", "220 MiB", "80 TB/s"), link="240 GB/s", power="300 W")  # fmt: skip


LIMITS = {"peak": 2.5e15, "sram": 512 * MIB, "bandwidth": 3e14, "cache": 1e8, "stacks": 8.0, "link": 2e12}
"""The most of each that a random design has."""


def blueprint(xp: Any = np, **given: float) -> Blueprint:
    """One package of round numbers; `given` exchanges some of them."""
    values = {
        "peak": 2e14, "sram": 64 * MIB, "bandwidth": 1e13, "cache": 0.0, "stacks": 0.0, "link": 1e11,
        "dies": 1.0, "io_dies": 0.0, "io_cache": 0.0, "stack_bytes": 16e9, "stack_bandwidth": 8e11,
    } | given  # fmt: skip

    def one(value: float) -> Any:
        return xp.asarray([float(value)], dtype=xp.float64)

    cached = {"cache_bytes": one(values["cache"]), "io_cache_bytes": one(values["io_cache"])}
    return Blueprint(
        peak_flops=one(values["peak"]), vector_flops=one(0.07 * values["peak"]), enabled_share=one(0.92),
        sram_bytes=one(values["sram"]), sram_bandwidth=one(values["bandwidth"]),
        stacks=one(values["stacks"]), dram_bytes=one(values["stacks"] * values["stack_bytes"]),
        dram_bandwidth=one(values["stacks"] * values["stack_bandwidth"]), link_bandwidth=one(values["link"]),
        dies=one(values["dies"]), io_dies=one(values["io_dies"]),
        **{name: size if size[0] > 0.0 else None for name, size in cached.items()},
    )  # fmt: skip


def design(node: str, generation: str | None, **given: float) -> Silicon:
    return derive(blueprint(**given), technology().resolve(node, generation))
