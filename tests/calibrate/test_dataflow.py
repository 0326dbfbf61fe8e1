"""The stacks of dataflow chips are those that their table gives, re-derived."""

from functools import cache

import numpy as np
import pytest

from dse.calibrate.dataflow import FAMILY, Family, family, left_out_table, profiles
from dse.calibrate.parameters import DATAFLOW, columns
from dse.calibrate.profile import Profile
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.dataflow import LEFT_OUT, find_bundled

CATALOG = Catalog()


@cache
def again() -> tuple[Family, dict[str, Profile]]:
    found = family(cost_model("roofline"), CATALOG)
    return found, profiles(found, CATALOG)


def test_every_stack_is_what_a_new_fit_gives() -> None:
    for name, profile in again()[1].items():
        bundled = CATALOG.get(StackSpec, name)
        for field in DATAFLOW:
            leaf = getattr(bundled, field)
            assert leaf.value == pytest.approx(profile.leaves[field].value, rel=0.03), (name, field)
            assert leaf.basis == profile.leaves[field].basis, (name, field)
        assert bundled.interval["tpot"] == pytest.approx(profile.interval["tpot"], rel=0.03), name
        assert bundled.chips == profile.chips


def test_the_families_without_a_vendor_are_what_a_new_fit_gives() -> None:
    def numbers(text: str) -> dict[str, list[float]]:
        rows = [line.split(",") for line in text.splitlines()[1:]]
        return {name: [float(v) for v in values] for name, *values in rows}

    old = numbers(find_bundled(CATALOG, LEFT_OUT).read_text(encoding="utf-8"))
    new = numbers(left_out_table(again()[0]))
    assert set(old) == set(new)
    for name, values in old.items():
        assert values == pytest.approx(new[name], rel=0.03), name


def test_a_vendor_that_is_left_out_is_not_seen() -> None:
    """The rows of a vendor change its own stack, and not the family without it."""
    found = again()[0]
    cerebras = found.rows["wafer-dataflow"]
    layer = list(DATAFLOW).index("layer_overhead")
    spread = found.found.own.spread[layer]
    # four rows of two systems fix the time a layer, which no row of others can
    assert found.found.fits["wafer-dataflow"].freedom[layer] < 0.2
    assert abs(found.without["wafer-dataflow"].centre[layer] - found.found.own.centre[layer]) < spread
    assert len(cerebras.cases) == 4


def test_more_time_a_layer_makes_every_prediction_slower() -> None:
    rows = again()[0].rows["groq-dataflow"]
    centre = again()[0].found.centre.centre
    step = np.eye(len(DATAFLOW))[list(DATAFLOW).index("layer_overhead")]
    slow, fast = rows.errors(np.stack([centre + step, centre - step]))
    assert (slow < fast).all()  # rows are speeds
    alone = np.zeros((1, len(DATAFLOW)))
    assert set(columns(centre[None, :], alone, DATAFLOW)) == {p.column for p in DATAFLOW.values()}
    assert FAMILY in again()[1]
