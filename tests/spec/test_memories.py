"""Memories of the technology file: one list, no number twice, and nothing made up where nothing is known."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from silicon_chips import PATH, technology

from dse.errors import SpecError
from dse.spec.schema.base import NOT_FOUND, sourced_values
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.technology_memories import NUMBERS, MemorySpec

GIB, MIB = 2.0**30, 2.0**20
KINDS = {
    "stacked-sram": "stacked-sram", "stacked-dram": "stacked-dram", "HBM2e": "hbm", "HBM4E": "hbm",
    "GDDR7": "gddr", "LPDDR5X": "lpddr", "LPDDR6": "lpddr", "DDR5": "ddr", "HBF": "flash",
    "host-ddr5": "host", "pooled-cxl": "pooled", "mask-rom": "rom",
}  # fmt: skip


def written() -> dict[str, Any]:
    """The bundled file as it is written."""
    found: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return found


def changed(path: str, value: Any) -> dict[str, Any]:
    """The same with one key of `memories` exchanged."""
    data = written()
    name, key = path.split(".")
    data["memories"][name][key] = value
    return data


def leaf(value: Any) -> dict[str, Any]:
    return {"value": value, "source": "test", "basis": "definition"}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_memory_is_found_by_name(name: str) -> None:
    assert technology().memory(name).kind == KINDS[name]


def test_only_flash_and_rom_are_kept_from_what_changes() -> None:
    tech = technology()
    held = {name: tech.memory(name).holds for name in [*tech.memories, *tech.dram]}
    assert {name for name, what in held.items() if what == "weights"} == {"HBF", "mask-rom"}


def test_published_memories_are_as_published() -> None:
    tech = technology()
    # 2,048 pins at 13 Gb/s
    assert tech.memory("HBM4E").number("read_bandwidth").value == pytest.approx(2048 * 13e9 / 8)  # type: ignore[union-attr]
    # 24 bits at 12.8 Gb/s, of which 256 of 288 bits are data
    lpddr6 = tech.memory("LPDDR6").number("read_bandwidth")
    assert lpddr6 is not None and lpddr6.value == pytest.approx(24 * 12.8e9 / 8 * 256 / 288, rel=0.002)
    assert lpddr6.low == pytest.approx(24 * 10.667e9 / 8 * 256 / 288, rel=0.002)
    assert lpddr6.high == pytest.approx(24 * 14.4e9 / 8 * 256 / 288, rel=0.002)
    # AMD: 64 MiB in 36 mm2; Taalas: 8.03e9 weights at 4 bits in 815 mm2
    for name, area, size in (("stacked-sram", 36e-6, 64 * MIB), ("mask-rom", 815e-6, 8.03e9 / 2)):
        per_byte = tech.memories[name].area
        assert per_byte is not None and per_byte.value == pytest.approx(area / size, rel=0.01)
    # Sandisk: 8 to 16 times the capacity at the price of HBM
    hbf, hbm = tech.memory("HBF").cost, tech.dram["HBM4"].cost.value
    assert hbf is not None and hbm is not None
    assert (hbf.low, hbf.high) == (pytest.approx(hbm / 16), pytest.approx(hbm / 8))
    # the silicon of 3D V-Cache: 300 mm wafers of N7 at 9,350 USD
    vcache, wafer = tech.memory("stacked-sram").cost, tech.nodes["n7"].wafer_cost.value
    assert vcache is not None and wafer is not None
    assert vcache.value == pytest.approx(wafer / 1690 / (64 * MIB), rel=0.01)
    rom = tech.memory("mask-rom")
    assert rom.read_bandwidth is not None and rom.capacity is not None
    assert rom.read_bandwidth.value == pytest.approx(17_000 * (rom.capacity.value or 0.0), rel=0.01)


def test_what_is_made_of_a_device_has_its_numbers_and_its_own_first() -> None:
    tech = technology()
    host, ddr5 = tech.memory("host-ddr5"), tech.dram["DDR5"]
    assert host.capacity == ddr5.capacity
    assert host.cost == ddr5.cost
    assert host.read_bandwidth == tech.memories["host-ddr5"].read_bandwidth  # the way to it, not its DIMM
    hbf = tech.memory("HBF")
    assert (hbf.footprint, hbf.edge) == (tech.hbm.footprint, tech.hbm.shoreline)
    assert hbf.phy_area == tech.dram["HBM4"].phy_area
    assert hbf.attach_yield == tech.die_to_die.interposer.part_yield
    assert tech.memory("DDR5").footprint is None


def test_a_number_stands_in_one_place_only() -> None:
    tech = technology()
    for name, memory in tech.memories.items():
        if memory.device is not None:
            device = tech.dram[memory.device]
            for number in ("capacity", "cost", "latency"):
                own, theirs = getattr(memory, number), getattr(device, number)
                assert own is None or theirs is None or own.value is None or own.value != theirs.value, name


def test_writes_are_as_reads_where_nothing_else_is_said_and_rom_has_none() -> None:
    tech = technology()
    hbm = tech.memory("HBM3")
    assert hbm.number("write_bandwidth") == hbm.read_bandwidth
    assert hbm.number("write_energy") == hbm.read_energy
    assert tech.memory("mask-rom").number("write_bandwidth") is None
    # a null of flash is unknown, and not that of reads
    unknown = tech.memory("HBF").number("write_bandwidth")
    assert unknown is not None and unknown.value is None


def test_every_null_says_that_it_was_looked_for() -> None:
    for path, found in sourced_values(technology().memories):
        assert (found.value is None) == (found.source == NOT_FOUND), path


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [
        ("HBF", ("write_bandwidth",), "expected a known memories.HBF.write_bandwidth in the technology file"),
        ("HBM4E", ("cost",), "expected a known dram.HBM4E.cost in the technology file, got null"),
        ("mask-rom", ("write_bandwidth",), "expected a known memories.mask-rom.write_bandwidth"),
        ("stacked-dram", ("capacity", "cost"), "memories.stacked-dram.capacity"),
        ("hbff", (), "expected a memory that the technology file knows, got 'hbff'; did you mean 'HBF'?"),
        ("HBF", ("bandwidth",), "expected a number of a memory that"),
    ],
)  # fmt: skip
def test_what_is_unknown_is_refused_by_name(name: str, wanted: tuple[str, ...], said: str) -> None:
    with pytest.raises(SpecError) as error:
        technology().memory(name, "chips/mine", wanted)
    assert said in str(error.value)
    assert "chips/mine" in str(error.value)
    assert len(error.value.problems) == max(1, len(wanted))


@given(st.sampled_from([*technology().memories, *technology().dram]), st.sets(st.sampled_from(NUMBERS)))
def test_a_memory_is_given_exactly_where_all_that_is_wanted_is_known(name: str, wanted: set[str]) -> None:
    found = technology().memory(name)
    known = {n for n in wanted if (leaf := found.number(n)) is not None and leaf.value is not None}
    if known == wanted:
        assert technology().memory(name, wanted=tuple(wanted)) == found
    else:
        with pytest.raises(SpecError) as error:
            technology().memory(name, wanted=tuple(wanted))
        assert len(error.value.problems) == len(wanted - known)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("mask-rom.holds", "all", "holds: expected weights in rom, got all"),
        ("HBF.holds", "all", "holds: expected weights in flash, got all"),
        ("stacked-sram.endurance", leaf(10), "endurance: expected none for stacked-sram"),
        ("HBF.device", "HBM9", "memories.HBF.device: expected a device that the technology file knows"),
        ("HBF.kind", "paper", "kind"),
    ],
)
def test_a_memory_that_cannot_be_is_an_error(path: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TechnologySpec.model_validate(changed(path, value))


def test_a_memory_has_no_name_of_a_dram_generation() -> None:
    data = written()
    data["memories"]["HBM3"] = {"kind": "hbm", "holds": "all"}
    with pytest.raises(ValueError, match=r"memories.HBM3: expected a name that dram does not have"):
        TechnologySpec.model_validate(data)


def test_a_file_without_the_new_sections_is_stored_as_before() -> None:
    new = {"thermal": None, "clock": None, "memories": {}}
    plain = technology().model_copy(update=new)
    assert not set(new) & set(plain.model_dump())
    device = plain.dram["HBM2"].model_copy(update={"kind": None})
    assert not {"kind", "latency", "write_bandwidth", "write_energy"} & set(device.model_dump())


def test_rom_that_is_asked_to_hold_everything_is_no_memory() -> None:
    with pytest.raises(ValueError, match="expected weights in rom"):
        MemorySpec(kind="rom", holds="all")
