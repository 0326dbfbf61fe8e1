"""`dse sweep --prune` and `dse front --gap` of pools that take turns, as a user sees them."""

import pytest

STUDY = """\
kind: study
name: apart
title: Which chips should hold attention, and which FFNs?
question: The lowest $/(token/s) with attention on one chip and experts on another one.
llm: gpt-oss-120b
workload: chat
precision: {weights: fp8, kv: fp8, activations: fp8}
pools:
  attention: {space: lpu-or-hbm, chips: [h200], tp: [1, 8], pp: [1], batch: [16, 64]}
  ffn: {space: lpu-or-hbm, tp: [4], pp: [1, 12], ep: [4]}
  link: 100 GB/s, 2 us
deployment: {mode: solve}
sweep: {objective: tpot, low: 1 ms, high: 200 ms}
report_at: [10 ms, 50 ms]
price: {method: unit-cost}
objectives: [tpot, usd_per_token_per_second]
sampler: {name: tpe}
budget: {trials: 4}
seed: 1
reference_point: {tpot: 1 s, usd_per_token_per_second: 1000 USD/(token/s)}
"""
GRID = ",".join(
    f"{role}.{name}=2"
    for role in ("attention", "ffn")
    for name in ("sram", "peak_flops", "link_bandwidth", "sram_bandwidth_per_byte", "dram_stacks")
)


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "apart" / "study.yaml"
    path.parent.mkdir()
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_a_sweep_says_how_many_pairs_it_evaluated_and_what_is_proven_of_them(dse, study, tmp_path):
    out = tmp_path / "out"
    said = dse("sweep", study, "--prune", "--grid", GRID, "--out", out)
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    assert "pairs of designs that were evaluated, the others excluded by bounds on" in words
    assert "Note: bounds of chips with SRAM and DRAM are up to 2% lower" in words
    shown = dse("front", study, "--out", out, "--no-intervals", "--gap", "5 s")
    assert shown.code == 0, shown.err
    words = " ".join(shown.out.split())
    assert "Proven: every design of the space and of the values between its steps" in words
    assert "found and proven bound" in words
    bound = dse("front", study, "--out", out, "--no-intervals", "--gap", "5 s", "--format", "json").json[
        "bound"
    ]
    assert bound["factor"] > 1.0 and bound["between"] and len(bound["at"]) == 2
    assert all(at["bound"] <= at["best"] for at in bound["at"] if at["best"] is not None)


def test_more_pairs_than_a_sweep_evaluates_are_left_to_bounds(dse, study, tmp_path):
    """Three values of each parameter are more pairs than are evaluated one by one."""
    study.write_text(STUDY.replace("batch: [16, 64]", "batch: [16, 32, 64, 128, 256]"), encoding="utf-8")
    grid = GRID.replace("=2", "=4").replace("dram_stacks=4", "dram_stacks=6")
    refused = dse("sweep", study, "--grid", grid, "--out", tmp_path / "every")
    assert refused.code == 2
    assert "--prune leaves out most of them" in " ".join(refused.err.split())
    said = dse("sweep", study, "--prune", "--grid", grid, "--out", tmp_path / "pruned")
    assert said.code == 0, said.err
