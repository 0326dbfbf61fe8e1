"""Rules about chips worked out by hand: ranges of parameters, anchors, bases of prices, reach of links."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.chips.anchors import anchor
from dse.chips.link_reach import ends, on_board_and_in_rack, reach_columns, shares
from dse.chips.parameter_range import fraction_of, value_at
from dse.chips.price_basis import BUYERS, OF_FILES, group_of, listed_basis, meaning_of
from dse.chips.price_method import price_methods
from dse.spec.schema.space import ParameterSpec

# --- ranges


@LAW
@given(st.floats(0.01, 1e6), st.floats(1.01, 1e4), st.sampled_from(("linear", "log")), st.floats(0.0, 1.0))
def test_a_fraction_of_a_range_and_its_value_lead_to_each_other(
    low: float, ratio: float, scale: str, fraction: float
) -> None:
    spec = ParameterSpec(low=low, high=low * ratio, scale=scale)
    value = float(value_at(spec, np.asarray(fraction)))
    assert low * (1 - 1e-12) <= value <= low * ratio * (1 + 1e-12)
    assert fraction_of(spec, value) == pytest.approx(fraction, abs=1e-7)


def test_half_of_a_range_is_the_mean_of_its_ends_arithmetic_or_geometric() -> None:
    half = np.asarray([0.0, 0.5, 1.0])
    assert value_at(ParameterSpec(low=1.0, high=100.0), half).tolist() == [1.0, 50.5, 100.0]
    log = value_at(ParameterSpec(low=1.0, high=100.0, scale="log"), half)
    assert log.tolist() == pytest.approx([1.0, 10.0, 100.0])


def test_a_value_beyond_a_range_is_at_its_end_and_a_range_of_one_value_begins_there() -> None:
    spec = ParameterSpec(low=2.0, high=4.0)
    assert [fraction_of(spec, v) for v in (0.0, 2.0, 3.0, 4.0, 99.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert fraction_of(ParameterSpec(low=2.0, high=2.0), 7.0) == 0.0


# --- anchors


def stack(**changes: Any) -> Any:
    usual = {"name": "s", "estimate": "calibrated", "chips": (), "classes": (), "vendors": (),
             "makers": ()}  # fmt: skip
    return SimpleNamespace(**{**usual, **changes})


def chip(**changes: Any) -> Any:
    usual = {"name": "c", "chip_class": "dataflow-sram", "vendor": "v", "hypothetical": False,
             "architecture": "a"}  # fmt: skip
    return SimpleNamespace(**{**usual, **changes})


@pytest.mark.parametrize("estimate", ["uncalibrated", "speed-of-light"])
def test_a_stack_that_was_fitted_to_nothing_anchors_nothing_not_even_its_own_chips(estimate: str) -> None:
    assert not anchor(stack(estimate=estimate, chips=("c",)), chip()).anchored


@pytest.mark.parametrize(
    ("given_stack", "given_chip", "anchored"),
    [
        (stack(chips=("c",), classes=("systolic",)), chip(), True),  # its own rows come before its class
        (stack(classes=("systolic",)), chip(), False),
        (stack(classes=("systolic", "dataflow-sram")), chip(), True),
        (stack(), chip(), True),
        (stack(vendors=("v",)), chip(), True),
        (stack(makers=("v", "w")), chip(), True),
        (stack(makers=("w",)), chip(), False),  # its software may run, and was measured on none of its vendor
        (stack(makers=("w",)), chip(hypothetical=True), True),
        (stack(makers=("v",)), chip(architecture=None), False),  # no factor of an architecture reaches it
        (stack(vendors=("w",)), chip(), False),
        (stack(vendors=("w",)), chip(hypothetical=True), True),
        (stack(vendors=("w",), classes=("systolic",)), chip(hypothetical=True), False),
        (stack(vendors=("v",), classes=("systolic",)), chip(), False),
    ],
)
def test_the_nearest_evidence_decides_chip_then_class_then_vendor(
    given_stack: Any, given_chip: Any, anchored: bool
) -> None:
    found = anchor(given_stack, given_chip)
    assert found.anchored is anchored
    assert found.reason.endswith(".")
    assert "stacks/s" in found.reason


# --- bases of prices


def priced(value: float | None, source: str = "shop", basis: str | None = None) -> Any:
    return SimpleNamespace(
        price=SimpleNamespace(value=value, source=source), price_basis=basis, gross_margin=None
    )


@pytest.mark.parametrize(
    ("given_chip", "basis"),
    [
        (priced(None, basis="list"), "unit-cost"),
        (priced(10.0, basis="list"), "list"),
        (priced(10.0), "unsaid"),
        (priced(10.0, "study", "list"), "set"),
        (priced(10.0, "command-line", "rent"), "set"),
    ],
)
def test_the_basis_is_that_of_the_number_that_is_used(given_chip: Any, basis: str) -> None:
    assert listed_basis(given_chip) == basis


def test_list_and_street_prices_rank_together_and_with_no_share_of_a_system() -> None:
    together = {name for name in OF_FILES if group_of(name) == BUYERS}
    assert together == {"list", "street", "set"}
    assert group_of("system") == group_of("system-share") != group_of("rent")
    for name, method in price_methods().items():
        if name not in OF_FILES:
            assert (group_of(name), meaning_of(name)) == (method.group, method.meaning)
    assert group_of("no method") == "no method"


# --- reach of links


def count(value: int | float | None) -> Any:
    return None if value is None else SimpleNamespace(value=value)


def network(topology: str, domain: int, **changes: Any) -> Any:
    usual = dict.fromkeys(("board", "rack", "group", "local_share", "global_share", "beyond_rack"))
    return SimpleNamespace(topology=topology, domain=count(domain), **{**usual, **changes})


TECHNOLOGY: Any = SimpleNamespace(
    system=SimpleNamespace(chips_per_board=count(8), chips_per_rack=count(64), optics_energy=count(2e-12))
)


def test_boards_and_racks_are_those_of_the_network_or_the_usual_ones_and_a_rack_holds_its_boards() -> None:
    assert on_board_and_in_rack(network("ring", 512), TECHNOLOGY) == (8.0, 64.0)
    own = network("ring", 512, board=count(16), rack=count(32))
    assert on_board_and_in_rack(own, TECHNOLOGY) == (16.0, 32.0)
    large = network("ring", 512, board=count(128))
    assert on_board_and_in_rack(large, TECHNOLOGY) == (128.0, 128.0)


def test_of_a_cube_of_chips_the_faces_leave_it() -> None:
    # boards of 2 x 2 x 2 and racks of 4 x 4 x 4: a half and a quarter of all links
    assert shares(network("torus3d", 4096), TECHNOLOGY) == pytest.approx((0.5, 0.25))
    assert shares(network("ring", 4096), TECHNOLOGY) == pytest.approx((1 / 8, 1 / 64))
    assert shares(network("torus3d", 64), TECHNOLOGY) == pytest.approx((0.5, 0.0))  # one rack is all
    assert shares(network("torus3d", 8), TECHNOLOGY) == (0.0, 0.0)


def test_a_published_share_replaces_the_geometry_and_never_exceeds_what_leaves_the_board() -> None:
    assert shares(network("torus3d", 4096, beyond_rack=count(0.1)), TECHNOLOGY) == pytest.approx((0.5, 0.1))
    assert shares(network("torus3d", 4096, beyond_rack=count(0.9)), TECHNOLOGY) == pytest.approx((0.9, 0.9))
    assert shares(network("torus3d", 64, beyond_rack=count(0.9)), TECHNOLOGY) == pytest.approx((0.5, 0.0))


def test_of_a_dragonfly_the_rest_of_the_group_and_all_other_groups_are_outside_the_board() -> None:
    # groups of 15: 7 of 14 neighbours are not on the board of 8, and all of a group are in a rack of 64
    made = network("dragonfly", 600, group=count(15), local_share=count(0.6), global_share=count(0.4))
    assert shares(made, TECHNOLOGY) == pytest.approx((0.6 * 7 / 14 + 0.4, 0.4))


@pytest.mark.parametrize(("topology", "paid"), [("switch", 2.0), ("fat-tree", 2.0), ("torus3d", 1.0)])
def test_optics_burn_both_ways_at_every_end_that_is_paid_for(topology: str, paid: float) -> None:
    made = network(topology, 4096)
    _, optical = shares(made, TECHNOLOGY)
    found = reach_columns(np.asarray([1e12, 2e12]), made, TECHNOLOGY)
    assert ends(made) == paid
    assert found["optics_w"].tolist() == pytest.approx([2 * paid * optical * 2.0, 2 * paid * optical * 4.0])
    # behind a switch a small system has links as long as a large one
    assert found["board_chips"].tolist() == ([0.0, 0.0] if paid == 2.0 else [8.0, 8.0])
