"""Memories beyond SRAM and DRAM in chip files: columns, silicon, what is refused, and who reads them."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import factories as make
import numpy as np
import pytest
import yaml

from dse.chips.chip_price import price_parts
from dse.chips.resolve import chip_columns, chips_of
from dse.chips.setting import Setting
from dse.chips.silicon import chip_silicon
from dse.errors import SpecError
from dse.plugins.checked_cost_model import CheckedCostModel
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.replace import override_texts
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import build_spec, load_spec
from objectives.api import Chips, Context, Designs, Metrics, reads_memories
from objectives.costmodels.roofline import RooflineCostModel

CATALOG = Catalog()
TECHNOLOGY = CATALOG.get(TechnologySpec, "technology-2026")
CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "chips"
EXACT = 1e-12  # rounding of a few floating-point operations


def sourced(value: object) -> dict[str, object]:
    return {"value": value, "source": "assumption", "basis": "assumption"}


FLASH: dict[str, Any] = {
    "kind": "flash",
    "device": "HBF",
    "units": sourced(4),
    "capacity": sourced("2048 GB"),
    "bandwidth": sourced("2 TB/s"),
    "latency": sourced("15 us"),
    "energy": sourced("10 pJ/bit"),
    "endurance": sourced(3000),
    "price": sourced("2500 USD"),
}


def file_of(name: str, *memories: dict[str, Any], listed: bool = True) -> dict[str, Any]:
    """The file of a bundled chip with memories; `listed`: its SRAM and DRAM are entries of the list."""
    data = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    if listed:
        short = [{"kind": k, **data.pop(k)} for k in ("sram", "dram")]
        return {**data, "memories": [*short, *memories]}
    return {**data, "memories": list(memories)} if memories else data


def setting(method: str = "unit-cost", technology: TechnologySpec = TECHNOLOGY) -> Setting:
    return Setting(
        catalog=CATALOG,
        precision=PrecisionSpec(weights="fp16", kv="fp16", activations="fp16"),
        price=PriceSpec(method=method),
        technology=technology,
    )


@pytest.mark.parametrize("name", ["h100-sxm", "hybrid-n5"])
def test_a_list_of_sram_and_dram_is_the_short_form(name: str) -> None:
    listed, short = (build_spec(ChipSpec, file_of(name, listed=x), name) for x in (True, False))
    assert listed == short and listed.memories == ()
    assert chip_columns(listed, setting()) == chip_columns(short, setting())


@pytest.mark.parametrize("listed", [True, False])
def test_a_listed_memory_has_columns_of_its_own(listed: bool) -> None:
    chip = build_spec(ChipSpec, file_of("h100-sxm", FLASH, listed=listed), "x")
    found = chip_columns(chip, setting("listed"))
    plain = chip_columns(build_spec(ChipSpec, file_of("h100-sxm"), "x"), setting("listed"))
    assert found["flash_bytes"] == 2048e9 and found["flash_bandwidth"] == 2e12
    assert found["flash_latency"] == pytest.approx(15e-6, rel=EXACT)
    assert found["flash_endurance"] == 3000.0
    # paid beside the listed price; the board power is that of the maker, shared by all that draws it
    assert found["price_usd"] - plain["price_usd"] == pytest.approx(2500.0, rel=1e-9)
    assert found["power_w"] == plain["power_w"]
    # 10 pJ for each bit of 2 TB/s are 160 W before the maker's total is shared
    ratio = found["flash_w"] / found["dram_w"]
    assert ratio == pytest.approx(160.0 / (plain_dram_watts(chip)), rel=1e-6)


def plain_dram_watts(chip: ChipSpec) -> float:
    made = chip_silicon(chip, TECHNOLOGY)
    return float(made.full_power["dram"][0] + made.full_power["die_to_die"][0])


def test_chips_with_and_without_further_memories_share_a_batch() -> None:
    flash = build_spec(ChipSpec, file_of("h100-sxm", FLASH), "x")
    plain = CATALOG.get(ChipSpec, "h100-sxm")
    batch = chips_of([chip_columns(c, setting("listed")) for c in (plain, flash)])
    assert batch.memory("flash").bytes.tolist() == [0.0, 2048e9]


LINES = """kind: chip
name: bad
title: Bad
vendor: hypothetical
class: datacentre-gpu
stack: gpu-serving
peak:
  fp16: {value: "1 PFLOP/s", source: assumption, basis: assumption}
link:
  technology: NVLink
  network: nvswitch-72
die:
  process: {value: n3, source: assumption, basis: assumption}
memories:
  - kind: sram
    use: cache
  - kind: dram
    generation: HBM4
    capacity: {value: "144 GiB", source: assumption, basis: assumption}
    bandwidth: {value: "8 TB/s", source: assumption, basis: assumption}
"""
ENTRY = """  - kind: KIND
    capacity: {value: "1 TB", source: assumption, basis: assumption}
    bandwidth: {value: "SPEED", source: assumption, basis: assumption}
"""


@pytest.mark.parametrize(
    ("kind", "speed", "more", "said"),
    [
        (
            "flash",
            "9 TB/s",
            "",
            ":14: memories: expected the fastest first, got flash of 9,000 GB/s behind dram",
        ),
        (
            "rom",
            "1 TB/s",
            "    holds: [weights, kv-cache]\n",
            ":21: memories.2: holds: expected weights in rom",
        ),
        ("flash", "1 TB/s", "    holds: [states]\n", ":21: memories.2: holds: expected weights in flash"),
        ("lpddr", "1 TB/s", "    holds: [weights]\n", "holds: expected weights, kv-cache, states in lpddr"),
        ("rom", "1 TB/s", "    endurance: {value: 9, source: x, basis: published}\n", "expected none of rom"),
        (
            "dram",
            "1 TB/s",
            "    generation: HBM4\n",
            ":14: memories: expected each kind once, got dram twice",
        ),
        ("flesh", "1 TB/s", "", "memories.2.kind: unknown value 'flesh'; did you mean 'flash'"),
        ("flash", "1 W", "", ":23: memories.2.bandwidth.value: expected"),
    ],
)
def test_a_bad_list_is_refused_with_its_line(
    tmp_path: Path, kind: str, speed: str, more: str, said: str
) -> None:
    path = tmp_path / "bad.yaml"
    text = LINES + ENTRY.replace("KIND", kind).replace("SPEED", speed) + more
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        load_spec(ChipSpec, path)
    assert said in str(refused.value)


def test_a_problem_of_a_listed_dram_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(LINES.replace('"144 GiB"', "144"), encoding="utf-8")
    with pytest.raises(SpecError, match=r"bad.yaml:19: memories.1.capacity.value: expected a unit"):
        load_spec(ChipSpec, path)


@pytest.mark.parametrize("number", ["capacity", "bandwidth", "latency", "energy", "endurance", "price"])
def test_an_unknown_number_is_refused_by_name(number: str) -> None:
    entry = {**FLASH, number: {"value": None, "source": "not-found", "basis": "published"}}
    chip = build_spec(ChipSpec, file_of("h100-sxm", entry), "x")
    with pytest.raises(SpecError, match=rf"memories\.flash\.{number}: expected a known value, got null"):
        chip_columns(chip, setting("listed"))


@pytest.mark.parametrize("number", ["device", "units"])
def test_silicon_is_not_derived_without_the_device(number: str) -> None:
    entry = {k: v for k, v in FLASH.items() if k != number}
    chip = build_spec(ChipSpec, file_of("h100-sxm", entry), "x")
    with pytest.raises(SpecError, match=rf"expected a known memories\.flash\.{number}"):
        chip_silicon(chip, TECHNOLOGY)
    # a chip whose power and price are known does without
    assert chip_columns(chip, setting("listed"))["flash_bytes"] == 2048e9


def test_flash_takes_places_and_phys_of_stacks_and_is_paid_in_the_unit_cost() -> None:
    plain, flash = (
        chip_silicon(build_spec(ChipSpec, file_of("h100-sxm", *m), "x"), TECHNOLOGY) for m in ((), (FLASH,))
    )
    phy = TECHNOLOGY.dram["HBM4"].phy_area.value or 0.0
    transistors = TECHNOLOGY.dram["HBM4"].controller_transistors.value or 0.0
    each = phy + transistors / plain.technology.node.transistors_per_m2
    more = flash.plan.compute.dram_phy - plain.plan.compute.dram_phy
    assert more[0] == pytest.approx(4 * each, rel=1e-9)
    # five stacks and four units are nine around the die
    assert flash.plan.stacks_excess[0] == pytest.approx(plain.plan.stacks_excess[0] + 4.0, rel=1e-9)
    assert flash.unit_cost_parts()["flash"][0] == pytest.approx(2500.0, rel=1e-9)
    assert flash.power_parts["flash"][0] == pytest.approx(2e12 * 80e-12, rel=1e-9)


def test_a_memory_that_costs_nothing_has_no_place_in_a_unit_cost() -> None:
    free = build_spec(ChipSpec, file_of("h100-sxm", {**FLASH, "price": sourced("0 USD")}), "x")
    with pytest.raises(SpecError, match=r"memories\.flash\.price: expected above 0 USD where"):
        chip_silicon(free, TECHNOLOGY)
    # a listed price may contain it
    assert chip_columns(free, setting("listed"))["flash_bytes"] == 2048e9


HOST = {
    "kind": "host",
    "capacity": sourced("1 TB"),
    "bandwidth": sourced("50 GB/s"),
    "latency": sourced("1 us"),
    "energy": sourced("20 pJ/bit"),
    "price": sourced("3000 USD"),
}


def test_host_memory_is_no_part_of_the_chip() -> None:
    chip = build_spec(ChipSpec, file_of("h100-sxm", HOST), "x")
    plain = build_spec(ChipSpec, file_of("h100-sxm"), "x")
    made, before = chip_silicon(chip, TECHNOLOGY), chip_silicon(plain, TECHNOLOGY)
    assert made.area_parts.keys() == before.area_parts.keys()
    assert made.unit_cost_usd() == before.unit_cost_usd()
    now, then = (chip_columns(c, setting()) for c in (chip, plain))
    assert now["power_w"] - then["power_w"] == pytest.approx(50e9 * 160e-12, rel=1e-6)
    assert now["price_usd"] - then["price_usd"] == pytest.approx(3000.0, rel=1e-9)
    assert price_parts(chip, setting())["host"] == 3000.0


def test_a_chip_needs_memory_through_which_activations_stream() -> None:
    data = file_of("h100-sxm", FLASH)
    data["memories"] = [m for m in data["memories"] if m["kind"] != "dram"]
    with pytest.raises(SpecError, match="expected sram as a scratchpad, or dram, next to further memories"):
        chip_columns(build_spec(ChipSpec, data, "x"), setting("listed"))


class TwoMemories:
    """A cost model of before: it reads SRAM and DRAM."""

    name = "two-memories"
    requires: tuple[str, ...] = ()

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        return RooflineCostModel().evaluate(designs, context, detail=detail)


def test_a_cost_model_that_does_not_read_a_memory_refuses_it() -> None:
    point = EntryPoint(name="two-memories", value="x:TwoMemories", group="dse.cost_models")
    model = CheckedCostModel(point, TwoMemories())
    plain = make.design(make.h100_like())
    assert np.all(model.evaluate(plain, make.context()).tpot_s > 0.0)
    columns = {f"flash_{c}": np.array([1e12]) for c in ("bytes", "bandwidth", "w")}
    flash = plain.replace(chips=Chips.of(**plain.chips.columns(), **columns))
    with pytest.raises(SpecError, match="expected chips of SRAM and DRAM alone, got flash"):
        model.evaluate(flash, make.context())
    assert reads_memories(RooflineCostModel()) and not reads_memories(TwoMemories())


def test_a_workload_that_replaces_weights_often_wears_flash() -> None:
    workload = CATALOG.get(WorkloadSpec, "chat")
    assert workload.resolve().weight_updates == 0.0
    often = override_texts(workload, {"weight_updates": "10"})
    assert often.resolve().weight_updates == 10.0
