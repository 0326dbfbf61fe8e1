"""DRAM of the chips, counted from their devices: bits of a die x dies of a stack x stacks."""

from dataclasses import dataclass

import pytest

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec

GIB = 2**30
CATALOG = Catalog()


@dataclass(frozen=True)
class Count:
    """What the DRAM dies of a chip hold, and why software sees less."""

    stacks: int
    dies: int
    """Dies of one stack."""
    gbit: int
    """2^30 bits of one die."""
    offered: float = 1.0
    """Share of what the dies hold that is sold."""
    why: str = ""

    @property
    def bytes(self) -> float:
        """Bytes of the share that is sold."""
        return self.stacks * self.dies * self.gbit * GIB / 8 * self.offered


_48 = "one of 48 parts is left out: 94 of 96 GiB, 141 of 144"
_32 = "one of 32 parts is left out: 186 of 192 GiB, 279 of 288"
_16 = "one of 16 parts is left out: 7,680 of 8,192 bits of the bus"
HBM = {
    "a100-pcie-40gb": Count(5, 8, 8), "a100-sxm-40gb": Count(5, 8, 8), "a100-sxm-80gb": Count(5, 8, 16),
    "a100-pcie-80gb": Count(5, 8, 16), "a800-sxm": Count(5, 8, 16),
    "h100-sxm": Count(5, 8, 16), "h100-pcie": Count(5, 8, 16), "h800-sxm": Count(5, 8, 16),
    "h100-nvl": Count(6, 8, 16, 47 / 48, _48), "h20": Count(6, 8, 16), "gh200-96gb": Count(6, 8, 16),
    "gh200-144gb": Count(6, 8, 24), "h200-sxm": Count(6, 8, 24, 47 / 48, _48),
    "h200-nvl": Count(6, 8, 24, 47 / 48, _48),
    "b200-sxm": Count(8, 8, 24, 15 / 16, _16), "gb200": Count(8, 8, 24, 31 / 32, _32),
    "b300-sxm": Count(8, 12, 24, 15 / 16, _16), "gb300": Count(8, 12, 24, 31 / 32, _32),
    "r200": Count(8, 12, 24),
    "v100-sxm2-32gb": Count(4, 8, 8), "v100-pcie-32gb": Count(4, 8, 8), "v100-sxm2-16gb": Count(4, 4, 8),
    "v100-pcie-16gb": Count(4, 4, 8), "p100-pcie-16gb": Count(4, 4, 8), "a30": Count(3, 8, 8),
    "mi100": Count(4, 4, 16), "mi210": Count(4, 8, 16), "mi250": Count(8, 8, 16), "mi250x": Count(8, 8, 16),
    "mi300a": Count(8, 8, 16), "mi300x": Count(8, 12, 16), "mi308x": Count(8, 12, 16),
    "mi325x": Count(8, 12, 24, 8 / 9, "announced with 288 GB in these stacks, shipped with 256"),
    "mi350x": Count(8, 12, 24), "mi355x": Count(8, 12, 24),
    "gaudi2": Count(6, 8, 16), "gaudi3": Count(8, 8, 16),
    "ascend-910b": Count(4, 8, 16), "ascend-910c": Count(8, 8, 16),
    "tpu-v4": Count(4, 8, 8), "tpu-v4i": Count(1, 8, 8), "tpu-v5e": Count(2, 4, 16),
    "tpu-v6e": Count(2, 8, 16),
    "tpu-v5p": Count(6, 8, 16, 95 / 96, "Google sells 95 GiB of 96"), "tpu-v7": Count(8, 8, 24),
    "inferentia2": Count(2, 8, 16), "trainium1": Count(2, 8, 16),
    "trainium2": Count(4, 8, 24), "trainium3": Count(4, 12, 24),
    "maia-100": Count(4, 8, 16), "maia-200": Count(6, 12, 24),
    "mi455x": Count(12, 12, 24), "jalapeno": Count(6, 12, 24), "mi250x-gcd": Count(4, 8, 16),
    "tpu-8i": Count(8, 12, 24), "tpu-8t": Count(6, 12, 24), "rngd": Count(2, 12, 16),
    "rebel-100": Count(4, 12, 24),
    "mtia-300": Count(6, 12, 24), "mtia-400": Count(8, 12, 24), "mtia-450": Count(8, 12, 24),
    "mtia-500": Count(8, 16, 24),
    "ascend-950pr": Count(8, 8, 16), "ascend-950dt": Count(4, 12, 24), "ascend-960": Count(8, 12, 24),
    "ascend-970": Count(8, 12, 24), "positron-atlas": Count(2, 8, 16), "t-head-ppu": Count(6, 8, 16),
    "etched-sohu": Count(6, 8, 24), "sn40l": Count(4, 8, 16), "sn50": Count(4, 8, 16),
    "cached-n5": Count(4, 12, 24), "hybrid-n5": Count(4, 12, 24), "lpu-hbm": Count(2, 12, 24),
}  # fmt: skip
"""By chip; dies of a stack and bits of a die are those of its generation of HBM. Where the stacks are not
published they are those that such a capacity takes."""

KEPT_BACK = 0.006
"""A driver keeps at most 0.52 % of the memory for itself, on each chip whose report is known."""

NO_WHOLE_GIB = {
    "a10": "ECC takes a sixteenth of GDDR6, and the driver some MiB",
    "a10g": "as a10",
    "a40": "as a10",
    "l20": "as a10",
    "l4": "as a10",
    "l40": "as a10",
    "l40s": "as a10",
    "p40": "ECC takes a sixteenth of GDDR5",
    "rtx-pro-6000": "the driver keeps 417 MiB",
    "rtx-pro-6000-ws": "the driver keeps 417 MiB",
    "gb10": "128 GB is about what its system offers: ECC takes a sixteenth of 128 GiB",
}
"""Chips without HBM whose capacity is not that of whole devices, each with the reason."""


def chips() -> list[ChipSpec]:
    """Every chip that has DRAM of a known size."""
    found = [CATALOG.get(ChipSpec, name) for name in CATALOG.files("chips")]
    return [chip for chip in found if chip.dram is not None and chip.dram.capacity.value is not None]


def with_hbm() -> list[str]:
    return [c.name for c in chips() if c.dram is not None and c.dram.generation.startswith(("HBM", "Hi"))]


@pytest.mark.parametrize("name", with_hbm())
def test_hbm_holds_the_bits_of_its_dies_less_what_is_not_sold_and_what_the_driver_keeps(name: str) -> None:
    dram, count = CATALOG.get(ChipSpec, name).dram, HBM[name]
    assert dram is not None
    assert dram.capacity.value is not None
    assert (1 - KEPT_BACK) * count.bytes <= dram.capacity.value <= count.bytes
    assert bool(count.why) == (count.offered < 1.0)
    # where the file counts stacks, it counts the same
    assert dram.stacks is None or dram.stacks.value == count.stacks


@pytest.mark.parametrize("chip", [c for c in chips() if c.name not in HBM], ids=lambda c: c.name)
def test_other_dram_is_of_whole_gibibytes_but_for_those_with_a_reason(chip: ChipSpec) -> None:
    assert chip.dram is not None
    size = chip.dram.capacity.value
    assert size is not None
    assert (size % GIB == 0) == (chip.name not in NO_WHOLE_GIB)


def test_drivers_report_the_published_bytes() -> None:
    """nvidia-smi 81,559, 143,771 and 189,471 MiB; rocm-smi 206,141,652,992 B."""
    told = {"h100-sxm": 85.52e9, "h200-sxm": 150.75e9, "gb200": 198.67e9, "mi300x": 206.14e9}
    for name, size in told.items():
        dram = CATALOG.get(ChipSpec, name).dram
        assert dram is not None
        assert dram.capacity.value == pytest.approx(size, rel=1e-4)


def test_blackwell_drivers_keep_the_same_share_of_each_size() -> None:
    """183,359, 189,471, 275,040 and 284,208 MiB are all 191/192 of what is sold, so the counts agree."""
    for name in ("b200-sxm", "gb200", "b300-sxm", "gb300"):
        dram = CATALOG.get(ChipSpec, name).dram
        assert dram is not None
        assert dram.capacity.value == pytest.approx(HBM[name].bytes * 191 / 192, rel=1e-5)


@pytest.mark.parametrize("name", ["t4", "l4", "l40s", "a10", "rtx-pro-6000", "h100-pcie", "rtx-4090"])
def test_cards_without_pipes_are_cooled_by_air(name: str) -> None:
    assert CATALOG.get(ChipSpec, name).cooling == "air"


def test_every_chip_on_the_market_says_its_cooling() -> None:
    """`liquid` is a default, which no file of a chip may leave to chance; unknown are those named here."""
    silent = {
        name
        for name, path in CATALOG.files("chips").items()
        if "\ncooling:" not in path.read_text(encoding="utf-8")
    }
    ascend = {f"ascend-{n}" for n in ("910c", "950pr", "950dt", "960", "970")}
    unpublished = ascend | {"etched-sohu", "rubin-cpx", "tpu-v5e", "tpu-v6e"}
    ours = {"cached-n5", "hybrid-n5", "lpu-hbm", "lpu-template"}
    assert silent == unpublished | ours
