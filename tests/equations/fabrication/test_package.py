"""Packages by class, by hand arithmetic: what carries bytes between dies, what is lost in assembly."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from silicon_chips import MIB, blueprint, column, technology

from dse.chips.silicon import Silicon, derive
from dse.spec.schema.build import Build
from objectives.equations.fabrication.package import PACKAGES
from objectives.equations.fabrication.technology import Blueprint

MM2, GB = 1e-6, 1e9
FAST = 5e12
"""One way, of a die to its neighbours: NV-HBI [B/s]."""
LAW = settings(deadline=None, max_examples=40)


def package(name: str | None = None, dram: str | None = None, **given_: float) -> Silicon:
    """A chip of 5 nm dies in the package class `name`."""
    code = {} if name is None else {"package": column(PACKAGES.index(name))}
    joined = {"die_bandwidth": column(given_.pop("die_bandwidth"))} if "die_bandwidth" in given_ else {}
    made: Blueprint = replace(blueprint(**given_), **code, **joined)
    return derive(made, technology().resolve("n5", dram))


def kind(made: Silicon) -> str:
    return PACKAGES[int(made.plan.package[0])]


def test_dies_side_by_side_take_bridges_and_one_die_without_hbm_none():
    assert kind(package()) == "organic"
    assert kind(package(dies=4.0, die_bandwidth=FAST)) == "bridge"
    assert kind(package(dram="HBM3e", stacks=4.0)) == "interposer"
    assert kind(package(dram="HBM3e", stacks=8.0, dies=2.0)) == "bridge"
    assert kind(package(dram="HBM3", stacks=8.0, dies=8.0, io_dies=4.0)) == "interposer"  # MI300X
    assert kind(package("organic", dies=4.0, die_bandwidth=FAST)) == "organic"
    assert kind(package("organic", dram="HBM3e", stacks=1.0)) == "interposer"  # HBM has no organic wires


def test_four_dies_on_bridges_pay_for_them():
    """The interposer under 4 dies, 0.245 USD/mm2 x 1.1, attachments and substrate: no 105 USD of organic."""
    made = package(dies=4.0, die_bandwidth=FAST)
    area = float(made.area_m2[0]) / MM2
    bridges = 0.245 * 1.1 * area + 350.0 + 4 * 15.0 + 100.0
    assert made.unit_cost_parts()["package"][0] == pytest.approx(bridges, rel=1e-9)
    organic = package("organic", dies=4.0, die_bandwidth=FAST)
    assert organic.unit_cost_parts()["package"][0] == pytest.approx(60.0 + 3 * 15.0, rel=1e-9)


def test_links_on_an_organic_substrate_take_its_edge_area_and_energy():
    """5 TB/s a die: 89 mm of edge at 56 GB/s/mm, 160 mm2 of PHY at 0.032 mm2/(GB/s), 0.75 pJ/bit."""
    made = package("organic", dies=2.0, die_bandwidth=FAST, link=0.0)
    assert made.area_parts["die_to_die"][0] / MM2 == pytest.approx(2 * 160.0, rel=1e-9)
    assert made.power_parts["die_to_die"][0] == pytest.approx(2 * 2 * 5e12 * 8 * 0.75e-12, rel=1e-9)
    side = float(made.plan.compute.each_m2[0]) ** 0.5
    free = 2 * 4 * side - 2 * FAST / (56 * GB / 1e-3)
    assert free < 0.0 < -made.plan.link_excess[0] + 1.0  # the edge is gone: no link leaves
    with_links = package("organic", dies=2.0, die_bandwidth=FAST, link=1e11)
    assert with_links.plan.link_excess[0] == pytest.approx(1e11, rel=1e-9)
    bridged = package("bridge", dies=2.0, die_bandwidth=FAST, link=1e11)
    assert bridged.area_parts["die_to_die"][0] / MM2 == pytest.approx(2 * 5000 * 0.00158, rel=1e-9)
    assert bridged.power_parts["die_to_die"][0] == pytest.approx(2 * 2 * 5e12 * 8 * 0.4e-12, rel=1e-9)
    assert bridged.plan.link_excess[0] < 0.0


@pytest.mark.parametrize(("stacks", "survive"), [(1.0, 0.989**2), (4.0, 0.989**5), (6.0, 0.989**7)])
def test_each_stack_that_is_attached_may_fail(stacks: float, survive: float):
    made = package(dram="HBM3e", stacks=stacks).unit_cost_parts()
    all_of_it = made["compute_dies"][0] + made["dram"][0] + made["package"][0]
    assert made["assembly_loss"][0] == pytest.approx(all_of_it * (1.0 / survive - 1.0), rel=1e-9)


def test_compute_dies_on_io_dies_fail_before_they_are_placed_beside_dram():
    """8 on 4 with 8 stacks: 8 attachments may lose dies alone, 12 everything."""
    made = package(dram="HBM3", stacks=8.0, dies=8.0, io_dies=4.0).unit_cost_parts()
    dies = made["compute_dies"][0] + made["io_dies"][0]
    bonding = dies * (0.989**-8 - 1.0)
    lost = bonding + (dies + bonding + made["dram"][0] + made["package"][0]) * (0.989**-12 - 1.0)
    assert made["assembly_loss"][0] == pytest.approx(lost, rel=1e-9)


def test_a_wider_path_of_weights_takes_area_and_energy():
    """9.216 TB/s on 5 nm: as much as 9.216 TB/s of SRAM ports, 0.51 mm2/MiB x 0.34 / (478 GB/s/MiB)."""
    none = derive(blueprint(), technology().resolve("n5"))
    wide = derive(replace(blueprint(), weight_load=column(9.216e12)), technology().resolve("n5"))
    ports = 9.216e12 * (0.51 * MM2) * 0.34 / 478e9
    assert wide.area_parts["core"][0] - none.area_parts["core"][0] == pytest.approx(ports, rel=1e-6)
    assert wide.power_parts["load"][0] == pytest.approx(9.216e12 * 8 * 0.1e-12, rel=1e-9)
    assert wide.unit_cost_usd()[0] > none.unit_cost_usd()[0]


def test_a_wafer_pays_for_what_makes_a_system_of_it():
    """A CS-3 costs 350,000 to 450,000 USD to make; its wafer about 17,000."""
    build = Build(node="n5", wafer_scale=True, cooling="wafer")
    made = derive(blueprint(sram=44 * 1024 * MIB, bandwidth=2.1e16), technology().resolve(build))
    parts = made.unit_cost_parts()
    assert parts["compute_dies"][0] == pytest.approx(16_500 / 0.97, rel=1e-9)
    assert 350e3 < parts["package"][0] + parts["compute_dies"][0] + 12_620 < 450e3
    assert parts["assembly_loss"][0] == 0.0


@LAW
@given(
    st.sampled_from([None, *PACKAGES]),
    st.sampled_from([1.0, 2.0, 4.0, 8.0]),
    st.floats(0.0, 1e13),
    st.floats(0.0, 1e13),
    st.sampled_from(["stacks", "weight_load", "die_bandwidth"]),
)
def test_more_of_what_joins_parts_never_costs_less(
    name: str | None, dies: float, between: float, load: float, more: str
):
    def cost(**given_: float) -> Any:
        plain = {"dies": dies, "stacks": given_["stacks"]}
        made = replace(
            blueprint(**plain),
            weight_load=column(given_["weight_load"]),
            die_bandwidth=column(given_["die_bandwidth"]),
            package=None if name is None else column(PACKAGES.index(name)),
        )
        found = derive(made, technology().resolve("n5", "HBM3e"))
        return found.unit_cost_usd()[0], found.area_m2[0], found.power_w[0]

    less = {"stacks": 2.0, "weight_load": load, "die_bandwidth": between}
    for before, after in zip(cost(**less), cost(**(less | {more: 1.5 * less[more] + 1.0})), strict=True):
        assert after >= before * (1 - 1e-12)
