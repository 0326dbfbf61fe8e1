"""`dse catalog` in each form against the files, which are read here by a YAML parser alone."""

import csv
import io
import re

import pytest
import yaml

from dse.spec.catalog.config_paths import bundled
from dse.spec.yaml.units import parse

CONFIGS = bundled("configs")
COLUMNS = {
    "sram_bytes": ("sram.capacity", "B"), "dram_bytes": ("dram.capacity", "B"), "power_w": ("power", "W"),
    "dram_bandwidth_bytes_per_s": ("dram.bandwidth", "B/s"), "price_usd": ("price", "USD"),
    "peak_fp16_flop_per_s": ("peak.fp16", "FLOP/s"),
}  # fmt: skip
"""Column of the list of chips to where its file writes it, and its unit."""


def files(kind: str) -> dict[str, dict]:
    """Plain data of every file of a kind, by the name of the file."""
    return {
        p.stem: yaml.safe_load(p.read_text(encoding="utf-8")) for p in sorted((CONFIGS / kind).glob("*.yaml"))
    }


def number(data: dict, path: str, unit: str) -> float | None:
    """The number at a dotted path in SI; None where the file has none."""
    for key in path.split("."):
        data = data.get(key) or {}
    text = data.get("value")
    return None if text is None else parse(str(text), unit)


@pytest.fixture(scope="module")
def chips(dse):
    return {form: dse("catalog", "chips", "--format", form) for form in ("json", "csv", "table")}


def test_the_list_of_chips_holds_the_numbers_of_their_files(chips) -> None:
    rows, written = chips["json"].json, files("chips")
    assert [row["name"] for row in rows] == sorted(written)
    for row in rows:
        data = written[row["name"]]
        assert row["title"] == data["title"]
        for column, (path, unit) in COLUMNS.items():
            value = number(data, path, unit)
            if column == "peak_fp16_flop_per_s" and value is None:
                continue  # it may follow from another format
            if column == "dram_bytes" and "dram" not in data:
                assert not row[column]
                continue
            assert row[column] == value or (value is None and not row[column]), (row["name"], column)


def test_csv_is_the_json_of_the_same_list(chips) -> None:
    for row, other in zip(csv.DictReader(io.StringIO(chips["csv"].out)), chips["json"].json, strict=True):
        assert list(row) == list(other)
        for name, value in other.items():
            if isinstance(value, str):
                assert row[name] == value
            else:
                assert (float(row[name]) if row[name] else None) == value


def test_the_table_has_a_line_for_each_chip_with_the_same_numbers(chips) -> None:
    lines = chips["table"].out.splitlines()
    for row in chips["json"].json:
        line = next(line for line in lines if row["name"] in line.split())
        cells = re.split(r"\s{2,}", line.strip())
        if row["power_w"] and any(cell.endswith(" W") for cell in cells):
            watts = next(cell for cell in cells if cell.endswith(" W"))
            # three digits: half a unit of the third is at most 0.5 %
            assert parse(watts, "W") == pytest.approx(row["power_w"], rel=0.0051), row["name"]


@pytest.mark.parametrize(
    ("kind", "name"), [("chips", "h100-sxm"), ("networks", "torus-3d"), ("stacks", "gpu-serving")]
)
def test_the_sheet_of_a_config_is_the_same_in_each_form(dse, kind: str, name: str) -> None:
    rows = dse("catalog", kind, name, "--format", "json").json
    table = list(csv.DictReader(io.StringIO(dse("catalog", kind, name, "--format", "csv").out)))
    assert [row["path"] for row in table] == [row["path"] for row in rows]
    text = " ".join(dse("catalog", kind, name).out.split())
    for row, other in zip(rows, table, strict=True):
        for column, value in row.items():
            assert other[column] == ("" if value is None else str(value)), (row["path"], column)
        if row["source"] and row["value"] is not None:
            assert row["source"] in text
            assert row["unit"] == "" or isinstance(row["value"], int | float)
    assert dse("catalog", kind, name).code == 0
