"""`dse catalog`: what exists, with its units and its sources."""

import csv
import io

import pytest

from dse.plugins import GROUPS
from dse.spec.catalog.config_paths import bundled

KINDS = (
    "chips",
    "llms",
    "workloads",
    "traffic",
    "stacks",
    "architectures",
    "networks",
    "economies",
    "silicon",
    "spaces",
    "buildable",
    "rents",
)
PLUGS = tuple(GROUPS)


def rows(said):
    assert said.code == 0, said.err
    return list(csv.DictReader(io.StringIO(said.out)))


def test_counts_are_those_of_the_files(dse):
    counts = {row["kind"]: row["count"] for row in dse("catalog", "--format", "json").json}
    assert set(counts) == {*KINDS, *PLUGS, "studies"}
    for kind in KINDS:
        assert counts[kind] == len(list((bundled("configs") / kind).glob("*.yaml")))


@pytest.mark.parametrize("kind", [*KINDS, *PLUGS, "studies"])
def test_every_kind_is_listed_by_name_in_each_format(dse, kind):
    names = [row["name"] for row in rows(dse("catalog", kind, "--format", "csv"))]
    assert names
    assert [row["name"] for row in dse("catalog", kind, "--format", "json").json] == names
    said = dse("catalog", kind)
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in said.out
    for name in names:
        assert any(line.startswith(name) for line in lines)


def test_a_number_comes_with_its_si_unit_source_date_and_basis(dse):
    """The H100 SXM: 3.35 TB/s and 700 W by its data sheet, 81,559 MiB by nvidia-smi."""
    found = {row["path"]: row for row in dse("catalog", "chips", "h100-sxm", "--format", "json").json}
    told = {path: (found[path]["value"], found[path]["unit"]) for path in ("dram.capacity", "power")}
    assert told == {"dram.capacity": (81_559 * 2**20, "B"), "power": (700.0, "W")}
    hbm = found["dram.bandwidth"]
    assert (hbm["value"], hbm["unit"], hbm["basis"]) == (3.35e12, "B/s", "spec sheet")
    assert hbm["source_title"]
    assert hbm["date"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_sourced_value_of_every_config_is_shown_with_its_source(dse, kind):
    for path in (bundled("configs") / kind).glob("*.yaml"):
        told = dse("catalog", kind, path.stem, "--format", "json").json
        assert all(row["basis"] and row["date"] and row["source_title"] for row in told if row["source"])
        stated = [row for row in told if row["source"] and row["source"] != "not-found"]
        text = path.read_text()
        assert text.count("source:") - text.count("source: not-found") == len(stated)


def test_the_sheet_for_people_shows_values_sources_and_notes(dse):
    said = dse("catalog", "chips", "h100")
    assert said.code == 0
    for words in ("3.35 TB/s", "NVLink4", "22,000 USD - 30,000 USD", "one way; the vendor quotes", "Sources"):
        assert words in said.out


def test_a_name_an_alias_and_a_path_show_the_same(dse):
    path = bundled("configs") / "chips" / "h100-sxm.yaml"
    first = dse("catalog", "chips", "h100-sxm", "--format", "csv").out
    assert first == dse("catalog", "chips", "h100", "--format", "csv").out
    assert first == dse("catalog", "chips", path, "--format", "csv").out


def test_a_folder_of_ones_own_is_searched_first(dse, config_with):
    config_with("chips", "h100-sxm", ('"700 W"', '"650 W"'))
    found = {
        r["path"]: r["value"]
        for r in rows(dse("catalog", "chips", "h100", "--configs", "my", "--format", "csv"))
    }
    assert float(found["power"]) == 650.0


def test_a_plug_in_says_what_it_is_and_who_provides_it(dse):
    said = dse("catalog", "cost-models", "roofline", "--format", "json").json[0]
    assert said["entry_point"].startswith("objectives.costmodels.roofline:")
    assert said["provided_by"].startswith("dse ")


def test_an_unknown_kind_is_refused_with_the_nearest(dse):
    dse("catalog", "chip").refused("KIND", "unknown kind 'chip'", "did you mean 'chips'?")


@pytest.mark.parametrize("kind", ["chips", "cost-models", "studies"])
def test_an_unknown_name_is_refused_with_its_place(dse, kind):
    dse("catalog", kind, "rofline").refused("NAME: unknown", "'rofline'")


def test_a_missing_folder_of_configs_is_refused(dse):
    dse("catalog", "chips", "--configs", "nowhere").refused("--configs: expected a folder, got 'nowhere'")


def test_an_unknown_format_is_refused_with_the_nearest(dse):
    dse("catalog", "chips", "--format", "jsn").refused(
        "--format", "unknown format 'jsn'", "did you mean 'json'?"
    )
