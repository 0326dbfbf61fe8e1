"""All-to-alls by counting hops and cuts."""

from itertools import product

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Chips
from objectives.equations.interconnect.all_to_all import all_to_all
from objectives.equations.interconnect.topology import TOPOLOGIES

EXACT = 1e-12  # rounding of a few floating-point operations
FREE = {
    "all_to_all_efficiency": 1.0,
    "collective_overhead_s": 0.0,
    "link_latency": 1e-6,
    "link_bandwidth": 1e9,
}


def chip(topology: str, **changes: float) -> Chips:
    return make.h100_like(
        **{**FREE, "link_topology": TOPOLOGIES[topology], "link_domain": 1e4, "link_group": 1e4, **changes}
    )


def per_byte(chips: Chips, n: float) -> float:
    return float(all_to_all(chips, np.array([n])).s_per_byte[0])


def mean_hops(side: int, axes: int) -> float:
    """Mean distance to all others on a torus of `side` chips an axis, by counting."""
    around = [min(i, side - i) for i in range(side)]
    total = sum(sum(p) for p in product(around, repeat=axes))
    return total / (side**axes - 1)


def test_a_chip_alone_has_nobody_to_send_to() -> None:
    line = all_to_all(make.h100_like(), np.array([1.0]))
    assert line.seconds(np.array([1e9])) == 0.0


def test_on_a_switch_bytes_leave_once() -> None:
    line = all_to_all(chip("switch"), np.array([8.0]))
    assert line.seconds(np.array([1e6])) == pytest.approx(1e-6 + 1e6 / 1e9, rel=EXACT)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 16])
def test_on_a_ring_every_hop_costs_links(n: int) -> None:
    assert per_byte(chip("ring"), n) * 1e9 == pytest.approx(max(mean_hops(n, 1), 1.0), rel=EXACT)


@pytest.mark.parametrize(
    ("topology", "side", "axes"), [("torus2d", 4, 2), ("torus2d", 16, 2), ("torus3d", 8, 3)]
)
def test_on_a_torus_the_mean_distance_binds_and_is_what_its_bisection_allows(
    topology: str, side: int, axes: int
) -> None:
    n = side**axes
    got = per_byte(chip(topology), n) * 1e9
    assert got == pytest.approx(mean_hops(side, axes), rel=EXACT)
    # half of the chips send half (n/2 of the n-1 others) of their bytes over 2 n/side links of W / (2 axes)
    crossing = n / 2 * (n / 2) / (n - 1)
    assert got == pytest.approx(crossing / (2 * n / side / (2 * axes)), rel=EXACT)


def test_a_pair_in_a_group_of_a_dragonfly_has_one_link() -> None:
    groq = chip("dragonfly", link_group=8.0, link_local_share=7 / 11, link_global_share=4 / 11)
    # all eight: each of seven links carries a seventh of the bytes at a seventh of 7/11 W
    assert per_byte(groq, 8) * 1e9 == pytest.approx(11 / 7, rel=EXACT)
    # two of them: one link carries all
    assert per_byte(groq, 2) * 1e9 == pytest.approx(11, rel=EXACT)


def test_between_groups_of_a_dragonfly_the_slower_kind_of_link_binds() -> None:
    groq = chip("dragonfly", link_group=8.0, link_local_share=7 / 11, link_global_share=4 / 11)
    away = 56 / 63
    assert per_byte(groq, 64) * 1e9 == pytest.approx(max((1 + away) * 11 / 7, away * 11 / 4), rel=EXACT)


def test_what_leaves_the_domain_takes_the_scale_out_network() -> None:
    box = chip("switch", link_domain=8.0, scale_out_bandwidth=1e8, scale_out_latency=5e-6)
    line = all_to_all(box, np.array([32.0]))
    assert line.latency_s == pytest.approx(5e-6, rel=EXACT)
    assert line.s_per_byte == pytest.approx(24 / 31 / 1e8, rel=EXACT)


@LAW
@given(
    values=make.chip_values(), n=st.sampled_from((2.0, 3.0, 8.0, 32.0, 256.0)), factor=st.floats(1.0, 100.0)
)
def test_it_is_never_faster_than_the_links_and_more_bandwidth_never_slows_it(
    values: dict[str, float], n: float, factor: float
) -> None:
    one = make.chips({**values, "link_domain": max(values["link_domain"], n)})
    line = all_to_all(one, np.array([n]))
    assert line.s_per_byte >= 1.0 / one.links.link_bandwidth * (1 - EXACT)
    assert line.latency_s >= one.links.link_latency * (1 - EXACT)
    slow = make.chips(values)
    for column in ("link_bandwidth", "scale_out_bandwidth"):
        fast = slow.replace(**{column: slow.column(column) * factor})
        assert all_to_all(fast, np.array([n])).s_per_byte <= all_to_all(slow, np.array([n])).s_per_byte * (
            1 + EXACT
        )
