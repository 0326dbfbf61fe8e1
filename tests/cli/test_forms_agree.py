"""The same number in each form of output: tables for people, CSV and JSON for programs."""

import csv
import io
import re

import pytest

from dse.plugins import metrics
from dse.spec.yaml.units import parse

ESTIMATE = ("estimate", "--chip", "h200", "--llm", "mixtral-8x7b", "--workload", "chat", "--weights", "fp8",
            "--system", "built-up")  # fmt: skip
COMPARE = ("compare", "h100", "h200", "mi300x", "--llm", "llama2-70b", "--workload", "chat", "--weights",
           "fp8", "--targets", "30 ms,100 ms", "--no-intervals")  # fmt: skip

# three digits are shown: half a unit of the third is at most 0.5 %
SHOWN = 0.0051


def number(text: str, unit: str) -> float:
    """A number of a table, with its unit where it carries one."""
    plain = text.replace(",", "").replace("$", "").strip()
    return float(plain) if re.fullmatch(r"-?[\d.]+", plain) else parse(plain, unit)


@pytest.fixture(scope="module")
def estimate(dse):
    return {form: dse(*ESTIMATE, "--format", form) for form in ("table", "csv", "json")}


@pytest.fixture(scope="module")
def compare(dse):
    return {form: dse(*COMPARE, "--format", form) for form in ("table", "csv", "json")}


def rows(said) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said.out)))


def flat(data: dict, path: str = "") -> dict[str, object]:
    """Numbers of nested plain data by dotted path."""
    found: dict[str, object] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found |= flat(value, f"{path}{key}.")
        else:
            found[f"{path}{key}"] = value
    return found


# --- dse estimate


def test_all_numbers_of_an_estimate_are_in_its_csv_to_the_last_digit(estimate):
    (row,) = rows(estimate["csv"])
    found = estimate["json"].json
    for name, value in {**found["metrics"], **found["deployment"], **flat(found["ledgers"])}.items():
        assert float(row[name]) == value, name
    for name in ("chip", "llm", "workload", "stack", "serving", "cost_model", "bound_by"):
        if name in row:
            assert row[name] == str(found[name])


def test_the_table_of_an_estimate_shows_every_metric_of_its_json(estimate):
    text, found = estimate["table"].out, estimate["json"].json
    lines = text.splitlines()
    for metric in metrics():
        if metric.column not in found["metrics"] or metric.column == "chips":
            continue
        title = metric.title or metric.label
        line = next(line for line in lines if line.strip().startswith(title))
        shown = re.split(r"\s{2,}", line.strip())[1]
        assert number(shown, metric.unit) == pytest.approx(found["metrics"][metric.column], rel=SHOWN), title


def test_shares_of_each_breakdown_sum_to_all_and_its_values_to_its_title(estimate):
    """Two tables stand side by side, so rows are taken by what a row looks like."""
    text = estimate["table"].out
    row = re.compile(r"(\S[^$\n]*?)\s{2,}([\d.,]+(?: \w+)?(?: USD)?)\s{2,}([\d.]+) %")
    shares = [float(m[3]) for line in text.splitlines() for m in row.finditer(line)]
    found = estimate["json"].json
    shown = [parts for parts in found["ledgers"].values() if sum(parts.values())]
    # one decimal of each: half a unit of it for each part
    parts = sum(1 for each in shown for v in each.values() if v)
    assert len(shares) == parts
    assert sum(shares) == pytest.approx(100.0 * len(shown), abs=0.051 * parts)


def test_deployment_and_chips_of_an_estimate_are_those_of_its_json(estimate):
    text, found = " ".join(estimate["table"].out.split()), estimate["json"].json
    d = found["deployment"]
    words = f"batch {d['batch']:,}, TP {d['tp']}, PP {d['pp']}, EP {d['ep']}, DP {d['dp']}"
    assert words in text
    assert f"{found['metrics']['chips']:.0f} chip" in text
    for note in found["notes"]:
        assert f"Note: {note}." in text


# --- dse compare


def test_the_csv_of_a_comparison_holds_each_chip_at_each_target(compare):
    found = compare["json"].json
    by_place = {(r["chip"], float(r["target_tpot_s"])): r for r in rows(compare["csv"])}
    expected = {(c["chip"], t) for c in found["chips"] for t in found["targets_tpot_s"]}
    assert set(by_place) == expected
    for chip in found["chips"]:
        for target, best in zip(found["targets_tpot_s"], chip["best"], strict=True):
            row = by_place[chip["chip"], target]
            if best is None:
                assert row["usd_per_token_per_s"] == ""
                continue
            for name in ("usd_per_token_per_s", "tpot_s", "ttft_s", "capex_usd"):
                assert float(row[name]) == best["metrics"][name]
            for name, size in best["deployment"].items():
                assert int(float(row[name])) == size


def test_the_winner_of_a_comparison_is_its_cheapest_chip_in_every_form(compare):
    found = compare["json"].json
    for i, target in enumerate(found["targets_tpot_s"]):
        meets = {
            c["chip"]: c["best"][i]["metrics"]
            for c in found["chips"]
            if c["best"][i] is not None and not c["unanchored"]
        }
        (group, winner), *others = found["winners"][i].items()
        mine = {
            n: m for n, m in meets.items()
            if next(c for c in found["chips"] if c["chip"] == n)["ranks_among"] == group
        }  # fmt: skip
        assert winner == (min(mine, key=lambda n: mine[n]["usd_per_token_per_s"]) if mine else None)
        assert all(m["tpot_s"] <= target for m in meets.values())
        assert not [w for _, w in others if w == winner and w is not None]


def test_the_table_of_a_comparison_shows_the_price_of_output_of_each_chip(compare):
    text, found = compare["table"].out, compare["json"].json
    for chip in found["chips"]:
        lines = [line for line in text.splitlines() if line.split()[:1] == [chip["chip"]]]
        shown = [n for line in lines for n in re.findall(r"\d[\d,]*\.?\d*", line)]
        values = [float(n.replace(",", "")) for n in shown]
        for best in chip["best"]:
            if best is not None:
                cost = best["metrics"]["usd_per_token_per_s"]
                assert any(v == pytest.approx(cost, rel=SHOWN) for v in values), chip["chip"]
