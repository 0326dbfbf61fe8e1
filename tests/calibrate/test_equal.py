"""The software of a comparison of hardware: the same losses for every chip, derived from what was fitted."""

from math import exp, log, sqrt

import pytest

from dse.calibrate.equal import CENTRES, equal
from dse.calibrate.parameters import PARAMETERS
from dse.chips.granularity import GRAIN, with_grain
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import Sourced
from dse.spec.schema.system import StackSpec

CATALOG = Catalog()
EQUAL = CATALOG.get(StackSpec, "equal")
SIDES = [CATALOG.get(StackSpec, name) for name in CENTRES]


def test_the_file_is_what_the_stacks_of_today_give() -> None:
    assert equal(CATALOG).yaml() == CATALOG.files("stacks")["equal"].read_text(encoding="utf-8")


def test_a_time_is_the_geometric_mean_of_both_classes() -> None:
    gpu, dataflow = (s.collective_overhead.value or 0.0 for s in SIDES)
    assert EQUAL.collective_overhead.value == pytest.approx(sqrt(gpu * dataflow), rel=5e-3)


def test_a_share_is_the_middle_of_the_odds() -> None:
    one, other = (s.dram_efficiency for s in SIDES)
    if other.low is None:
        assert EQUAL.dram_efficiency.value == one.value
        return
    odds = [(s.value or 0.0) / (1.0 - (s.value or 0.0)) for s in (one, other)]
    middle = exp((log(odds[0]) + log(odds[1])) / 2.0)
    assert EQUAL.dram_efficiency.value == pytest.approx(middle / (1.0 + middle), rel=5e-3)


def test_every_loss_lies_between_those_of_the_classes_and_its_range_spans_both() -> None:
    for name in PARAMETERS:
        leaf = getattr(EQUAL, name)
        # dataflow chips say nothing of some losses, such as that of an all-to-all
        given = [x for s in SIDES if (x := getattr(s, name)) is not None]
        known = [x for x in given if x.basis == "derived" and None not in (x.low, x.high)]
        assert known, name
        values = [x.value for x in known]
        assert min(values) * 0.99 <= leaf.value <= max(values) * 1.01, name
        assert (leaf.low, leaf.high) == (min(x.low for x in known), max(x.high for x in known)), name


def test_nothing_is_lost_for_free() -> None:
    for name in PARAMETERS:
        assert getattr(EQUAL, name).value > 0.0, name


@pytest.mark.parametrize("own", ["gpu-serving", "static-dataflow", "systolic-serving"])
def test_a_chip_keeps_the_grain_of_its_hardware_and_nothing_else(own: str) -> None:
    mine = CATALOG.get(StackSpec, own)
    found = with_grain(EQUAL, mine)
    for name in StackSpec.model_fields:
        if isinstance(leaf := getattr(found, name), Sourced):
            assert leaf == getattr(mine if name in GRAIN else EQUAL, name), name
