"""Rows of `dse catalog prices`: what each chip is sold for, costs to make and needs around it, by age."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from dse.spec.catalog.ages import date_of, years_since
from dse.spec.catalog.lookup import Source
from dse.spec.schema.base import Sourced
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.rents import IN_CHIP_FILES, RentsSpec
from dse.spec.yaml.units import parse

AMOUNTS = {"price": "price", "unit_cost": "unit cost", "host": "host", "rent": f"rent {IN_CHIP_FILES}"}
"""Field of a chip in dollars to its words."""
HOUR_S = parse("1 h", "s")


def price_rows(
    chips: Sequence[ChipSpec], sources: Mapping[str, Source], today: date, rents: Sequence[RentsSpec] = ()
) -> list[dict[str, object]]:
    """A row for each known amount of dollars of the chips, the oldest first, with its age at `today` [years].

    What is true by definition, such as the host of a whole system, has no age and is left out.
    """
    rows: list[dict[str, object]] = []
    for chip in chips:
        for field, words, leaf in _amounts(chip, rents):
            if leaf is None or leaf.value is None or leaf.basis == "definition":
                continue
            when, hourly = date_of(leaf, sources), words.startswith("rent")
            rows.append(
                {
                    "chip": chip.name,
                    "amount": words,
                    "usd": None if hourly else leaf.value,
                    "usd_per_hour": leaf.value * HOUR_S if hourly else None,
                    "of": chip.price_basis if field == "price" else None,
                    "date": when,
                    "age_years": round(years_since(when, today), 1),
                    "basis": leaf.basis,
                    "source": leaf.source,
                }
            )
    # the sort is stable: chips of one age stay in their order
    return sorted(rows, key=lambda row: -float(str(row["age_years"])))


def _amounts(chip: ChipSpec, rents: Sequence[RentsSpec]) -> Iterator[tuple[str, str, Sourced[float] | None]]:
    """Field of the chip, what it is, and its value; then its rents in the price lists, by term."""
    for field, words in AMOUNTS.items():
        yield field, words, getattr(chip, field)
    for listed in rents:
        for term, leaf in listed.chips.get(chip.name, {}).items():
            yield term, f"rent {term}", leaf
