"""Silicon: closed forms by hand, published areas and costs, laws, and any array library."""

from dataclasses import replace
from math import pi, sqrt

import pytest
from silicon_chips import CM2, MIB, MM2, a100, blueprint, column, design, groq, h100, h200, technology

from dse.chips.silicon import blueprint_of, chip_silicon, chip_unit_cost, fp16_equivalent
from dse.errors import SpecError
from dse.spec.schema.chip import ChipSpec
from objectives.equations.fabrication.area import cache_area, equivalent_peak, sram_area
from objectives.equations.fabrication.yields import (
    gross_dies_per_wafer,
    harvested_yield,
    yield_murphy,
    yield_negative_binomial,
)

# --- closed forms -------------------------------------------------------------------------------------


def test_dies_per_wafer_equal_the_formula_worked_by_hand():
    # 100 mm2 dies with 0.1 mm scribe: A' = 100 + 2 + 0.01 = 102.01 = 10.1^2 mm2. 300 mm wafer, 3 mm edge:
    # pi 147^2 / 102.01 = 665.488 by area, minus pi 294 / (10.1 sqrt 2) = 64.664 at the rim.
    got = gross_dies_per_wafer(column(100 * MM2), diameter_m=0.3, edge_m=3e-3, scribe_m=1e-4)
    assert got[0] == pytest.approx(pi * 147**2 / 102.01 - pi * 294 / (10.1 * sqrt(2)), rel=1e-12)
    assert got[0] == pytest.approx(600.82, abs=0.02)


def test_sixty_dies_of_814_mm2_fit_a_300_mm_wafer():
    # Published: about 60 H100 candidates a wafer; the formula counts fractions, so half a die of room.
    got = gross_dies_per_wafer(column(814 * MM2), diameter_m=0.3, edge_m=3e-3, scribe_m=1e-4)
    assert got[0] == pytest.approx(60.0, abs=0.5)


def test_yields_at_800_mm2_and_a_tenth_of_a_defect_equal_the_hand_computed_ones():
    # A D = 0.8: (1 + 0.8/3)^-3 = 27000/54872 = 0.49205 and ((1 - e^-0.8) / 0.8)^2 = 0.68834^2 = 0.47381.
    area = column(8 * CM2)
    negative_binomial = yield_negative_binomial(area, defects_per_m2=0.1 / CM2, clustering=3.0)
    assert negative_binomial[0] == pytest.approx(27000 / 54872, rel=1e-12)
    assert yield_murphy(area, defects_per_m2=0.1 / CM2)[0] == pytest.approx(0.47381, abs=1e-5)


def test_harvesting_one_of_two_cores_equals_the_hand_computed_binomial():
    # alpha 1, A D = 1 per core: y = 1/2, so one of two cores works with 1 - 1/4 = 3/4. The rest has A D = 1
    # plus half of the SRAM's 2: 1 / (1 + 2) = 1/3. Together 1/4.
    tech = technology().resolve("n5")
    node = replace(tech.node, defects_per_m2=1 / CM2)
    wafer = replace(tech.wafer, clustering=1.0, sram_repairable=0.5, cores=2, spare_cores=1)
    got = harvested_yield(column(2 * CM2), column(2 * CM2), column(1 * CM2), node=node, wafer=wafer)
    assert got[0] == pytest.approx(0.25, rel=1e-12)


def test_harvesting_lifts_a_gpu_die_to_the_published_three_quarters():
    # formulas of the field: NB(3) alone gives 49 % at 800 mm2 and 0.1 per cm2, with harvesting 75 to 80 %.
    tech = technology().resolve("n5")
    areas = column(467 * MM2), column(114 * MM2), column(285 * MM2)
    got = harvested_yield(*areas, node=tech.node, wafer=tech.wafer)
    assert 0.75 <= got[0] <= 0.80


def test_scratchpad_density_is_that_of_wse3_at_its_bandwidth():
    # WSE-3: 44 GiB in half of 46,225 mm2 at 478 GB/s per MiB is 0.513 mm2/MiB; the mid is written 0.51.
    tech, size = technology().resolve("n5"), column(44 * 1024 * MIB)
    bandwidth = size / MIB * 478e9
    area = sram_area(size, bandwidth, m2_per_byte=tech.node.scratchpad_m2_per_byte, layout=tech.layout)
    assert area[0] == pytest.approx(46225 / 2 * MM2, rel=0.01)


def test_beyond_the_bandwidth_limit_sram_is_paid_in_banks_not_asked_for():
    # At twice the limit on C bytes, banks of 2 C bytes at the limit are built: exactly the area of those.
    tech, size = technology().resolve("n5"), column(64 * MIB)
    limit = tech.layout.sram_limit_per_s
    density = {"m2_per_byte": tech.node.scratchpad_m2_per_byte, "layout": tech.layout}
    fast = sram_area(size, 2 * limit * size, **density)
    assert fast[0] == pytest.approx(sram_area(2 * size, 2 * limit * size, **density)[0], rel=1e-12)


def test_a_cache_costs_what_the_a100_die_photo_shows():
    density = technology().resolve("n7").node.cache_m2_per_byte
    assert density is not None  # 48 MiB of L2 measure 119.31 mm2; the density is written with three digits
    assert cache_area(column(48 * MIB), m2_per_byte=density)[0] == pytest.approx(119.31 * MM2, rel=0.005)


def test_the_widest_format_sets_the_matrix_area():
    shares = technology().format_area()
    tera = {"fp16": column(989e12), "fp8": column(1979e12), "fp32": column(9e15)}
    assert equivalent_peak(tera, shares)[0] == pytest.approx(989.5e12)
    # two int8 ops take the place of one fp16 op, so the LPU's four count as two
    assert fp16_equivalent(groq(), technology()) == pytest.approx(375e12)


# --- published figures --------------------------------------------------------------------------------

REAL_MM2 = [(a100(), 826), (h100(), 814), (h200(), 814), (groq(), 725)]
REAL_W = [(a100(), 400), (h100(), 700), (h200(), 700), (groq(), 300)]


@pytest.mark.parametrize(("spec", "published_mm2"), REAL_MM2)
def test_die_area_is_within_15_percent_of_the_real_die(spec: ChipSpec, published_mm2: float):
    area = chip_silicon(spec, technology()).area_m2[0]  # tolerance: one sigma of the area law, 15 to 20 %
    assert area == pytest.approx(published_mm2 * MM2, rel=0.15)


def test_h100_costs_within_12_percent_of_what_raymond_james_published():
    assert sum(chip_unit_cost(h100(), technology()).values()) == pytest.approx(3320, rel=0.12)


def test_h200_costs_within_12_percent_of_the_published_range():
    cost = sum(chip_unit_cost(h200(), technology()).values())
    assert 4250 * 0.88 <= cost <= 4800 * 1.12


def test_the_package_of_h100_costs_what_analysts_say():
    # 723 to 750 USD published for CoWoS of H100; the attach cost was fitted to it: 10 % checks only the sum.
    made = chip_silicon(h100(), technology())
    assert made.unit_cost_parts()["package"][0] == pytest.approx(736, rel=0.10)


@pytest.mark.parametrize(("spec", "published_w"), REAL_W)
def test_power_is_within_35_percent_of_the_published_figure(spec: ChipSpec, published_w: float):
    parts = chip_silicon(spec, technology()).power_parts  # tolerance: the scatter the estimate is stated with
    assert float(sum(part[0] for part in parts.values())) == pytest.approx(published_w, rel=0.35)


def test_a_cheap_big_chip_is_impossible():
    # The absurd find of a free price: 34 GB at 2.3 TB/s for 50 USD. The DRAM alone is above that, everywhere.
    for generation in (g for g, d in technology().dram.items() if d.cost.value is not None):
        for node in technology().nodes:
            made = design(node, generation, stacks=1.0, stack_bytes=34e9, stack_bandwidth=2.3e12)
            assert made.unit_cost_parts()["dram"][0] > 50


# --- what cannot be costed ----------------------------------------------------------------------------


def test_a_chip_on_an_unknown_node_is_refused_by_name():
    with pytest.raises(SpecError, match=r"^chips/h100: silicon: expected a node .*'28 nm'; known: n12"):
        chip_unit_cost(h100(node="28 nm"), technology())


def test_every_unknown_that_a_chip_needs_is_named_at_once():
    lacking = h100(node="n16", dram=("GDDR6X", None, "24 GB", None), link=None, dies=None)
    with pytest.raises(SpecError) as caught:
        chip_unit_cost(lacking, technology())
    text = str(caught.value)
    unknown = ("nodes.n16.cache_area", "dram.GDDR6X.cost", "dram.stacks", "dram.bandwidth", "link.bandwidth")
    for name in (*unknown, "die.count"):
        assert name in text


def test_a_chip_with_dram_of_unknown_price_still_has_an_area():
    priceless = h100(dram=("GDDR6X", 12, "24 GB", "1008 GB/s"))
    assert chip_silicon(priceless, technology(), priced=False).area_m2[0] > 0.0
    with pytest.raises(SpecError, match=r"dram\.GDDR6X\.cost"):
        chip_silicon(priceless, technology())


def test_a_chip_without_a_matrix_peak_is_refused():
    with pytest.raises(SpecError, match=r"expected a peak in .*got fp32"):
        chip_unit_cost(h100(peak={"fp32": "67 TFLOP/s"}), technology())


def test_real_chips_and_derived_designs_take_one_path():
    spec, tech = groq(), technology()
    share = tech.area.vector_share.value
    by_hand = replace(
        blueprint(peak=375e12, sram=220 * MIB, bandwidth=8e13, link=2.4e11),
        vector_flops=column(188e12 * share),
    )
    assert blueprint_of(spec, tech) == by_hand
