"""The article's claims and inputs as bundled tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dse.errors import spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.yaml.units import parse
from dse.validate.own_table import number, read_table

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class StatedClaim:
    """One row of the table of claims."""

    id: str
    quantity: str
    value: float
    unit: str
    rounding: float
    """Largest relative deviation that the article's own rounding explains."""
    note: str


def _table(catalog: Catalog, name: str, make: Callable[[Mapping[str, str]], T]) -> list[T]:
    # the first folder wins, so that a table of one's own replaces ours
    for folder in catalog.folders:
        path = Path(folder) / "measurements" / name
        if path.is_file():
            return read_table(path, make)
    raise spec_error(f"measurements/{name}", "expected this table in a configs folder, got none")


def claims(catalog: Catalog) -> list[StatedClaim]:
    """Every claim of the article, in the article's order."""
    return _table(catalog, "article.csv", _claim)


def _claim(row: Mapping[str, str]) -> StatedClaim:
    return StatedClaim(
        id=row["id"],
        quantity=row["quantity"],
        value=number(row, "article_value"),
        unit=row["unit"],
        rounding=number(row, "rounding"),
        note=row["note"],
    )


def inputs(catalog: Catalog) -> dict[str, float]:
    """Every number that the article starts from, in SI."""
    return dict(_table(catalog, "article-inputs.csv", _input))


def _input(row: Mapping[str, str]) -> tuple[str, float]:
    # the table writes 1 for no unit, where the parser expects an empty text
    return row["key"], parse(row["value"], "" if row["unit"] == "1" else row["unit"])
