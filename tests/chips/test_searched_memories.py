"""Memories beyond SRAM and DRAM in branches of a space: columns, silicon, what is refused, proposals."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dse.chips.branch import Branch, branches_of
from dse.chips.resolve import chip_columns
from dse.chips.setting import Setting
from dse.decide.propose.candidates import Candidate
from dse.decide.propose.further_memories import memories_of
from dse.errors import SpecError
from dse.question.resolved_study import load_study
from dse.search.bound.bounds import hold_two_memories
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.replace import override_all
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import build_spec
from dse.spec.yaml.writing import yaml_of

CATALOG = Catalog()
TECHNOLOGY = CATALOG.get(TechnologySpec, "technology-2026")
CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "chips"
EXACT = 1e-12  # rounding of a few floating-point operations


def sourced(value: object) -> dict[str, object]:
    return {"value": value, "source": "assumption", "basis": "assumption"}


def setting(method: str = "unit-cost", technology: TechnologySpec = TECHNOLOGY) -> Setting:
    return Setting(
        catalog=CATALOG,
        precision=PrecisionSpec(weights="fp16", kv="fp16", activations="fp16"),
        price=PriceSpec(method=method),
        technology=technology,
    )


def space(memories: list[dict[str, str]], template: str = "hybrid-n5", **parameters: Any) -> SpaceSpec:
    branch: dict[str, Any] = {
        "template": template,
        "process": "n5",
        "dram_generation": "HBM3e",
        "stack": "static-dataflow",
        "network": "groq-dragonfly",
        "memories": memories,
        "parameters": {"dram_stacks": "2", **parameters},
    }
    data = {"kind": "space", "name": "s", "title": "S", "branches": {"b": branch}}
    return build_spec(SpaceSpec, data, "s.yaml")


def branch(
    memories: list[dict[str, str]], technology: TechnologySpec = TECHNOLOGY, **parameters: Any
) -> Branch:
    return branches_of(space(memories, **parameters), setting(technology=technology))["b"]


HBF = [{"kind": "flash", "device": "HBF"}]


def units(name: str, *values: float) -> dict[str, np.ndarray]:
    return {"dram_stacks": np.full(len(values), 2.0), f"{name}_units": np.array(values)}


def test_no_units_of_a_memory_are_a_chip_without_it() -> None:
    flash, plain = branch(HBF, flash_units={"low": 0, "high": 4, "steps": 5}), branch([])
    found = flash.columns(units("flash", 0.0, 3.0))
    before = plain.columns({"dram_stacks": np.array([2.0])})
    for name, column in before.items():
        assert np.broadcast_to(found[name], (2,))[0] == column[0], name
    assert np.broadcast_to(found["price_usd"], (2,))[1] > before["price_usd"][0]


def test_sizes_and_rates_are_units_times_those_of_the_technology() -> None:
    found = branch(HBF, flash_units="3").columns(units("flash", 3.0))
    assert found["flash_bytes"] == pytest.approx(3 * 512e9) and found["flash_bandwidth"] == 3 * 1.6e12
    # 5.2 pJ/bit in the device and 2 on its way
    assert found["flash_w"] == pytest.approx(3 * 1.6e12 * 8 * 7.2e-12, rel=1e-9)
    assert found["flash_latency"] == pytest.approx(15e-6) and found["flash_endurance"] == 3000.0


STACKED = override_all(
    TECHNOLOGY,
    {
        "memories.stacked-sram.read_energy": 1e-12,
        "memories.stacked-sram.attach_yield": 0.9,
        "memories.mask-rom.read_energy": 1e-12,
        "memories.mask-rom.cost": 0.0,
        "memories.host-ddr5.read_energy": 40e-12,
        "memories.host-ddr5.latency": 1e-6,
        "memories.pooled-cxl.read_energy": 40e-12,
        "memories.pooled-cxl.cost": 10e-9,
    },
    "a test",
)
SRAM = [{"kind": "stacked-sram", "device": "stacked-sram"}]


def test_bonded_memory_needs_area_beneath_and_costs_dies_at_its_yield() -> None:
    made = branch(SRAM, STACKED, stacked_sram_units={"low": 0, "high": 40, "steps": 41})
    sizes = units("stacked_sram", 0.0, 10.0, 40.0)
    silicon, columns = made.silicon(sizes), made.columns(sizes)
    each = 64 * 0.5625e-6  # m2, 64 MiB at 0.5625 mm2/MiB
    beneath = np.broadcast_to(silicon.plan.compute.total_m2, (3,))
    assert columns["bonded_excess_m2"] == pytest.approx(
        np.array([0.0, 10.0, 40.0]) * each - beneath, rel=1e-9
    )
    # bonds that fail take the die and what is on it: 1 / 0.9^10 - 1 of both
    parts = silicon.unit_cost_parts()
    lost = parts["assembly_loss"]
    dies, bonded = parts["compute_dies"][1], parts["stacked_sram"][1]
    factor = 1.0 / 0.9**10 - 1.0
    attached = 1.0 / 0.989**3 - 1.0  # a die and two stacks on an interposer
    at_risk = dies + bonded + parts["dram"][1] + parts["package"][1]
    bonds = (dies + bonded) * factor
    assert lost[1] == pytest.approx(bonds + (at_risk + bonds) * attached, rel=1e-9)


def test_to_place_a_unit_on_a_die_costs_what_it_costs_next_to_one() -> None:
    made = branch(SRAM, STACKED, stacked_sram_units={"low": 0, "high": 40, "steps": 41})
    package = made.silicon(units("stacked_sram", 0.0, 10.0)).unit_cost_parts()["package"]
    # ten units at 15 USD; the silicon beneath them is that of the same die
    assert package[1] - package[0] == pytest.approx(10 * 15.0, rel=1e-9)
    flash = branch(HBF, flash_units={"low": 0, "high": 4, "steps": 5})
    beside = flash.silicon(units("flash", 0.0, 4.0)).unit_cost_parts()["package"]
    # four more stacks take their place on the interposer besides
    assert beside[1] - beside[0] > 4 * 15.0


def test_heat_beneath_bonded_memory_is_limited_as_beneath_a_stack() -> None:
    made = branch(SRAM, STACKED, stacked_sram_units={"low": 0, "high": 10, "steps": 11})
    heat = made.silicon(units("stacked_sram", 0.0, 10.0)).heat
    assert TECHNOLOGY.thermal is not None and heat.die is not None
    density, share = TECHNOLOGY.thermal.density["liquid"].value, TECHNOLOGY.thermal.under_stack.value
    area = made.silicon(units("stacked_sram", 0.0, 10.0)).plan.compute.total_m2
    assert density is not None and share is not None
    # no units are no stack
    assert heat.die.limit_w == pytest.approx(np.array([density, density * share]) * area)


def test_rom_takes_area_of_the_die() -> None:
    rom = branch([{"kind": "rom", "device": "mask-rom"}], STACKED, rom_units="1").silicon(units("rom", 1.0))
    # 4e9 B at 0.214 mm2/MiB
    assert rom.plan.compute.rom[0] == pytest.approx(4e9 / 2**20 * 0.214e-6, rel=1e-9)  # type: ignore[index]
    assert rom.area_parts["rom"][0] == rom.plan.compute.rom[0]  # type: ignore[index]


def test_modules_of_a_host_lie_behind_one_port() -> None:
    made = branch(
        [{"kind": "host", "device": "host-ddr5"}], STACKED, host_units={"low": 0, "high": 8, "steps": 9}
    )
    found = made.columns(units("host", 0.0, 1.0, 8.0))
    assert found["host_bandwidth"].tolist() == [0.0, 63e9, 63e9]
    assert found["host_bytes"][2] == 8 * found["host_bytes"][1] > 0.0
    power = np.broadcast_to(found["power_w"], (3,))
    assert power[1] - power[0] == pytest.approx(63e9 * 40e-12, rel=1e-6)


def test_modules_of_a_pool_bring_bytes_and_no_lanes() -> None:
    pool = [{"kind": "pooled", "device": "pooled-cxl"}]
    made = branch(pool, STACKED, pooled_units={"low": 0, "high": 1000, "steps": 1001})
    found = made.columns(units("pooled", 0.0, 1.0, 1000.0))
    assert found["pooled_bandwidth"].tolist() == [0.0, 36e9, 36e9]
    assert found["pooled_bytes"][2] == pytest.approx(1000 * 512e9)


def test_devices_on_the_board_share_the_pins_of_a_die() -> None:
    lpddr = [{"kind": "lpddr", "device": "LPDDR5X"}]
    made = branch(lpddr, lpddr_units={"low": 0, "high": 16, "steps": 17})
    excess = made.columns(units("lpddr", 0.0, 8.0, 12.0))["dram_stacks_excess"]
    # one die drives eight of them, next to the stacks around it
    assert excess[0] == -4.0 and excess[1] <= 0.0
    assert excess[2] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("memories", "parameters", "said"),
    [
        (HBF, {}, "expected a parameter flash_units with memories, got none"),
        ([], {"flash_units": "2"}, "expected flash among memories with flash_units, got none"),
        (HBF * 2, {"flash_units": "2"}, "memories: expected each kind once, got flash twice"),
        (HBF, {"flash_units": "2.5"}, "flash_units: expected whole numbers"),
    ],
)
def test_a_branch_with_half_a_memory_is_refused(
    memories: list[dict[str, str]], parameters: dict[str, str], said: str
) -> None:
    with pytest.raises(SpecError, match=said):
        space(memories, **parameters)


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        ({"kind": "flash", "device": "HBFF"}, "did you mean 'HBF'"),
        (
            {"kind": "flash", "device": "LPDDR5X"},
            "expected a device of kind flash, got LPDDR5X, which is lpddr",
        ),
        ({"kind": "rom", "device": "mask-rom"}, "expected a known memories.mask-rom.read_energy"),
        (
            {"kind": "stacked-dram", "device": "stacked-dram"},
            "expected a known memories.stacked-dram.capacity",
        ),
        ({"kind": "host", "device": "host-ddr5"}, "expected a known memories.host-ddr5.latency"),
    ],
)
def test_what_the_technology_does_not_know_is_refused_by_name(memory: dict[str, str], said: str) -> None:
    name = f"{memory['kind'].replace('-', '_')}_units"
    with pytest.raises(SpecError, match=said):
        branch([memory], **{name: "1"})


@pytest.mark.parametrize("stacks", [{"low": 0, "high": 2, "steps": 3}, {"choices": ["0", "2"]}])
def test_activations_of_a_chip_without_scratchpad_need_dram_in_every_chip(stacks: dict[str, Any]) -> None:
    lpddr = [{"kind": "lpddr", "device": "LPDDR5X"}]
    gpu = space(lpddr, template="h100-sxm", lpddr_units="4", dram_stacks=stacks)
    said = "expected a scratchpad in the template, or DRAM in every chip, .*, got no stacks in some"
    with pytest.raises(SpecError, match=said):
        branches_of(gpu, setting())
    assert branches_of(space(lpddr, template="h100-sxm", lpddr_units="4"), setting())
    assert branches_of(space(lpddr, lpddr_units="4", dram_stacks=stacks), setting())


def test_a_proposed_memory_reads_back_as_it_was_searched() -> None:
    made = branch(HBF, flash_units={"low": 0, "high": 4, "steps": 5})
    point = Candidate(
        label="b-7", kind="hybrid", branch="b", trial=7, values={"dram_stacks": 2.0, "flash_units": 3.0}
    )
    columns = made.columns(units("flash", 3.0))
    entries = memories_of(made, point, {n: float(np.ravel(a)[0]) for n, a in columns.items()})
    chip = made.made_at("n5").model_copy(update={"memories": entries})
    read = build_spec(ChipSpec, yaml.safe_load(yaml_of(chip)), "x")
    assert read.memories == chip.memories
    found = chip_columns(read, setting())
    for name in ("bytes", "bandwidth", "latency", "endurance"):
        assert found[f"flash_{name}"] == pytest.approx(float(np.ravel(columns[f"flash_{name}"])[0]), rel=1e-9)
    assert memories_of(made, replace(point, values={**point.values, "flash_units": 0.0}), {}) == ()


def test_proofs_refuse_what_they_do_not_know() -> None:
    study = load_study("groq-vs-h100")
    hold_two_memories(study)
    with_flash = replace(study, branches={"b": branch(HBF, flash_units="2")})
    with pytest.raises(SpecError, match=r"branches\.b: expected SRAM and DRAM alone for a proof, got flash"):
        hold_two_memories(with_flash)
