"""A chip is anchored by measurements of itself, of its vendor, or of a class that shares its software."""

import pytest

from dse.chips.anchors import anchor, anchored
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec

CATALOG = Catalog()


def stack(name: str, **changed: object) -> StackSpec:
    return CATALOG.get(StackSpec, name).model_copy(update=changed)


def chip(name: str, **changed: object) -> ChipSpec:
    return CATALOG.get(ChipSpec, name).model_copy(update=changed)


def test_a_stack_that_is_not_calibrated_anchors_nothing() -> None:
    for estimate in ("uncalibrated", "speed-of-light"):
        found = anchor(stack("gpu-serving", estimate=estimate, chips=("h100-sxm",)), chip("h100-sxm"))
        assert not found.anchored
        assert "no measurement anchors it" in found.reason


def test_any_chip_of_its_classes_is_anchored_by_a_stack_that_names_no_vendor() -> None:
    assert anchored(stack("gpu-serving"), chip("h100-sxm"))
    assert anchored(stack("gpu-serving"), chip("mi355x"))
    assert not anchored(stack("gpu-serving"), chip("etched-sohu")), "a chip of another class"


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        ("groq-lpu-v1", {}, True),  # named
        ("wse-3", {"vendor": "Groq"}, True),  # of a vendor that is named
        ("wse-3", {}, False),  # of another vendor, which writes its own software
        ("lpu-template", {}, True),  # hypothetical: the interval from vendors left out is what is known
    ],
)
def test_software_of_a_vendor_anchors_its_chips_and_hypothetical_ones(
    name: str, changed: dict[str, object], expected: bool
) -> None:
    family = stack(
        "static-dataflow",
        estimate="calibrated",
        chips=("groq-lpu-v1",),
        vendors=("Groq",),
        classes=("dataflow-sram",),
    )
    found = anchor(family, chip(name, **changed))
    assert found.anchored is expected
    assert found.reason.endswith(".")
