"""A metric of another package is shown, searched and stored like our own."""

import csv
import json
from pathlib import Path

import pytest
from external_dse import Dse

ESTIMATE = ("estimate", "--chip", "h100", "--llm", "llama2-70b", "--workload", "chat", "--weights", "int8")


def test_an_estimate_shows_an_external_metric(dse: Dse) -> None:
    metrics = dse(*ESTIMATE, "--format", "json").json["metrics"]
    assert metrics["tokens_per_j"] * metrics["energy_per_token_j"] == pytest.approx(1.0, rel=1e-12)
    assert "output tokens per joule at the meter" in dse(*ESTIMATE).out


def test_a_study_searches_for_an_external_metric(results: tuple[str, Path]) -> None:
    _, out = results
    rows = list(csv.DictReader((out / "front.csv").read_text(encoding="utf-8").splitlines()))
    assert rows
    for row in rows:
        assert float(row["tokens_per_j"]) == pytest.approx(1.0 / float(row["energy_per_token_j"]), rel=1e-12)
    best = max(rows, key=lambda row: float(row["tokens_per_j"]))
    assert all(float(row["tpot_s"]) <= float(best["tpot_s"]) for row in rows)  # a trade-off: the front's end
    axis = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["axes"][0]
    assert (axis["column"], axis["label"], axis["unit"]) == ("tokens_per_j", "tokens per joule", "token/J")
    assert axis["direction"] == "maximize"


def test_a_condition_bounds_an_external_metric(dse: Dse, results: tuple[str, Path]) -> None:
    study, out = results
    said = dse("front", study, "--out", str(out), "--where", "tokens_per_joule >= 1e-9 token/J")
    assert "tokens per joule" in said.out
    said = dse("front", study, "--out", str(out), "--where", "tokens_per_joule >= 1e9 token/J")
    assert "No design on the front meets" in said.out


def test_a_report_shows_an_external_metric(page: str) -> None:
    assert "tokens per joule [token/J]" in page
    assert 'data-column="tokens_per_j"' in page
