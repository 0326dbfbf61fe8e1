"""How sure a system of pools is, as `dse estimate` and `dse compare` print it."""

import re

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


def test_compare_puts_chips_and_systems_to_each_other_in_the_same_samples():
    pools = (*PAIR, "--pool", "decode=r200", "--serving", "aggregated", "--targets", "30 ms")
    said = call("compare", "r200", *pools, *LOAD, "--samples", "4")
    words = _words(said)
    drawn = said.out.split("Uncertainty: samples")[1].split("Uncertainty of TPOT")[0]
    lines = [re.sub("^ *30.0 ms", "", line).strip() for line in drawn.splitlines() if "r200" in line]
    rows = {re.split(" {2,}", line)[0]: line.split() for line in lines}
    assert {"r200", "r200 | r200", "r200 | lp30"} == set(rows)
    assert rows["r200 | lp30"][-2] == "-" and rows["r200 | r200"][-2].endswith("%")
    assert "a number that several rest on, such as the error of a stack, is drawn once" in words
    assert "an unanchored system has no chance to be the best, and takes none from others" in words
    ranked = _words(call("compare", "r200", *pools, *LOAD, "--samples", "4", "--with-unanchored"))
    assert "takes none from others" not in ranked
    bare = _words(call("compare", "r200", *pools, *LOAD, "--no-intervals"))
    assert "Uncertainty" not in bare and "the same samples" not in bare
