"""`dse explain` and `dse breakeven` of pools draft and verify."""

import pytest
from decide.test_explained_pairs import eligible, load

from dse.decide.pairs.explanation import explain_pair
from dse.search.pairs.driver import sweep_pairs

STUDY = """
kind: study
name: drafting
title: Which chips should draft, and which should verify?
question: The lowest $/(token/s) of Llama-3.3 70B with drafts of Llama-3.2 1B on chips of their own.
llm: llama3.3-70b
workload: chat-drafted
precision: {weights: fp8, kv: fp8, activations: fp8}
pools:
  draft: {llm: llama3.2-1b, chips: [h200, h100], tp: [1, 2], pp: [1]}
  verify: {chips: [h200, b200], tp: [2, 4, 8], pp: [1], batch: [4, 16, 64]}
  link: 50 GB/s, 2 us
deployment: {mode: search}
settings: {workload/chat-drafted.speculation.length: 4}
price: {method: listed}
objectives: [tpot, usd_per_token_per_second]
sampler: {name: tpe}
budget: {trials: 4}
seed: 1
reference_point: {tpot: 1 s, usd_per_token_per_second: 1000 USD/(token/s)}
"""


def test_prices_weigh_by_their_share_and_more_accepted_drafts_cost_less(tmp_path):
    study = load(tmp_path, STUDY)
    front = sweep_pairs(study, out=tmp_path / "out").front
    found = explain_pair(study, front, "h200-sxm | b200-sxm", {"tpot": 0.1}, eligible(study, front))
    ledger = found.estimate.ledgers["capex_usd"]
    share = {role: ledger[f"{role}.chips"] / sum(ledger.values()) for role in ("draft", "verify")}
    moved = {str(r.fact.place): r.elasticity for r in found.elasticities}
    assert moved["chip/h200-sxm: price"] == pytest.approx(share["draft"], rel=0.01)
    assert moved["chip/b200-sxm: price"] == pytest.approx(share["verify"], rel=0.01)
    # of 4 drafted tokens at an acceptance a, 1 + a + ... + a^4 tokens come of a step, whatever it costs
    a = 0.7
    tokens = sum(a**k for k in range(5))
    expected = -sum(k * a**k for k in range(5)) / tokens
    assert moved["workload/chat-drafted: speculation.acceptance"] == pytest.approx(expected, rel=0.02)


def test_the_verbs_show_the_length_that_the_study_sets_and_where_one_chip_wins(dse_verb, tmp_path):
    path, out = load(tmp_path, STUDY).path, tmp_path / "out"
    assert dse_verb("sweep", path, "--out", out).code == 0
    said = dse_verb("explain", path, "h200-sxm | b200-sxm", "--tpot", "100 ms", "--out", out)
    assert "drafts of llama3.2-1b, 4 tokens a step" in " ".join(said.out.split()), said.err
    across = ("--x", "chip/b200-sxm.price=10 kUSD..200 kUSD", "--tpot", "100 ms", "--points", "4")
    sides = ("--between", "h200-sxm | b200-sxm,h200-sxm | h200-sxm")
    told = dse_verb("breakeven", path, *across, *sides, "--out", out)
    assert told.code == 0, told.err
    assert "h200-sxm | b200-sxm wins up to chip/b200-sxm.price" in " ".join(told.out.split())
