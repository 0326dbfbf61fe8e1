"""The published measurements: names resolve, numbers are numbers, and the README documents what is there."""

import csv
import gzip
import re
from functools import cache
from math import isfinite
from pathlib import Path

import pytest

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec

CATALOG = Catalog()
FOLDER = CATALOG.folders[-1] / "measurements"
COMPACT, FULL = FOLDER / "published.csv", FOLDER / "published-full.csv.gz"
TABLES = (COMPACT, FULL)
README = (FOLDER / "README.md").read_text(encoding="utf-8")

Row = dict[str, str]

OPTIONAL_NUMBERS = ("n_chips", "tp", "pp", "ep", "dp", "batch", "isl", "osl")
FORMATS = {"fp32", "fp16", "bf16", "fp8", "int8", "int4", "nvfp4", "mxfp4", "q4_k_m", "int3_6"}
STATS = {"mean", "p50", "p99", "nominal", "unstated"}


@cache
def _rows(path: Path) -> tuple[Row, ...]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _documented(heading: str) -> dict[str, str]:
    """First code word of every table row under a heading of the README, with the row's last cell."""
    section = README.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if "`" in line]
    return {name: row[-1] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def _values(path: Path, column: str) -> set[str]:
    return {row[column] for row in _rows(path)}


tables = pytest.mark.parametrize("path", TABLES, ids=lambda p: p.name)


@tables
def test_every_chip_is_in_the_catalog(path: Path) -> None:
    for name in _values(path, "chip"):
        assert CATALOG.get(ChipSpec, name)


@tables
def test_every_llm_is_in_the_catalog(path: Path) -> None:
    for name in _values(path, "llm"):
        assert CATALOG.get(LlmSpec, name)


def test_at_least_as_many_chips_and_llms_are_measured_as_promised() -> None:
    assert len(_values(COMPACT, "chip")) >= 25
    assert len(_values(COMPACT, "llm")) >= 24


@tables
def test_every_source_is_listed_with_its_text_and_date(path: Path) -> None:
    listed = _rows(FOLDER / "sources.csv")
    assert all(row["source"] and row["date"] for row in listed)
    assert _values(path, "source_key") <= {row["source_key"] for row in listed}
    assert _values(path, "source_key") <= set(_documented("What all rows of a source share"))


@tables
def test_the_columns_are_those_of_the_readme(path: Path) -> None:
    assert set(_rows(path)[0]) == set(_documented("Columns"))


@tables
def test_metrics_and_kinds_of_batch_are_documented_and_all_documented_ones_occur(path: Path) -> None:
    assert _values(path, "metric") == set(_documented("Metrics"))
    assert _values(path, "batch_kind") == set(_documented("Kinds of batch"))


@tables
def test_the_phase_follows_from_the_metric(path: Path) -> None:
    phases = _documented("Metrics")
    assert all(row["phase"] == phases[row["metric"]] for row in _rows(path))


@tables
def test_statistics_formats_and_qualities_are_of_the_known_sets(path: Path) -> None:
    assert _values(path, "stat") <= STATS
    assert _values(path, "quality") <= {"A", "B", "C"}
    for column in ("weights", "kv", "activations"):
        assert _values(path, column) <= FORMATS | {""}
        assert _values(path, column) - {""} <= set(re.findall(r"`([^`]+)`", README))


@tables
def test_every_value_is_a_positive_finite_number(path: Path) -> None:
    values = [float(row["value"]) for row in _rows(path)]
    assert all(isfinite(v) and v > 0.0 for v in values)


@tables
def test_sizes_are_blank_or_finite_and_not_negative(path: Path) -> None:
    for column in OPTIONAL_NUMBERS:
        sizes = [float(text) for text in _values(path, column) if text]
        assert all(isfinite(s) and s >= 0.0 for s in sizes), column


@tables
def test_a_layout_fills_its_system(path: Path) -> None:
    for row in _rows(path):
        if row["tp"] and row["pp"] and row["n_chips"]:
            assert int(row["tp"]) * int(row["pp"]) * int(row["dp"] or 1) == int(row["n_chips"]), row["run_id"]


@tables
def test_rows_of_a_run_describe_one_system_and_no_figure_twice(path: Path) -> None:
    systems: dict[str, tuple[str, ...]] = {}
    figures: set[tuple[str, str, str]] = set()
    for row in _rows(path):
        system = tuple(row[c] for c in ("source_key", "chip", "llm", "batch", "isl", "osl", "engine"))
        assert systems.setdefault(row["run_id"], system) == system
        figure = (row["run_id"], row["metric"], row["stat"])
        assert figure not in figures
        figures.add(figure)


def test_the_full_table_holds_the_compact_one() -> None:
    full = {tuple(row.items()) for row in _rows(FULL)}
    assert {tuple(row.items()) for row in _rows(COMPACT)} <= full


def test_the_readme_counts_rows_and_runs() -> None:
    for path in TABLES:
        line = next(text for text in README.splitlines() if f"`{path.name}`" in text)
        runs = len(_values(path, "run_id"))
        assert f"{len(_rows(path)):,} rows of {runs:,} runs" in line


def test_the_compact_table_has_means_only() -> None:
    assert "p99" not in _values(COMPACT, "stat")


def test_the_tables_stay_small() -> None:
    """They ship in the wheel and in every clone."""
    assert COMPACT.stat().st_size < 600_000
    assert FULL.stat().st_size < 350_000
