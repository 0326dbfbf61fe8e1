"""Silicon: the laws it obeys, batches, and any array library."""

from dataclasses import fields, is_dataclass, replace
from math import exp, sqrt
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from silicon_chips import LIMITS, MIB, MM2, blueprint, column, design, technology

from dse.chips.silicon import derive
from dse.spec.schema.build import Build
from objectives.equations.fabrication.technology import Technology, pick
from objectives.equations.fabrication.yields import (
    harvested_yield,
    yield_murphy,
    yield_negative_binomial,
)

# --- laws ---------------------------------------------------------------------------------------------

LAW = settings(deadline=None, max_examples=60)  # the first example reads the technology file
NODES = st.sampled_from(["n7", "n5", "n3", "n2"])  # whose caches are known
GENERATIONS = st.sampled_from(["HBM2e", "HBM3", "HBM3e", "HBM4", "GDDR7", "LPDDR5X", "DDR5"])
LAYOUTS = {"dies": st.sampled_from([1.0, 2.0, 4.0, 8.0]), "io_dies": st.sampled_from([0.0, 0.0, 1.0, 4.0])}
DESIGNS = st.fixed_dictionaries({n: st.floats(0.0, most) for n, most in LIMITS.items()} | LAYOUTS)


@LAW
@given(DESIGNS, st.sampled_from(list(LIMITS)), st.floats(0.0, 1.0), NODES, GENERATIONS)
def test_more_of_anything_never_costs_less(
    given_: dict[str, float], more: str, by: float, node: str, dram: str
):
    first = design(node, dram, **given_)
    second = design(node, dram, **(given_ | {more: given_[more] + by * LIMITS[more]}))
    for less, more_of_it in (
        (first.area_m2, second.area_m2),
        (first.power_w, second.power_w),
        (first.unit_cost_usd(), second.unit_cost_usd()),
    ):
        assert more_of_it[0] >= less[0] * (1 - 1e-12)


@LAW
@given(DESIGNS, NODES, GENERATIONS)
def test_parts_sum_to_totals_and_none_is_negative(given_: dict[str, float], node: str, dram: str):
    found = design(node, dram, **given_)
    for parts, total in (
        (found.area_parts, found.area_m2),
        (found.power_parts, found.power_w),
        (found.unit_cost_parts(), found.unit_cost_usd()),
    ):
        assert all(part[0] >= 0.0 and np.isfinite(part[0]) for part in parts.values())
        assert float(sum(part[0] for part in parts.values())) == pytest.approx(total[0], rel=1e-12)


@LAW
@given(st.floats(0.0, 9e-4), st.floats(0.0, 3000.0), st.floats(1.0, 20.0))
def test_yields_lie_between_zero_and_one_and_clustering_helps(area: float, defects: float, clustering: float):
    sold = yield_negative_binomial(column(area), defects_per_m2=defects, clustering=clustering)[0]
    murphy = yield_murphy(column(area), defects_per_m2=defects)[0]
    poisson = exp(-area * defects)
    assert 0.0 < poisson * (1 - 1e-12) <= sold <= 1.0
    assert poisson * (1 - 1e-9) <= murphy <= 1.0
    if clustering <= 3.0:
        assert sold >= murphy * (1 - 1e-9)


@LAW
@given(
    *[st.floats(0.0, 3e-4)] * 3, st.floats(1.0, 3000.0), st.integers(0, 12), st.sampled_from(["murphy", "nb"])
)
def test_harvested_yield_is_a_share_that_spare_cores_raise(
    core: float, sram: float, other: float, defects: float, spare: int, law: str
):
    areas = (column(core), column(sram), column(other))
    tech = technology().resolve("n5")
    node = replace(tech.node, defects_per_m2=defects)
    some, more = (
        harvested_yield(*areas, node=node, wafer=replace(tech.wafer, spare_cores=n, law=law))[0]
        for n in (spare, spare + 1)
    )
    assert 0.0 < some <= more <= 1.0


@LAW
@given(st.floats(1e-12, 1.0))
def test_dies_and_cores_of_nothing_yield_one(defects: float):
    none, tech = column(0.0), technology().resolve("n5")
    assert yield_murphy(none, defects_per_m2=defects)[0] == 1.0
    node = replace(tech.node, defects_per_m2=defects)
    assert harvested_yield(none, none, none, node=node, wafer=tech.wafer)[0] == 1.0


@LAW
@given(DESIGNS, NODES)
def test_zero_hbm_costs_zero_hbm(given_: dict[str, float], node: str):
    bare = design(node, None, **(given_ | {"stacks": 0.0}))
    for dram in ("HBM3e", "DDR5"):
        without_stacks = design(node, dram, **(given_ | {"stacks": 0.0}))
        assert without_stacks.unit_cost_parts()["dram"][0] == 0.0
        assert without_stacks.area_parts["dram_phy"][0] == 0.0
        assert without_stacks.power_parts["dram"][0] == 0.0
        assert without_stacks.unit_cost_usd()[0] == bare.unit_cost_usd()[0]


def test_hbm_takes_an_interposer_and_board_dram_does_not():
    flip_chip = technology().package.flip_chip_cost.value
    assert design("n5", "HBM3e", stacks=1.0).unit_cost_parts()["package"][0] > 5 * flip_chip
    assert design("n5", "GDDR7", stacks=8.0).unit_cost_parts()["package"][0] == flip_chip


def dearer(tech: Technology, scale: float) -> Technology:
    """Every dollar constant times `scale`; dollars are known by the unit in their name."""

    def scaled(struct: Any) -> Any:
        inner = {f.name: getattr(struct, f.name) for f in fields(struct)}
        names = [name for name in inner if "usd" in name]
        classes = {name: scaled(part) for name, part in inner.items() if is_dataclass(part)}
        return replace(struct, **{name: inner[name] * scale for name in names}, **classes)

    parts = {name: scaled(getattr(tech, name)) for name in ("node", "io_node", "dram", "package")}
    return replace(tech, **parts)


@LAW
@given(DESIGNS, NODES, GENERATIONS, st.floats(0.1, 10.0))
def test_scaling_all_dollars_scales_every_part(given_: dict[str, float], node: str, dram: str, scale: float):
    tech, plan = technology().resolve(node, dram), blueprint(**given_)
    before = derive(plan, tech).unit_cost_parts()
    after = derive(plan, dearer(tech, scale)).unit_cost_parts()
    for name, part in before.items():
        assert after[name][0] == pytest.approx(scale * part[0], rel=1e-12)


@LAW
@given(NODES, st.sampled_from([1.0, 2.0]), st.booleans())
def test_cost_is_continuous_at_the_reticle_for_as_many_dies(node: str, dies: float, hbm: bool):
    # the peak at which a die is just as large as the reticle, and a ten-millionth to both sides of it
    given_ = {"stacks": 2.0 * hbm, "dies": dies}
    dram = "HBM3e" if hbm else None
    low, high = 1e13, 1e17
    for _ in range(80):
        middle = (low * high) ** 0.5
        over = design(node, dram, peak=middle, **given_).plan.area_excess_m2[0] > 0.0
        low, high = (low, middle) if over else (middle, high)
    below, above = (design(node, dram, peak=p, **given_) for p in (low * (1 - 1e-7), high * (1 + 1e-7)))
    assert below.plan.area_excess_m2[0] <= 0.0 < above.plan.area_excess_m2[0]
    assert above.unit_cost_usd()[0] == pytest.approx(below.unit_cost_usd()[0], rel=1e-5)


def test_cost_goes_on_beyond_the_reticle():
    one, twenty = (design("n2", None, peak=p, sram=0.0, bandwidth=0.0, link=0.0) for p in (2e16, 4e17))
    cost = [made.unit_cost_parts()["compute_dies"][0] for made in (one, twenty)]
    area = [made.area_m2[0] for made in (one, twenty)]
    assert one.plan.area_excess_m2[0] > 0.0
    # as many dies of reticle size, whose host port is a smaller share of them
    assert cost[1] / cost[0] == pytest.approx(area[1] / area[0], rel=5e-3)


@LAW
@given(DESIGNS, NODES)
def test_a_second_die_costs_what_joins_them_and_saves_what_large_dies_lose(
    given_: dict[str, float], node: str
):
    one, two = (design(node, "HBM3e", **(given_ | {"dies": n, "io_dies": 0.0})) for n in (1.0, 2.0))
    assert one.area_parts["die_to_die"][0] == 0.0
    joined = two.area_parts["die_to_die"][0]
    uncore = two.technology.layout.uncore_share
    assert two.area_m2[0] - one.area_m2[0] == pytest.approx(joined / (1 - uncore), rel=1e-9, abs=1e-15)
    assert two.plan.compute.each_m2[0] == pytest.approx(two.area_m2[0] / 2, rel=1e-12)
    assert two.yields["compute"][0] >= one.yields["compute"][0] * (1 - 0.02)  # but for the added PHYs


def test_limits_that_no_price_buys_are_reported_in_their_own_unit():
    legal = design("n5", "HBM3e", stacks=6.0, peak=8e14).plan
    assert legal.stacks_excess[0] == 0.0
    assert legal.area_excess_m2[0] < 0.0
    assert legal.link_excess[0] < 0.0
    absurd = design("n5", "HBM3e", stacks=9.0, peak=1e16, link=2e13)
    assert absurd.plan.stacks_excess[0] == 3.0
    assert absurd.plan.area_excess_m2[0] == pytest.approx(absurd.area_m2[0] - 858 * MM2)
    assert absurd.plan.link_excess[0] > 0.0
    assert absurd.cooling_excess_w[0] == pytest.approx(absurd.power_w[0] - 1800.0)
    # over the board: 512 bit of GDDR7 on one die, as RTX 5090, and no more
    assert design("n5", "GDDR7", stacks=16.0).plan.stacks_excess[0] == 0.0
    assert design("n5", "GDDR7", stacks=20.0).plan.stacks_excess[0] == 4.0
    assert design("n5", "GDDR7", stacks=20.0, dies=2.0).plan.stacks_excess[0] == -12.0


def test_a_small_die_has_no_edge_for_six_stacks():
    small = design("n5", "HBM3e", stacks=6.0, peak=1e12, sram=0.0, bandwidth=0.0, link=0.0)
    room = 4 * sqrt(small.area_m2[0]) / 12e-3  # a stack takes 12 mm of the edge of a square die
    assert room < 6
    assert small.plan.stacks_excess[0] == pytest.approx(6 - room)


def test_io_dies_carry_the_phys_and_their_own_cache_on_their_own_node():
    build = Build(node="n5", generation="HBM3", io_node="n7", cache=True, io_cache=True)
    tech = technology().resolve(build)
    made = derive(blueprint(stacks=8.0, dies=8.0, io_dies=4.0, cache=32e6, io_cache=256e6), tech)
    assert made.plan.compute.dram_phy[0] == made.plan.compute.link[0] == 0.0
    assert made.plan.io.cache[0] == pytest.approx(256e6 / MIB * 2.49 * MM2, rel=1e-9)  # of the 7 nm node
    assert made.plan.compute.cache[0] == pytest.approx(32e6 / MIB * 1.9 * MM2, rel=1e-9)


def test_a_whole_wafer_costs_a_wafer_over_its_yield():
    tech = technology().resolve(Build(node="n5", wafer_scale=True, cooling="wafer"))
    made = derive(blueprint(peak=1e16, sram=40e9, bandwidth=2e16), tech)
    assert made.unit_cost_parts()["compute_dies"][0] == pytest.approx(16500 / 0.97)
    assert made.plan.area_excess_m2[0] == pytest.approx(made.area_m2[0] - 46225 * MM2)


# --- batches and array libraries ----------------------------------------------------------------------


def test_a_batch_equals_its_rows_and_columns_broadcast():
    peaks, stacks = column(1e14, 4e14, 8e14)[:, None], column(0.0, 2.0, 6.0)[None, :]
    plan = blueprint()
    batch = replace(
        plan,
        peak_flops=peaks,
        vector_flops=0.07 * peaks,
        stacks=stacks,
        dram_bytes=stacks * 16e9,
        dram_bandwidth=stacks * 8e11,
    )
    grid = derive(batch, technology().resolve("n5", "HBM3e")).unit_cost_usd()
    assert grid.shape == (3, 3)
    for i, peak in enumerate(peaks[:, 0]):
        for j, n in enumerate(stacks[0]):
            alone = design("n5", "HBM3e", peak=peak, stacks=n).unit_cost_usd()
            assert grid[i, j] == pytest.approx(alone[0], rel=1e-14)


def test_a_batch_on_several_nodes_equals_each_on_its_own():
    names = ["n7", "n5", "n3"]
    every = pick([technology().resolve(n, "HBM3e") for n in names], column(2.0, 0.0, 1.0))
    got = derive(blueprint(stacks=2.0), every)
    for i, node in enumerate(["n3", "n7", "n5"]):
        alone = design(node, "HBM3e", stacks=2.0)
        assert got.unit_cost_usd()[i] == pytest.approx(alone.unit_cost_usd()[0], rel=1e-14)
        assert got.power_w[i] == pytest.approx(alone.power_w[0], rel=1e-14)


def test_constants_may_be_drawn_by_name():
    wanted = {"nodes.n5.wafer_cost": column(1e4, 2e4)}
    tech = technology().resolve("n5", value=lambda path, leaf: wanted.get(path, leaf.value))
    cost = derive(blueprint(), tech).unit_cost_parts()["compute_dies"]
    assert cost[1] == pytest.approx(2 * cost[0], rel=1e-14)


@pytest.mark.parametrize("dram", ["HBM3e", "DDR5", None])
def test_any_array_library_gives_the_same_numbers(dram: str | None):
    given_ = {"stacks": 0.0 if dram is None else 3.0, "cache": 5e7, "dies": 2.0}
    tech = technology().resolve("n5", dram)
    ours, theirs = derive(blueprint(**given_), tech), derive(blueprint(array_api_strict, **given_), tech)
    for left, right in (
        (ours.area_m2, theirs.area_m2),
        (ours.plan.area_excess_m2, theirs.plan.area_excess_m2),
        (ours.plan.link_excess, theirs.plan.link_excess),
        (ours.power_w, theirs.power_w),
        (ours.unit_cost_usd(), theirs.unit_cost_usd()),
    ):
        assert right.__array_namespace__() is array_api_strict
        assert float(right[0]) == pytest.approx(left[0], rel=1e-14)
    area = array_api_strict.asarray([6e-4], dtype=array_api_strict.float64)
    murphy = yield_murphy(area, defects_per_m2=900.0)
    assert float(murphy[0]) == pytest.approx(yield_murphy(column(6e-4), defects_per_m2=900.0)[0])
