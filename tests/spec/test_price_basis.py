"""Prices are on stated bases."""

from typing import get_args

import pytest

from dse.chips.price_basis import OF_FILES, price_basis
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.command_line import chip_with
from dse.spec.schema.chip import ChipSpec, PriceBasis


def chip(name: str) -> ChipSpec:
    return Catalog.of(None).get(ChipSpec, name)


def test_every_listed_price_of_the_catalog_says_what_it_is_a_price_of() -> None:
    for one in Catalog.of(None).all(ChipSpec).values():
        assert (one.price_basis is None) == (one.price.value is None), one.name
    assert set(get_args(PriceBasis)) <= set(OF_FILES)


@pytest.mark.parametrize(
    ("name", "basis"),
    [
        ("groq-lpu-v1", "list"),  # one card at Mouser
        ("h100-sxm", "street"),  # an estimated average
        ("tpu-v7", "maker-cost"),  # Google does not sell it
        ("wse-3", "system"),
        ("gb200", "system-share"),  # a line of a rack's bill
        ("hybrid-n5", "unit-cost"),  # nobody lists it
    ],
)
def test_a_listed_price_is_on_the_basis_that_its_file_says(name: str, basis: str) -> None:
    assert price_basis(chip(name), "listed") == basis


def test_a_derived_price_is_on_the_basis_of_its_method() -> None:
    assert price_basis(chip("tpu-v7"), "margin") == "margin"
    assert price_basis(chip("tpu-v7"), "unit-cost") == "unit-cost"


def test_a_price_that_the_question_sets_is_on_a_basis_of_its_own() -> None:
    assert price_basis(chip_with({"price": "5000 USD"}, chip("wse-3")), "listed") == "set"
