"""`dse catalog` says of which date and on what basis prices are, and how old."""

from datetime import date

import pytest
import yaml

from dse.spec.catalog.config_paths import bundled

RENTS = bundled("configs") / "rents" / "rents-2026.yaml"
FIELDS = {"price": "price", "unit cost": "unit_cost", "host": "host", "rent three-years": "rent"}


def files() -> dict[str, dict]:
    """Chip files as they are written, with the rents of the price list under their words."""
    found = {p.stem: yaml.safe_load(p.read_text()) for p in (bundled("configs") / "chips").glob("*.yaml")}
    for chip, terms in yaml.safe_load(RENTS.read_text())["chips"].items():
        found[chip] |= {f"rent {term}": leaf for term, leaf in terms.items()}
    return found


def test_prices_are_those_of_the_files_with_date_basis_and_age(dse) -> None:
    rows, written = dse("catalog", "prices", "--format", "json").json, files()
    for row in rows:
        leaf = written[row["chip"]][FIELDS.get(row["amount"], row["amount"])]
        assert (row["basis"], row["source"]) == (leaf["basis"], leaf["source"])
        assert row["date"] == str(leaf["date"])
        number, unit = leaf["value"].split()
        own, other = ("usd", "usd_per_hour") if unit == "USD" else ("usd_per_hour", "usd")
        assert row[own] == pytest.approx(float(number))
        assert row[other] is None
        assert row["age_years"] >= 0
    known = [
        (name, field)
        for name, data in written.items()
        for field in (*FIELDS.values(), *(key for key in data if key.startswith("rent ")))
        if (leaf := data.get(field) or {}).get("value") and leaf["basis"] != "definition"
    ]
    assert sorted((row["chip"], FIELDS.get(row["amount"], row["amount"])) for row in rows) == sorted(known)


def test_the_oldest_price_comes_first_and_its_age_is_counted_to_today(dse) -> None:
    """A V100 was listed in May 2018: on the 1st of June 2026 that is eight years ago."""
    rows = dse("catalog", "prices", "--format", "json").json
    ages = [row["age_years"] for row in rows]
    assert ages == sorted(ages, reverse=True)
    v100 = next(row for row in rows if row["chip"] == "v100-sxm2-32gb")
    years = (date.today() - date(2018, 5, 31)).days / 365.25
    assert v100["age_years"] == pytest.approx(years, abs=0.1)


def test_prices_of_one_chip_are_asked_for_by_any_of_its_names(dse) -> None:
    told = dse("catalog", "prices", "h100")
    assert told.code == 0
    assert all(
        words in told.out for words in ("h100-sxm", "unit cost", "2023-08", "years", "estimate", "street")
    )
    assert dse("catalog", "prices", "h100-sxm").out == told.out
    dse("catalog", "prices", "h10").refused("NAME: unknown", "'h10'")


def test_the_list_of_chips_tells_basis_and_date_of_each_price(dse) -> None:
    rows = {row["name"]: row for row in dse("catalog", "chips", "--format", "json").json}
    h100, a10 = rows["h100-sxm"], rows["a10"]
    assert (h100["price_date"], h100["price_evidence"], h100["price_basis"]) == (
        "2025/2026",
        "derived",
        "street",
    )
    assert (a10["price_usd"], a10["price_date"], a10["price_evidence"]) == (None, None, None)
    text = dse("catalog", "chips").out
    assert "price from" in " ".join(text.splitlines()[1].split())


def test_the_sheet_of_a_chip_names_its_oldest_value(dse) -> None:
    """Of an RTX 4090 the list price of September 2022 is older than the databases that tell the rest."""
    assert "Oldest value: price of 2022-09, " in dse("catalog", "chips", "rtx-4090").out
