"""The laws of silicon under any technology: each constant at the low, middle or high of its sources."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from silicon_chips import LIMITS, blueprint, technology

from dse.chips.silicon import Silicon, derive
from dse.spec.schema.build import Build
from dse.spec.schema.technology_values import Value
from objectives.equations.fabrication.technology import Technology

LAW = settings(deadline=None, max_examples=80)
NODES = st.sampled_from(["n16", "n12", "n7", "n5", "n3", "n2"])
GENERATIONS = st.sampled_from(["HBM2", "HBM2e", "HBM3", "HBM3e", "HBM4", "GDDR7", "LPDDR5X", "DDR5"])
LAYOUTS = {"dies": st.sampled_from([1.0, 2.0, 4.0, 8.0]), "io_dies": st.sampled_from([0.0, 0.0, 1.0, 4.0])}
DESIGNS = st.fixed_dictionaries({n: st.floats(0.0, most) for n, most in LIMITS.items()} | LAYOUTS)
SEEDS = st.integers(0, 2**32)
WITHOUT_CACHES = ("n16", "n12")
"""Nodes where the area of a cache is not published."""
COSTS = ("area_m2", "power_w", "cost_usd", "dies_usd")


def ends(seed: int) -> Value:
    """Chooses low, value or high of each leaf, each by itself; the same one for the same seed and path."""

    def chosen(path: str, leaf: Any) -> Any:
        known = [v for v in (leaf.low, leaf.value, leaf.high) if v is not None]
        return Random(f"{seed} {path}").choice(known) if known else None

    return chosen


def constants(seed: int, node: str, dram: str | None, law: str = "negative-binomial") -> Technology:
    cached = node not in WITHOUT_CACHES
    build = Build(node=node, generation=dram, cache=cached, io_cache=cached, yield_law=law)
    return technology().resolve(build, value=ends(seed))


def made(seed: int, node: str, dram: str | None, law: str = "negative-binomial", **given_: float) -> Silicon:
    none = {"cache": 0.0} if node in WITHOUT_CACHES else {}
    return derive(blueprint(**(given_ | none)), constants(seed, node, dram, law))


def of(found: Silicon) -> dict[str, float]:
    dies = found.unit_cost_parts()
    numbers = (found.area_m2, found.power_w, found.unit_cost_usd(), dies["compute_dies"] + dies["io_dies"])
    return {name: float(column[0]) for name, column in zip(COSTS, numbers, strict=True)}


def test_the_technology_is_another_one_for_another_seed() -> None:
    def numbers(seed: int) -> Technology:
        return technology().resolve("n5", "HBM3e", value=ends(seed))

    assert numbers(1) == numbers(1)
    assert len({numbers(seed).node.wafer_usd for seed in range(20)}) == 3
    assert len({numbers(seed).dram.usd_per_byte for seed in range(20)}) == 3


@LAW
@given(DESIGNS, st.sampled_from(list(LIMITS)), st.floats(0.0, 1.0), NODES, GENERATIONS, SEEDS)
def test_more_of_anything_never_costs_less(
    given_: dict[str, float], more: str, by: float, node: str, dram: str, seed: int
) -> None:
    raised = given_ | {more: given_[more] + by * LIMITS[more]}
    less, more_of_it = (of(made(seed, node, dram, **g)) for g in (given_, raised))
    for name in COSTS:
        assert more_of_it[name] >= less[name] * (1 - 1e-12), name


@LAW
@given(DESIGNS, NODES, GENERATIONS, SEEDS, st.sampled_from(["negative-binomial", "murphy"]))
def test_every_yield_is_a_share_and_every_part_finite(
    given_: dict[str, float], node: str, dram: str, seed: int, law: str
) -> None:
    found = made(seed, node, dram, law, **given_)
    for share in found.yields.values():
        assert 0.0 < share[0] <= 1.0
    for parts, total in (
        (found.area_parts, found.area_m2),
        (found.power_parts, found.power_w),
        (found.unit_cost_parts(), found.unit_cost_usd()),
    ):
        assert all(part[0] >= 0.0 and np.isfinite(part[0]) for part in parts.values())
        assert float(sum(part[0] for part in parts.values())) == pytest.approx(total[0], rel=1e-12)


@LAW
@given(DESIGNS, NODES, GENERATIONS, SEEDS)
def test_zero_dram_costs_zero_dram(given_: dict[str, float], node: str, dram: str, seed: int) -> None:
    bare, without_stacks = (made(seed, node, d, **(given_ | {"stacks": 0.0})) for d in (None, dram))
    assert without_stacks.unit_cost_parts()["dram"][0] == without_stacks.power_parts["dram"][0] == 0.0
    assert without_stacks.area_parts["dram_phy"][0] == 0.0
    assert of(without_stacks) == of(bare)
    some = made(seed, node, dram, **(given_ | {"stacks": 1.0}))
    assert some.unit_cost_parts()["dram"][0] > 0.0
    assert some.area_parts["dram_phy"][0] > 0.0


@LAW
@given(DESIGNS, NODES, GENERATIONS, SEEDS, st.floats(0.1, 10.0))
def test_scaling_all_dollars_scales_the_answer(
    given_: dict[str, float], node: str, dram: str, seed: int, scale: float
) -> None:
    def dear(path: str, leaf: Any) -> Any:
        value = ends(seed)(path, leaf)
        return value * scale if _dollars(path) else value

    cached = node not in WITHOUT_CACHES
    build = Build(node=node, generation=dram, cache=cached, io_cache=cached)
    plan = blueprint(**(given_ if cached else given_ | {"cache": 0.0}))
    before, after = (
        derive(plan, technology().resolve(build, value=value)).unit_cost_parts()
        for value in (ends(seed), dear)
    )
    for name, part in before.items():
        assert after[name][0] == pytest.approx(scale * part[0], rel=1e-12), name


def _dollars(path: str) -> bool:
    """Whether a leaf of the technology file is written in dollars of some kind."""
    return path.rpartition(".")[2].endswith(("_cost", "cost", "cost_each", "cost_per_watt")) or "nre" in path


@settings(deadline=None, max_examples=30)
@given(NODES, st.sampled_from([1.0, 2.0, 4.0]), st.booleans(), SEEDS)
def test_cost_is_continuous_at_the_reticle_for_as_many_dies(
    node: str, dies: float, hbm: bool, seed: int
) -> None:
    given_, tech = {"stacks": 2.0 * hbm, "dies": dies}, constants(seed, node, "HBM3e" if hbm else None)
    low, high = 1e13, 1e18
    for _ in range(45):  # to a relative 1e-12
        middle = (low * high) ** 0.5
        over = derive(blueprint(peak=middle, **given_), tech).plan.area_excess_m2[0] > 0.0
        low, high = (low, middle) if over else (middle, high)
    below, above = (derive(blueprint(peak=p, **given_), tech) for p in (low * (1 - 1e-7), high * (1 + 1e-7)))
    assert below.plan.area_excess_m2[0] <= 0.0 < above.plan.area_excess_m2[0]
    assert above.unit_cost_usd()[0] == pytest.approx(below.unit_cost_usd()[0], rel=1e-5)


@LAW
@given(DESIGNS, NODES, SEEDS)
def test_the_step_of_a_second_die_is_in_dies_package_loss_and_the_power_of_what_joins_them(
    given_: dict[str, float], node: str, seed: int
) -> None:
    """`package_cost` documents the step: bridges or one more attachment, and what they lose in assembly."""
    alone, split = (made(seed, node, "HBM3e", **(given_ | {"dies": n, "io_dies": 0.0})) for n in (1.0, 2.0))
    one, two = alone.unit_cost_parts(), split.unit_cost_parts()
    assert two["dram"][0] == one["dram"][0]
    assert two["test"][0] == one["test"][0]
    assert two["io_dies"][0] == one["io_dies"][0] == 0.0
    joined = split.power_parts["die_to_die"][0] + split.power_parts["static"][0]
    board = split.technology.package.board_usd_per_watt
    assert two["board"][0] - one["board"][0] == pytest.approx(
        (joined - alone.power_parts["static"][0]) * board, rel=1e-9, abs=1e-9
    )
    assert two["package"][0] >= one["package"][0] * (1 - 1e-12)


@LAW
@given(NODES, SEEDS, st.floats(1e15, 1e17), st.sampled_from(["peak", "sram", "link"]))
def test_a_whole_wafer_never_costs_less_for_more(node: str, seed: int, peak: float, more: str) -> None:
    build = Build(node=node, wafer_scale=True, cooling="wafer")
    tech = technology().resolve(build, value=ends(seed))
    given_ = {"peak": peak, "sram": 40e9, "bandwidth": 1e16, "link": 1e11}
    less, greater = (derive(blueprint(**g), tech) for g in (given_, given_ | {more: 1.5 * given_[more]}))
    assert greater.unit_cost_usd()[0] >= less.unit_cost_usd()[0]
    assert 0.0 < less.yields["compute"][0] <= 1.0
