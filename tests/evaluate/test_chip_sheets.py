"""Sheets of all chips of the catalog: parts that sum up, and wafers, yields and energies worked out again."""

from functools import cache
from math import exp

import pytest

from dse.errors import SpecError
from dse.evaluate.chip_sheet import ChipSheet, chip_sheet
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.technology import TechnologySpec

CATALOG = Catalog()
TECHNOLOGY = CATALOG.get(TechnologySpec, "technology-2026")


@cache
def sheets() -> dict[str, ChipSheet]:
    """Of every chip whose file says enough of its silicon, one in three, and some that others are held to."""
    found = {}
    names = list(CATALOG.files("chips"))
    for name in sorted({*names[::3], "h100-sxm", "mi300x", "groq-lpu-v1", "lpu-hbm", "wse-3"}):
        try:
            found[name] = chip_sheet(name)
        except SpecError:
            continue
    return found


def test_every_breakdown_of_every_chip_sums_to_its_total() -> None:
    assert len(sheets()) > 20
    for name, sheet in sheets().items():
        assert sum(sheet.area_parts.values()) == pytest.approx(sheet.area_m2, rel=1e-12), name
        assert sum(sheet.power_parts.values()) == pytest.approx(sheet.power_w, rel=1e-12), name
        assert sum(d.count * d.area_m2 for d in sheet.dies) == pytest.approx(sheet.area_m2, rel=1e-12), name
        for d in sheet.dies:
            assert sum(d.parts_m2.values()) == pytest.approx(d.area_m2, rel=1e-12), name
        if sheet.unit_cost_usd is not None:
            assert sum(sheet.unit_cost_parts.values()) == pytest.approx(sheet.unit_cost_usd, rel=1e-12), name
            dies = sum(d.usd for d in sheet.dies)
            both = sheet.unit_cost_parts["compute_dies"] + sheet.unit_cost_parts["io_dies"]
            assert dies == pytest.approx(both, rel=1e-9), name
        if sheet.price_usd is not None:
            assert sum(sheet.price_parts.values()) == pytest.approx(sheet.price_usd, rel=1e-12), name


def test_dies_that_work_pay_for_the_whole_wafer_of_their_node() -> None:
    """USD of all dies = dies x wafer / (dies on a wafer x share that works), up to the reticle."""
    tried, reticle = 0, TECHNOLOGY.wafer.reticle.value or 0.0
    for name, sheet in sheets().items():
        for d in sheet.dies:
            wafer = TECHNOLOGY.nodes[d.process].wafer_cost.value
            if sheet.unit_cost_usd is None or d.gross_per_wafer is None or d.area_m2 > reticle:
                continue
            assert d.usd * d.gross_per_wafer * d.harvested_yield / d.count == pytest.approx(
                wafer, rel=1e-9
            ), name
            tried += 1
    assert tried > 12


def test_yields_follow_their_laws_and_repair_never_lowers_them() -> None:
    """Murphy: ((1 - e^-AD) / AD)^2; negative binomial: (1 + AD / a)^-a with defects D and clustering a."""
    clustering = TECHNOLOGY.wafer.clustering.value
    for name, sheet in sheets().items():
        for d in sheet.dies:
            defects = TECHNOLOGY.nodes[d.process].defect_density.value
            if d.murphy_yield is None or defects is None or clustering is None:
                continue
            hits = d.area_m2 * defects
            assert d.murphy_yield == pytest.approx(((1.0 - exp(-hits)) / hits) ** 2, rel=1e-9), name
            law = (1.0 + hits / clustering) ** -clustering
            assert d.negative_binomial_yield == pytest.approx(law, rel=1e-9), name
            assert law - 1e-12 <= d.harvested_yield <= 1.0, name


def test_power_of_memory_and_links_is_their_rate_times_the_energy_of_a_byte() -> None:
    for name, sheet in sheets().items():
        chip = CATALOG.get(ChipSpec, name)
        if chip.dram is not None and chip.dram.bandwidth.value:
            watts = chip.dram.bandwidth.value * sheet.joules_per_byte["dram"]
            assert sheet.power_parts["dram"] == pytest.approx(watts, rel=1e-9), name
        link = chip.link.bandwidth.value
        if link:  # one way in the file, both ways at full load
            assert sheet.power_parts["link"] == pytest.approx(
                2 * link * sheet.joules_per_byte["link"], rel=1e-9
            ), name
        for form, joules in sheet.joules_per_flop.items():
            assert joules * sheet.peaks[form] == pytest.approx(sheet.power_parts["compute"], rel=1e-9), name


def test_published_figures_stand_beside_ours_with_their_error() -> None:
    known = 0
    for name, sheet in sheets().items():
        chip = CATALOG.get(ChipSpec, name)
        area = next((d.area_m2 for d in sheet.dies if d.kind == "compute"), None)
        ours = {"die_area": area, "tdp": sheet.power_w, "unit_cost": sheet.unit_cost_usd}
        for p in sheet.published:
            assert p.error == pytest.approx(p.ours / p.value - 1.0), name
            if p.quantity in ours:
                assert p.ours == pytest.approx(ours[p.quantity], rel=1e-12), name
                known += 1
            if p.quantity == "tdp":
                assert p.value == chip.power.value, name
        assert not (chip.hypothetical and sheet.published), name
    assert known > 25


def test_a_chip_that_exists_violates_nothing_and_every_other_names_what_it_violates() -> None:
    for name, sheet in sheets().items():
        assert bool(sheet.violations) is CATALOG.get(ChipSpec, name).hypothetical, name
        if sheet.violations:
            assert set(sheet.violations) == {
                "die_area",
                "dram_stacks",
                "link_edge",
                "cooling",
                "power_density",
            }


# --- one number changed


def test_dies_of_a_changed_chip_may_be_no_hotter_than_those_of_a_hypothetical_one() -> None:
    sheet = chip_sheet("h100-sxm", settings={"cooling": "wafer"})
    beside_dies = sheet.power_w - sheet.power_parts["dram"]
    least = beside_dies / sheet.area_m2 - 0.54e6  # what a wafer sheds; interfaces of DRAM come on top
    assert 0.0 < least < sheet.violations["power_density"]
    assert chip_sheet("h100-sxm").violations == {}


@pytest.mark.parametrize(
    ("setting", "part", "grows"),
    [
        ({"sram": "300 MB"}, "cache", True), ({"sram": "30 MB"}, "cache", False),
        ({"peak_fp16": "2 PFLOP/s"}, "core", True), ({"link_bandwidth": "900 GB/s"}, "link", True),
    ],
)  # fmt: skip
def test_more_of_something_takes_more_area_of_its_own_and_costs_more(
    setting: dict[str, str], part: str, grows: bool
) -> None:
    before, after = sheets()["h100-sxm"], chip_sheet("h100-sxm", settings=setting)
    assert (after.area_parts[part] > before.area_parts[part]) is grows
    assert (after.area_m2 > before.area_m2) is grows
    assert after.unit_cost_usd is not None
    assert before.unit_cost_usd is not None
    assert (after.unit_cost_usd > before.unit_cost_usd) is grows
    assert after.hypothetical
    assert after.published == ()
    assert after.exchanged == tuple(f"{k}={v}" for k, v in setting.items())
    others = set(before.area_parts) - {part, "uncore"}
    assert all(after.area_parts[n] == pytest.approx(before.area_parts[n]) for n in others)


def test_a_price_or_a_power_makes_no_other_chip() -> None:
    before, after = (
        sheets()["h100-sxm"],
        chip_sheet("h100-sxm", settings={"price": "1 USD", "power": "999 W"}),
    )
    assert not after.hypothetical
    assert after.price_usd == 1.0
    assert dict(after.area_parts) == dict(before.area_parts)
    assert after.power_w == before.power_w  # ours is derived; 999 W is what is published
    assert next(p.value for p in after.published if p.quantity == "tdp") == 999.0


def test_what_is_set_to_what_it_is_changes_nothing() -> None:
    chip = CATALOG.get(ChipSpec, "h100-sxm")
    same = chip_sheet("h100-sxm", settings={"dram_stacks": str(chip.dram.stacks.value)})  # type: ignore[union-attr]
    assert not same.hypothetical
    assert same.unit_cost_usd == sheets()["h100-sxm"].unit_cost_usd


def test_the_yield_law_moves_dies_and_nothing_else() -> None:
    before, murphy = sheets()["h100-sxm"], chip_sheet("h100-sxm", yield_law="murphy")
    moved = {n for n, v in murphy.unit_cost_parts.items() if v != before.unit_cost_parts[n]}
    assert moved == {"compute_dies", "assembly_loss"}
    assert dict(murphy.area_parts) == dict(before.area_parts)


def test_a_chip_that_is_too_hot_tells_its_clock_and_its_peaks_at_it() -> None:
    hot = {"cooling": "air", "peak_fp16": "1100 TFLOP/s", "clock": "scaled"}
    cool = chip_sheet("hybrid-n5", settings=hot | {"cooling": "liquid"})
    slow = chip_sheet("hybrid-n5", settings=hot)
    assert cool.clock_share == 1.0
    assert 0.46 < slow.clock_share < 1.0
    assert slow.power_w == pytest.approx(700.0)  # what air sheds
    assert slow.violations["cooling"] <= 0.0
    for form, peak in cool.peaks.items():
        assert slow.peaks[form] == pytest.approx(slow.clock_share * peak)
        if form != "fp32":  # power falls with the square of the clock, so that a FLOP takes as much less
            joules = cool.joules_per_flop[form] * slow.clock_share
            assert slow.joules_per_flop[form] == pytest.approx(joules)
    assert slow.joules_per_byte["sram"] == pytest.approx(cool.joules_per_byte["sram"] * slow.clock_share)
    assert slow.joules_per_byte["dram"] == cool.joules_per_byte["dram"]
    assert slow.area_m2 == cool.area_m2
    told = [note for note in slow.notes if "of its nominal clock" in note]
    assert len(told) == 1
    assert not [note for note in cool.notes if "of its nominal clock" in note]
