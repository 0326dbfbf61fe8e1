"""Prices older than a year at the date of the catalog: a list with a reason for each; none slips in."""

import csv
from datetime import date
from pathlib import Path

import pytest

from dse.spec.catalog.ages import date_of, years_since
from dse.spec.catalog.lookup import KINDS, Catalog
from dse.spec.schema.base import sourced_values, unit_in

CATALOG = Catalog()
AS_OF = date(2026, 12, 1)
"""Date of the catalog: when its prices were last looked through. Move it then, and the list with it."""
LIST = Path(__file__).with_name("stale-prices.csv")


def stale(today: date) -> dict[tuple[str, str, str], str]:
    """Date of every amount of dollars in the configs that is older than a year, by kind, file and path."""
    sources, found = CATALOG.sources(), {}
    for kind, spec in KINDS.items():
        for name in CATALOG.files(kind):
            for path, leaf in sourced_values(CATALOG.get(spec, name)):
                unit = unit_in(type(leaf).model_fields["value"].annotation) or ""
                if leaf.value is None or leaf.basis == "definition" or not unit.startswith("USD"):
                    continue
                when = date_of(leaf, sources)
                if years_since(when, today) > 1.0:
                    found[kind, name, path] = when
    return found


def listed() -> list[dict[str, str]]:
    with LIST.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_prices_older_than_a_year_are_those_of_the_list_no_more_and_no_fewer() -> None:
    told = {(row["kind"], row["name"], row["path"]): row["date"] for row in listed()}
    assert told == stale(AS_OF)


def test_each_old_price_has_a_reason_to_stay_and_stands_once() -> None:
    rows = listed()
    assert all(len(row["reason"].split()) >= 3 for row in rows)
    keys = [(row["kind"], row["name"], row["path"]) for row in rows]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("name", list(CATALOG.files("chips")))
def test_every_price_of_a_chip_has_a_date_of_its_own(name: str) -> None:
    chip = CATALOG.get(KINDS["chips"], name)
    for path, leaf in sourced_values(chip):
        if path in ("price", "unit_cost", "host") and leaf.value is not None and leaf.basis != "definition":
            assert leaf.date, path


def test_time_alone_makes_prices_old() -> None:
    """At the end of 1990 nothing was old; ten years on, all that is old today still is."""
    assert stale(date(1990, 12, 31)) == {}
    assert set(stale(AS_OF)) <= set(stale(date(2036, 12, 1)))
