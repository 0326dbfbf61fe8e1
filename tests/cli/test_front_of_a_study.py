"""`dse front` of a committed study against its files, which are read here with nothing of ours."""

import csv
import io
import json
from itertools import pairwise
from typing import Any

import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner

from dse.cli.main import app
from dse.spec.catalog.config_paths import bundled

STUDY = "0001-groq-vs-h100"
FOLDER = bundled("studies") / STUDY
TEXTS = {"chip", "branch", "role", "attention_computed_in", "computed_in"}


def plain(row: dict[str, str]) -> dict[str, Any]:
    """A row of a CSV file with its numbers read by Python."""
    return {k: v if k in TEXTS else (None if v == "" else float(v)) for k, v in row.items()}


def stored(name: str) -> list[dict[str, Any]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return [plain(row) for row in csv.DictReader(file)]


FRONT, BASELINES, AT_TARGETS = (stored(f"{n}.csv") for n in ("front", "baselines", "at_targets"))
MANIFEST = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
LIMITS = sorted(MANIFEST["targets"]["tpot"])


@pytest.fixture(scope="module")
def told(dse):
    """Every form of the output, each made once."""
    made: dict[tuple[str, ...], Any] = {}

    def ask(*words: str):
        if words not in made:
            made[words] = dse("front", STUDY, "--no-intervals", *words)
        assert made[words].code == 0, made[words].err
        return made[words]

    return ask


def numbers(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v if isinstance(v, str) or v is None else float(v) for k, v in row.items()}


def same(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    """The same rows in the same order, whatever the order of their columns."""
    assert len(rows) == len(others)
    for row, other in zip(rows, others, strict=True):
        assert numbers(row) == {**dict.fromkeys(row), **numbers(other)}


def test_csv_is_the_stored_front(told) -> None:
    same([plain(r) for r in csv.DictReader(io.StringIO(told("--format", "csv").out))], FRONT)


def test_json_holds_the_stored_rows_and_what_the_manifest_says(told) -> None:
    found = told("--format", "json").json
    same(found["front"], FRONT)
    assert found["hypervolume"] == MANIFEST["hypervolume"]
    assert found["trials"] == MANIFEST["trials"]
    assert found["axes"] == MANIFEST["axes"]
    assert found["price_bases"] == MANIFEST["price_bases"]
    listed = {(r["chip"], r["tpot_s"], r["batch"]) for r in found["baselines"]}
    assert {(r["chip"], r["tpot_s"], r["batch"]) for r in BASELINES} <= listed


def test_the_hypervolume_is_the_area_under_the_staircase(told) -> None:
    """Of two axes that are both made small: stripes from one design to the next, up to the corner."""
    corner = MANIFEST["reference_point"]
    x0, y0 = corner["usd_per_token_per_second"], corner["tpot"]
    area, lowest = 0.0, y0
    for row in sorted(FRONT, key=lambda r: r["usd_per_token_per_s"]):
        x, y = row["usd_per_token_per_s"], row["tpot_s"]
        if x < x0 and y < lowest:
            area, lowest = area + (x0 - x) * (lowest - y), y
    assert told("--format", "json").json["hypervolume"] == pytest.approx(area, rel=1e-9)


def test_no_row_of_the_front_is_beaten_by_another(told) -> None:
    rows = told("--format", "json").json["front"]
    ordered = sorted((r["usd_per_token_per_s"], r["tpot_s"]) for r in rows)
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in pairwise(ordered))


def test_the_best_at_a_target_is_the_cheapest_of_all_rows_within_the_tolerance(told) -> None:
    """Of the front, of what was solved again, and of the baselines; of one chip the smallest within 1 %."""
    every = [*FRONT, *AT_TARGETS, *BASELINES]
    best = told("--format", "json").json["best"]
    assert [row["target_tpot_s"] for row in best] == LIMITS
    for row in best:
        limit = row["target_tpot_s"]
        meets = [r for r in every if r["tpot_s"] <= limit and r["role"] == "search"]
        assert row["found"] is bool(meets)
        if not meets:
            continue
        least = min(r["usd_per_token_per_s"] for r in meets)
        assert row["tpot_s"] <= limit
        assert row["usd_per_token_per_s"] <= least * (1.0 + MANIFEST["tolerance"]) * (1 + 1e-12)
        chip = min(meets, key=lambda r: r["usd_per_token_per_s"])["chip"]
        near = [r["chips"] for r in meets if r["chip"] == chip
                and r["usd_per_token_per_s"] <= least * (1.0 + MANIFEST["tolerance"])]  # fmt: skip
        assert (row["chip"], row["chips"]) == (chip, min(near))


def test_the_rivals_are_the_best_rows_of_each_baseline(told) -> None:
    found = told("--format", "json").json["rivals"]
    every = [r for r in (*BASELINES, *AT_TARGETS) if r["role"] == "baseline"]
    assert set(found) == {r["chip"] for r in every}
    for name, rows in found.items():
        for row in rows:
            meets = [r["usd_per_token_per_s"] for r in every
                     if r["chip"] == name and r["tpot_s"] <= row["target_tpot_s"]]  # fmt: skip
            assert row["found"] is bool(meets)
            if meets:
                assert row["usd_per_token_per_s"] <= min(meets) * (1.0 + MANIFEST["tolerance"]) * (1 + 1e-12)


def test_a_condition_on_an_objective_keeps_the_rows_that_meet_it(told) -> None:
    rows = [
        plain(r) for r in csv.DictReader(io.StringIO(told("--format", "csv", "--where", "tpot<=10 ms").out))
    ]
    same(rows, [r for r in FRONT if r["tpot_s"] <= 0.01])


def test_parquet_is_the_same_table() -> None:
    made = CliRunner().invoke(app, ["front", STUDY, "--no-intervals", "--format", "parquet"])
    rows = parquet.read_table(io.BytesIO(made.stdout_bytes)).to_pylist()
    same([{k: (None if v != v else v) for k, v in row.items()} for row in rows], FRONT)


def test_the_table_prints_the_best_and_the_rivals_of_the_json(told) -> None:
    text, found = told().out, told("--format", "json").json
    names = sorted(found["rivals"])
    block = text.partition("of the best design and of the baselines")[2].splitlines()
    rows = {}
    for line in block:
        cells = line.split()
        if len(cells) == 3 + len(names) and cells[1] == "ms":
            rows[float(cells[0]) * 1e-3] = cells[2:]
    assert sorted(rows) == pytest.approx(LIMITS)
    for i, limit in enumerate(LIMITS):
        cells = next(v for k, v in rows.items() if k == pytest.approx(limit))
        values = [
            found["best"][i]["usd_per_token_per_s"],
            *(found["rivals"][n][i]["usd_per_token_per_s"] for n in names),
        ]
        for cell, value in zip(cells, values, strict=True):
            if value is None:
                assert cell == "-"
            else:
                # three digits: half a unit of the third is at most 0.5 %
                assert float(cell.replace(",", "")) == pytest.approx(value, rel=0.0051)


def test_the_number_of_designs_and_the_hypervolume_are_printed(told) -> None:
    text = told().out
    assert f"{len(FRONT)} designs" in text
    assert f"{MANIFEST['trials']} trials" in text
    assert f"{MANIFEST['hypervolume']:.6g}" in text
