"""The answer in words: what wins where, by how much, and what error bars leave open."""

from dataclasses import replace

import pandas as pd
import pytest

from dse.front.axis import Axis
from dse.front.files import Front
from dse.report.info.evidence import Evidence, evidence
from dse.report.words.sentence import answer_sentences

COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")


def found(rows: list[tuple[str, str, float, float]], baselines: list[tuple[str, float, float]]) -> Evidence:
    frame = pd.DataFrame(rows, columns=["chip", "branch", "tpot_s", "usd_per_token_per_s"])
    frame = frame.assign(chips=8, role="search")
    real = pd.DataFrame(baselines, columns=["chip", "tpot_s", "usd_per_token_per_s"])
    told = {"study": "s", "targets": {"tpot": [0.001, 0.01, 0.1]}}
    return evidence(Front(frame, real.assign(branch="dram-only", role="baseline"), (COST, TPOT), told), None)


ROWS = [("sram-only-1", "sram-only", 0.005, 4.0), ("hybrid-2", "hybrid", 0.05, 1.0)]


def test_targets_with_the_same_kind_of_winner_are_told_together() -> None:
    said = answer_sentences(found([*ROWS, ("sram-only-3", "sram-only", 0.0005, 9.0)], []))
    assert said[0] == (
        "Within a TPOT of 1.00 ms to 10.0 ms the lowest $/(token/s) is 9.00 down to 4.00, "
        "of SRAM-only designs, sram-only-3 (8 chips) at 1.00 ms and sram-only-1 (8 chips) at 10.0 ms."
    )
    assert said[1].startswith("Within a TPOT of 100 ms the lowest $/(token/s) is 1.00, of a hybrid design")


def test_baselines_are_told_by_their_factor_at_each_target() -> None:
    said = answer_sentences(found(ROWS, [("h100", 0.008, 6.0), ("h200", 0.09, 0.5)]))
    assert said[0] == "Within a TPOT of 1.00 ms no design was found."
    assert "The best baseline is 1.5 times worse at 10.0 ms (h100), 2 times better at 100 ms (h200)." in said


def test_a_baseline_that_meets_what_nothing_on_the_front_meets_is_named() -> None:
    said = answer_sentences(found(ROWS, [("h100", 0.0009, 6.0)]))
    assert said[0] == (
        "Within a TPOT of 1.00 ms no design was found on the front; "
        "the baseline h100 meets it at 6.00 $/(token/s)."
    )


@pytest.mark.parametrize(("factor", "open_"), [(1.1, False), (1.3, True)])
def test_a_difference_inside_both_error_bars_is_left_open(factor: float, open_: bool) -> None:
    """6 / 4 = 1.5 lies inside 1.3 x 1.3 = 1.69 and outside 1.1 x 1.1 = 1.21."""
    known = found(ROWS, [("h100", 0.008, 6.0)])
    intervals = {name: {"throughput": factor} for name in ("sram-only-1", "hybrid-2", "h100")}
    told = replace(known)
    told.__dict__["intervals"] = intervals  # as if the stacks were calibrated
    said = answer_sentences(told)
    assert any("10.0 ms the error bars do not separate" in s for s in said) is open_
    assert not any("No error bar is known" in s for s in said)


def test_nothing_found_and_nothing_asked_are_sentences_too() -> None:
    assert answer_sentences(found([], [])) == ["No feasible design was found."]
    front = found(ROWS, []).front
    said = answer_sentences(evidence(replace(front, manifest={}), None))
    assert said[0] == "The best $/(token/s) is 1.00, of a hybrid design (hybrid-2, 8 chips)."


def test_a_baseline_on_the_front_is_not_said_to_be_behind_itself() -> None:
    known = found([("h100", "dram-only", 0.008, 6.0)], [("h100", 0.008, 6.0)])
    known.front.frame["role"] = "baseline"
    said = answer_sentences(evidence(known.front, None))
    assert said[1].startswith("Within a TPOT of 10.0 ms to 100 ms the lowest $/(token/s) is 6.00")
    assert not any("times worse" in s for s in said)


def test_a_baseline_and_a_searched_chip_of_one_kind_are_told_apart() -> None:
    rows = [("h100", "dram-only", 0.008, 6.0), ("dram-only-7", "dram-only", 0.08, 1.0)]
    known = found(rows, [("h100", 0.008, 6.0)])
    known.front.frame.loc[0, "role"] = "baseline"
    said = answer_sentences(evidence(known.front, None))
    assert said[1].endswith("is 6.00, of a DRAM-only design (h100, 8 chips).")
    assert said[2].endswith("is 1.00, of a DRAM-only design (dram-only-7, 8 chips).")
