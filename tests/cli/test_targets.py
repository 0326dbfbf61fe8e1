"""Targets of a workload bind in every verb and are printed; `--no-targets` lifts them."""

import csv
import json

import pytest
from studies_for_tests import write_study

LIMITS = {"tpot_s": 0.2, "ttft_s": 2.0}
"""Of the workload `chat`: MLPerf's limits for a server of LLaMA-2 70B."""
HELD = "Limits of every design: "


def test_an_estimate_without_targets_is_no_dearer_and_may_be_slower(dse):
    ask = ("estimate", "--chip", "h100", "--llm", "llama2-70b", "--workload", "chat", "--weights", "int8")
    held, lifted = (dse(*ask, *more, "--format", "json").json for more in ((), ("--no-targets",)))
    assert all(held["metrics"][name] <= limit for name, limit in LIMITS.items())
    assert lifted["metrics"]["usd_per_token_per_s"] < held["metrics"]["usd_per_token_per_s"]
    assert any(lifted["metrics"][name] > limit for name, limit in LIMITS.items())  # else it were found, too
    assert held["targets"] and not lifted["targets"]


@pytest.mark.parametrize("lifted", [False, True])
def test_a_run_holds_every_design_to_the_targets_unless_they_are_lifted(dse, tmp_path, lifted):
    study = write_study(
        tmp_path, workload="chat", baselines=[], budget__trials=6, report_at=["1 s"],
        sweep={"objective": "tpot", "low": "1 ms", "high": "1 s"}, reference_point__tpot="1 s",
        deployment__batch=[1, 256, 4096],
    )  # fmt: skip
    said = dse("run", study, "--out", tmp_path / "out", "--no-verdicts", "--no-intervals",
               *(("--no-targets",) if lifted else ()))  # fmt: skip
    assert said.code == 0, said.err
    (folder,) = {p.parent for p in (tmp_path / "out").rglob("front.csv")}
    held = json.loads((folder / "manifest.json").read_text()).get("held") or {}
    with (folder / "front.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    within = [all(float(row[name]) <= limit for name, limit in LIMITS.items()) for row in rows]
    assert within
    assert (HELD in said.out, bool(held)) == (not lifted, not lifted)
    assert lifted or all(within)
