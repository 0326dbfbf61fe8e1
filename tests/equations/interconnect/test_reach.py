"""How far links go, and what they cost: published packings, hand arithmetic, laws."""

from typing import Any

import factories as make
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.chips.link_reach import reach_columns, shares
from dse.chips.prices import built_up
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import EconomySpec, NetworkSpec
from dse.spec.schema.technology import TechnologySpec
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.interconnect import reach
from objectives.equations.interconnect.reach import leaving

CATALOG = Catalog.of(None)
TECHNOLOGY = CATALOG.get(TechnologySpec, "technology-2026")
GB = 1e9


def a(value: float) -> Any:
    return np.array([float(value)])


def network(name: str) -> NetworkSpec:
    return CATALOG.get(NetworkSpec, name)


def around(name: str, bandwidth: float) -> dict[str, float]:
    """Dollars around a chip of no power in a built-up system."""
    economy = CATALOG.get(EconomySpec, "datacentre-2026")
    found = built_up(a(0.0), a(bandwidth), network(name), TECHNOLOGY, economy)
    return {name: float(column[0]) for name, column in found.items()}


def test_a_quarter_of_the_links_of_a_tpu_v4_are_optical() -> None:
    # 4 x 4 x 4 chips in a rack: 96 of its 384 link ends leave it; 6,144 optical links join 4,096 chips
    assert leaving("torus3d", 64, domain=4096, group=4096) == pytest.approx(96 / 384)
    assert shares(network("torus-3d"), TECHNOLOGY)[1] * 6 * 4096 == pytest.approx(6144)


def test_blocks_of_other_networks_leave_what_their_faces_have() -> None:
    assert leaving("torus2d", 16, domain=256, group=256) == pytest.approx(4 * 4 / (16 * 4))
    assert leaving("ring", 4, domain=12, group=12) == pytest.approx(2 / 8)
    # a node of 8 LPUs on its board: 4 of 11 links leave it, and all of these leave the rack
    links = {"domain": 10440, "group": 8, "local": 7 / 11, "across": 4 / 11}
    assert leaving("dragonfly", 8, **links) == leaving("dragonfly", 72, **links) == pytest.approx(4 / 11)
    # half a node on a board: 4 of the 7 others of a chip are on the other half
    assert leaving("dragonfly", 4, **links) == pytest.approx(7 / 11 * 4 / 7 + 4 / 11)
    # but 20 of 72 bundles between the nodes of a rack and its neighbours, as its nodes are really cabled
    within = sum(1 for i in range(9) for j in range(9) if 0 < abs(i - j) <= 4)
    assert shares(network("groq-dragonfly"), TECHNOLOGY)[1] == pytest.approx(
        4 / 11 * (9 * 8 - within) / (9 * 8), rel=2e-3
    )
    assert leaving("switch", 8, domain=72, group=72) == 1.0
    assert leaving("switch", 72, domain=72, group=72) == 0.0  # nothing leaves the rack of an NVL72


def test_links_of_a_large_torus_cost_boards_cables_and_optics() -> None:
    """270 GB/s of TPU v4: 0.39 on the board; of 4 on a tray 4^(-1/3) on cables at 1.25; a quarter at 10."""
    found = around("torus-3d", 270 * GB)
    assert found["network_usd"] == pytest.approx(270 * 0.39)
    assert found["copper_usd"] == pytest.approx(270 * 4 ** (-1 / 3) * 1.25)
    assert found["optics_usd"] == pytest.approx(270 / 4 * (10.0 - 1.25))
    assert found["scale_out_usd"] == 0.0
    optics = reach_columns(a(270 * GB), network("torus-3d"), TECHNOLOGY)["optics_w"][0]
    assert optics == pytest.approx(2 * 270e9 / 4 * 8 * 9e-12)  # both ways at 9 pJ/bit: 9.7 W


def test_switches_are_reached_over_two_ends() -> None:
    """900 GB/s to NVSwitches in other trays: board and switch at 1.39, two ends of cable at 1.25."""
    found = around("nvswitch-72", 900 * GB)
    assert found["network_usd"] == pytest.approx(900 * 1.39)
    assert found["copper_usd"] == pytest.approx(900 * 2 * 1.25)
    assert found["optics_usd"] == 0.0
    assert around("nvswitch-hopper", 450 * GB)["copper_usd"] == 0.0  # the switches are on the board of eight
    assert found["scale_out_usd"] == pytest.approx(50 * 67.3)


def test_every_server_has_a_nic_of_its_own() -> None:
    assert around("torus-3d", 0.0)["host_usd"] == pytest.approx((42456 + 1364) / 8)


def test_a_system_pays_for_links_as_far_as_it_reaches() -> None:
    chip = make.groq_like()  # 500 always, 300 beyond 8 chips, 900 more beyond 72
    paid = [float(reach.scale_up_usd(chip, a(n))[0]) for n in (1, 8, 9, 72, 73)]
    assert paid == [500.0, 500.0, 800.0, 800.0, 1700.0]
    assert [float(reach.optics_w(chip, a(n))[0]) for n in (72, 73)] == [0.0, 7.0]


def test_a_replica_inside_its_box_pays_no_scale_out_and_one_beyond_does() -> None:
    context, evaluate = make.context(), RooflineCostModel().evaluate
    inside, beyond, two = (
        evaluate(make.design(make.h100_like(), batch=16, tp=8, pp=pp, dp=dp), context, detail=True)
        for pp, dp in ((1, 1), (2, 1), (1, 2))
    )
    assert inside.capex_parts["scale_out"][0] == 0.0
    assert beyond.capex_parts["scale_out"][0] == 16 * 3000.0
    assert two.capex_parts["scale_out"][0] == 0.0  # two replicas, each in its box


def test_optics_draw_power_that_every_token_pays_for() -> None:
    context, evaluate = make.context(make.llama2_7b()), RooflineCostModel().evaluate
    lit, dark = (
        evaluate(make.design(make.groq_like(optics_w=w), batch=16, tp=16, pp=8), context, detail=True)
        for w in (7.0, 0.0)
    )
    drawn = 128 * 7.0 / lit.tokens_per_s[0] / context.economy.utilisation
    assert lit.energy_parts["optics"][0] == pytest.approx(drawn)
    more = lit.energy_per_token_j[0] - dark.energy_per_token_j[0]
    assert more == pytest.approx(drawn * context.economy.power_overhead * context.economy.pue)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["ring", "torus2d", "torus3d", "dragonfly", "switch", "fat-tree"]),
    st.integers(1, 512),
    st.integers(1, 10_000),
    st.integers(1, 64),
    st.floats(0.1, 0.9),
)
def test_a_larger_block_never_lets_more_leave(
    topology: str, block: int, domain: int, group: int, local: float
) -> None:
    told = {"domain": domain, "group": min(group, domain), "local": local, "across": 1.0 - local}
    smaller, larger = (leaving(topology, n, **told) for n in (block, block + 1))
    assert 0.0 <= larger <= smaller + 1e-12 <= 1.0 + 1e-9


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(CATALOG.files("networks"))), st.floats(1e9, 1e12), st.floats(1.0, 2.0))
def test_more_bandwidth_never_costs_less(name: str, bandwidth: float, more: float) -> None:
    less, greater = around(name, bandwidth), around(name, bandwidth * more)
    for part in less:
        assert greater[part] >= less[part] * (1 - 1e-12)
