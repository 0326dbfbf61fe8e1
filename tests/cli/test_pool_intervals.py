"""How sure a system of pools is, as `dse estimate` and `dse compare` print it."""

import pytest
from said import call

LOAD = ("--llm", "opt-30b", "--workload", "chat", "--weights", "fp8")
PAIR = ("--pool", "prefill=r200", "--pool", "decode=lp30")


def _words(said):
    assert said.code == 0, said.err
    return " ".join(said.out.split())


def test_an_unanchored_pool_stands_beside_each_probability_that_rests_on_it():
    words = _words(call("estimate", *PAIR, *LOAD))
    assert "200 ms met, P 100% (decode unanchored)" in words
    assert "2.00 s met, P 100% " in words and "(prefill unanchored)" not in words
    assert "P: the probability by the 80 % interval." in words
    assert "throughput within x1.73 (prefill and unanchored decode), tpot within x1.71" in words
    assert "the error of pairing them is unknown and in no interval" in words


def test_json_and_csv_have_the_same_intervals():
    told = call("estimate", *PAIR, *LOAD, "--format", "json").json
    head, row = call("estimate", *PAIR, *LOAD, "--format", "csv").out.splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=False))
    assert float(cells["p_tpot_met"]) == pytest.approx(told["p_met"]["tpot"])
    assert float(cells["interval_tpot"]) == pytest.approx(told["interval"]["tpot"])
    assert told["unanchored"] == {"throughput": ["decode"], "tpot": ["decode"]}
    assert told["pools"][1]["anchor"]["anchored"] is False and told["confidence"] is None


def test_software_without_an_error_bar_is_named():
    words = _words(call("estimate", *PAIR, *LOAD, "--software", "ideal"))
    assert "Targets are met by the estimate alone: the stack ideal states no error bar." in words
    assert ", P " not in words
