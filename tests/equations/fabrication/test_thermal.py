"""Heat and clocks: by hand, by the laws of slowing down, and against published clocks and voltages."""

from dataclasses import replace
from math import log
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from silicon_chips import LIMITS, blueprint, column, design, technology

from dse.chips.silicon import Silicon, derive
from dse.spec.schema.build import Build
from objectives.equations.fabrication.technology import Clock, Technology
from objectives.equations.fabrication.thermal import (
    clock_share,
    dynamic_share,
    heat_of_compute_dies,
    power_density,
)

SQUARE = Clock(exponent=2.0, least_share=0.5)

# (clock [MHz], voltage [mV]) from the highest to the lowest, as firmware and drivers state them.
# Blackhole: tenstorrent/tt-system-firmware, vf_curve.c, at its asic_fmax, between, and at its asic_fmin.
CURVES = {
    "Blackhole": [(f, 0.00031395 * f * f - 0.43953 * f + 828.83 + 50.0) for f in (1350.0, 1100.0, 800.0)],
    # pp_od_clk_voltage: Ricks-Lab/gpu-utils issues 8 and 71, sibradzic/amdgpu-clocks issue 23
    "Radeon VII": [(1736.0, 1066.0), (1271.0, 821.0), (806.0, 734.0)],
    "RX 5600 XT": [(1780.0, 959.0), (1290.0, 750.0), (800.0, 707.0)],
    "RX 5700 XT": [(2095.0, 1204.0), (1447.0, 811.0), (800.0, 705.0)],
}


def cooled(watts: float, **given_: Any) -> Technology:
    """The bundled technology with round limits."""
    found = technology().resolve("n5", "HBM3e")
    return replace(found, cooling_w=watts, **given_)


def hot(tech: Technology, **given_: float) -> Silicon:
    return derive(blueprint(**({"peak": 1.2e15, "stacks": 4.0} | given_)), tech)


def test_a_chip_at_four_times_its_room_runs_at_half_its_clock() -> None:
    nominal = hot(cooled(1e9))
    fixed = sum(nominal.power_parts[n][0] for n in ("static", "dram", "link", "die_to_die"))
    clocked = sum(nominal.power_parts[n][0] for n in ("compute", "sram", "load"))
    made = hot(cooled(float(fixed + clocked / 4.0) + 1e-9, clock=SQUARE))
    assert made.clock_share[0] == pytest.approx(0.5)
    assert made.power_w[0] == pytest.approx(fixed + clocked / 4.0)
    assert made.power_parts["dram"][0] == nominal.power_parts["dram"][0]
    assert made.power_parts["compute"][0] == pytest.approx(nominal.power_parts["compute"][0] / 4.0)
    assert made.cooling_excess_w[0] <= 0.0
    # below the least clock the rest stays a violation: 1 W less is 1 W too much
    short = hot(cooled(float(fixed + clocked / 4.0) - 1.0, clock=SQUARE))
    assert short.clock_share[0] == pytest.approx(0.5)
    assert short.cooling_excess_w[0] == pytest.approx(1.0)


def test_the_heat_of_the_only_die_is_the_package_less_its_dram_devices() -> None:
    made = design("n5", "HBM3e", stacks=6.0, peak=5e14)
    t = made.technology
    die = heat_of_compute_dies(made.power_parts, made.blueprint, made.plan, t)
    devices = made.blueprint.dram_bandwidth[0] * t.dram.joules_per_byte
    assert sum(die.values())[0] == pytest.approx(made.power_w[0] - devices)


def test_compute_dies_on_io_dies_leave_them_the_heat_of_links_and_dram() -> None:
    made = design("n5", "HBM3e", stacks=8.0, dies=8.0, io_dies=4.0, peak=1e15)
    t, parts = made.technology, made.power_parts
    die = heat_of_compute_dies(parts, made.blueprint, made.plan, t)
    expected = made.plan.compute.total_m2 * t.node.static_w_per_m2 + parts["compute"] + parts["sram"]
    assert sum(die.values())[0] == pytest.approx((expected + parts["load"] + parts["die_to_die"] / 2.0)[0])


def test_a_density_beyond_its_limit_slows_a_chip_whose_package_is_cool() -> None:
    free = hot(cooled(1e9))
    heat = sum(heat_of_compute_dies(free.power_parts, free.blueprint, free.plan, free.technology).values())
    density = float(power_density(heat, free.plan.compute.total_m2)[0])
    made = hot(cooled(1e9, heat_w_per_m2=0.9 * density, clock=SQUARE))
    assert 0.5 < made.clock_share[0] < 1.0
    assert -1e-6 * density <= made.power_density_excess[0] <= 0.0
    assert made.cooling_excess_w[0] < 0.0
    unslowed = hot(cooled(1e9, heat_w_per_m2=0.9 * density))
    assert unslowed.clock_share[0] == 1.0
    assert unslowed.power_density_excess[0] == pytest.approx(0.1 * density)


designs = st.fixed_dictionaries({name: st.floats(0.0, most) for name, most in LIMITS.items()})
curves = st.builds(lambda a, s: Clock(exponent=a, least_share=s), st.floats(1.0, 4.0), st.floats(0.05, 1.0))
watts = st.floats(1.0, 5000.0)
densities = st.none() | st.floats(1e4, 5e6)


@settings(deadline=None, max_examples=150)
@given(designs, watts, densities, curves)
def test_a_slowed_chip_meets_its_limits_or_runs_at_its_least_clock(
    given_: dict[str, float], limit: float, density: float | None, clock: Clock
) -> None:
    made = derive(blueprint(**given_), cooled(limit, heat_w_per_m2=density, clock=clock))
    share, least = made.clock_share[0], clock.least_share
    assert least * (1 - 1e-9) <= share <= 1.0
    over = [made.cooling_excess_w[0], made.power_density_excess[0]]
    assert made.power_w[0] <= limit * (1 + 1e-9) or over[0] > 0.0
    if max(over) > 0.0:
        assert share == pytest.approx(least)
    elif share < 1.0:  # no slower than it must be: one of the limits is met with nothing to spare
        edge = made.power_w[0] >= limit * (1 - 1e-9)
        if density is not None:
            area = made.plan.compute.total_m2[0]
            die = heat_of_compute_dies(made.power_parts, made.blueprint, made.plan, made.technology)
            edge |= sum(die.values())[0] >= density * area * (1 - 1e-9)
        assert edge


@settings(deadline=None, max_examples=100)
@given(designs, watts, watts, densities, curves)
def test_less_cooling_never_makes_a_chip_faster_nor_draws_more(
    given_: dict[str, float], one: float, other: float, density: float | None, clock: Clock
) -> None:
    less, more = (
        derive(blueprint(**given_), cooled(w, heat_w_per_m2=density, clock=clock))
        for w in sorted((one, other))
    )
    assert less.clock_share[0] <= more.clock_share[0]
    assert less.power_w[0] <= more.power_w[0] * (1 + 1e-12)
    assert less.cooling_excess_w[0] >= more.cooling_excess_w[0] - 1e-9


@settings(deadline=None, max_examples=60)
@given(designs, watts, curves)
def test_a_chip_within_its_cooling_and_one_without_a_curve_are_as_they_were(
    given_: dict[str, float], limit: float, clock: Clock
) -> None:
    plain = derive(blueprint(**given_), cooled(limit))
    assert plain.clock_share[0] == 1.0
    assert plain.cooling_excess_w[0] == plain.power_w[0] - limit
    assert plain.power_density_excess[0] == 0.0
    made = derive(blueprint(**given_), cooled(limit, clock=clock))
    if plain.cooling_excess_w[0] <= 0.0:
        assert made.clock_share[0] == 1.0
        assert made.power_w[0] == plain.power_w[0]
        assert made.cooling_excess_w[0] == plain.cooling_excess_w[0]
    assert made.area_m2[0] == plain.area_m2[0]


@given(st.floats(0.0, 1.0), curves)
def test_the_clock_of_a_share_of_power_is_the_inverse_of_the_curve(room: float, clock: Clock) -> None:
    share = dynamic_share([room], clock)
    assert clock_share(share, clock) ** clock.exponent == pytest.approx(share, rel=1e-9)


def published(name: str) -> list[tuple[float, float]]:
    """Clock and clocked power f V^2 over those at the highest clock, of the lower points."""
    (top, volts), *lower = CURVES[name]
    return [(f / top, f * v * v / (top * volts * volts)) for f, v in lower]


@pytest.mark.parametrize("name", CURVES)
def test_the_power_of_published_clocks_and_voltages_lies_between_the_ends_of_the_curve(name: str) -> None:
    spec = technology().clock
    assert spec is not None
    low, high = spec.exponent.low or 0.0, spec.exponent.high or 0.0
    for clock, power in published(name):
        assert clock**high <= power <= clock**low
        assert low <= log(power) / log(clock) <= high
    # from end to end, which is where a chip that is too hot ends up, the middle is off by a fifth
    clock, power = published(name)[-1]
    assert clock ** (spec.exponent.value or 0.0) == pytest.approx(power, rel=0.2)


def test_the_least_clock_is_between_those_of_published_curves() -> None:
    spec = technology().clock
    assert spec is not None
    ends = [published(name)[-1][0] for name in CURVES]
    low, value, high = spec.least_share.low, spec.least_share.value, spec.least_share.high
    assert low == pytest.approx(min(ends), abs=0.005)
    assert high == pytest.approx(max(ends), abs=0.005)
    assert value is not None and min(ends) < value < max(ends)


@pytest.mark.parametrize(
    ("cooling", "watts_", "area_mm2"),
    [("air", 575.0, 750.0), ("liquid", 1800.0, 2 * 830.0), ("wafer", 25000.0, 46225.0)],
)
def test_chips_as_sold_are_at_the_limit_of_their_cooling(
    cooling: str, watts_: float, area_mm2: float
) -> None:
    thermal = technology().thermal
    assert thermal is not None
    limit = thermal.density[cooling].value
    assert power_density(watts_, area_mm2 * 1e-6) == pytest.approx(limit, rel=0.02)


def test_a_die_under_a_stack_may_draw_a_third() -> None:
    build = Build(node="n5", hypothetical=True, scaled=True)
    alone = technology().resolve(build)
    under = technology().resolve(build.model_copy(update={"stacked": True}))
    assert alone.under_stack is None
    assert under.heat_w_per_m2 == alone.heat_w_per_m2
    # imec, IEDM 2025: 69.1 C beside and 141.7 C beneath the same stacks, coolant at 30 C
    assert under.under_stack == pytest.approx((69.1 - 30.0) / (141.7 - 30.0), rel=0.02)


def test_only_chips_that_do_not_exist_have_limits_of_heat() -> None:
    tech = technology().resolve(Build(node="n5"))
    assert tech.clock is None
    assert tech.heat_w_per_m2 is None


def test_a_chip_at_its_nominal_clock_may_be_no_hotter_than_one_that_is_slowed() -> None:
    nominal, scaled = (
        technology().resolve(Build(node="n5", hypothetical=True, scaled=s)) for s in (False, True)
    )
    assert nominal.clock is None
    assert scaled.clock is not None
    assert nominal.heat_w_per_m2 == scaled.heat_w_per_m2 is not None


def test_a_batch_is_its_rows() -> None:
    limit = column(200.0, 400.0, 1e9)
    together = hot(cooled(1e9, clock=SQUARE), peak=1e15)
    many = derive(together.blueprint, replace(together.technology, cooling_w=limit))
    for i, watts_ in enumerate(limit):
        alone = derive(together.blueprint, replace(together.technology, cooling_w=float(watts_)))
        assert many.clock_share[i] == alone.clock_share[0]
        assert many.power_w[i] == alone.power_w[0]


def test_nothing_to_slow_down_is_no_division_by_zero() -> None:
    curve = SimpleNamespace(exponent=2.0, least_share=0.5)
    made = derive(
        blueprint(peak=0.0, sram=0.0, bandwidth=0.0),
        replace(cooled(1e-3), clock=curve),  # type: ignore[arg-type]
    )
    assert np.isfinite(made.clock_share[0])
    assert made.cooling_excess_w[0] == pytest.approx(made.power_w[0] - 1e-3)
