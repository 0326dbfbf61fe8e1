"""The article's claims and inputs as bundled tables."""

import csv
from dataclasses import dataclass
from pathlib import Path

from dse.errors import spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.yaml.units import parse


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


def _table(catalog: Catalog, name: str) -> list[dict[str, str]]:
    # the first folder wins, so that a table of one's own replaces ours
    for folder in catalog.folders:
        path = Path(folder) / "measurements" / name
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))
    raise spec_error(f"measurements/{name}", "expected this table in a configs folder, got none")


def claims(catalog: Catalog) -> list[StatedClaim]:
    """Every claim of the article, in the article's order."""
    return [
        StatedClaim(
            id=row["id"],
            quantity=row["quantity"],
            value=float(row["article_value"]),
            unit=row["unit"],
            rounding=float(row["rounding"]),
            note=row["note"],
        )
        for row in _table(catalog, "article.csv")
    ]


def inputs(catalog: Catalog) -> dict[str, float]:
    """Every number that the article starts from, in SI."""
    rows = _table(catalog, "article-inputs.csv")
    # the table writes 1 for no unit, where the parser expects an empty text
    return {r["key"]: parse(r["value"], "" if r["unit"] == "1" else r["unit"]) for r in rows}
