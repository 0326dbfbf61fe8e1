"""`--confidence` as a person meets it: every verb with targets takes it, prints it and stores it."""

import csv
import json

import pytest
from studies_for_tests import write_study

from dse.choose.confidence import probability

ESTIMATE = ("estimate", "--chip", "h100", "--llm", "llama2-70b", "--workload", "chat", "--weights", "fp8")
COMPARE = ("compare", "h100", "groq", "--llm", "llama2-70b", "--workload", "article", "--weights", "int8")
PLAIN = ("--no-verdicts", "--no-intervals")


def test_an_estimate_says_how_surely_it_meets_its_targets(dse):
    found = dse(*ESTIMATE, "--format", "json").json
    assert found["confidence"] is None
    for name in ("tpot", "ttft"):
        value, factor = found["metrics"][f"{name}_s"], found["interval"][name]
        assert found["p_met"][name] == pytest.approx(probability(value, found["targets"][name], factor))
    shown = dse(*ESTIMATE).out
    assert f"met, P {found['p_met']['ttft']:.0%}" in shown
    assert "Targets are met by the median estimate, 50 %" in shown


def test_an_upper_bound_on_speed_is_no_median(dse):
    found = dse(*ESTIMATE, "--software", "ideal", "--format", "json").json
    assert found["targets"] and not found["p_met"]
    shown = dse(*ESTIMATE, "--software", "ideal").out
    assert "met by the estimate alone: the stack ideal states no error bar" in " ".join(shown.split())
    assert "50 %" not in shown
    compared = dse(*COMPARE, "--software", "equal", "--no-intervals").out
    assert "met by the estimate alone: the stack equal states no error bar" in " ".join(compared.split())


def test_an_estimate_meets_each_target_with_the_probability_and_costs_more(dse):
    plain, sure = (dse(*ESTIMATE, "--format", "json", *more).json for more in ((), ("--confidence", "80 %")))
    assert sure["confidence"] == 0.8
    assert min(sure["p_met"].values()) >= 0.8 > min(plain["p_met"].values())
    cost = "usd_per_token_per_s"
    assert sure["metrics"][cost] > plain["metrics"][cost]
    (row,) = csv.DictReader(dse(*ESTIMATE, "--format", "csv", "--confidence", "0.8").out.splitlines())
    assert float(row["p_ttft_met"]) == pytest.approx(sure["p_met"]["ttft"])
    assert "met with a probability of 80 %, by the error bar" in dse(*ESTIMATE, "--confidence", "0.8").out


def test_one_half_chooses_what_the_estimate_chooses(dse):
    plain, half = (dse(*ESTIMATE, "--format", "json", *more).json for more in ((), ("--confidence", "0.5")))
    assert {**half, "confidence": None} == plain


@pytest.mark.parametrize("text", ["0.4", "1", "100 %", "much"])
def test_what_is_no_probability_is_refused(dse, text):
    said = dse(*ESTIMATE, "--confidence", text)
    assert said.code == 2
    assert "expected a probability" in said.err


def test_software_without_an_error_bar_is_refused_by_name(dse):
    said = dse(*ESTIMATE, "--confidence", "0.8", "--software", "equal")
    assert said.code == 2
    assert "the stack equal of h100-sxm states no error bar of" in said.err


def test_a_comparison_holds_each_chip_to_its_own_error_bar(dse):
    found = dse(*COMPARE, "--confidence", "0.9", "--no-intervals", "--format", "json").json
    assert found["confidence"] == 0.9
    assert found["verdicts"] == []
    met = 0
    for chip in found["chips"]:
        for limit, best in zip(found["targets_tpot_s"], chip["best"], strict=True):
            if best is not None:
                # at 90 % the margin is the interval itself
                assert best["metrics"]["tpot_s"] * best["interval"]["tpot"] <= limit * (1 + 1e-9)
                met += 1
    assert met >= 3
    shown = dse(*COMPARE, "--confidence", "0.9", "--no-intervals").out
    assert "Targets are met with a probability of 90 %" in shown
    assert "No verdict by software: the stacks equal and ideal state no error bar." in shown


def test_a_chip_without_an_error_bar_is_left_out_of_a_comparison_with_the_reason(dse):
    ask = ("compare", "h100", "groq", "--llm", "llama2-70b", "--workload", "chat", "--weights", "int8")
    shown = " ".join(dse(*ask, "--confidence", "0.8", "--no-intervals").out.split())
    assert "groq-lpu-v1 is omitted" in shown
    assert "states no error bar of ttft" in shown


@pytest.fixture
def sure_run(dse, tmp_path):
    """A small run at 80 %, in the folder `sure`."""
    study = write_study(tmp_path / "studies", targets={"tpot": "20 ms"}, report_at=["10 ms", "20 ms"])
    said = dse("run", study, *PLAIN, "--confidence", "0.8", "--out", "sure")
    assert said.code == 0, said.err
    return study, said


def test_a_run_stores_the_probability_of_each_target(dse, sure_run, tmp_path):
    _, said = sure_run
    assert "Targets are met with a probability of 80 %" in said.out
    assert "TPOT at 80 % within" in said.out
    manifest = json.loads((tmp_path / "sure" / "manifest.json").read_text())
    assert manifest["confidence"] == 0.8
    with (tmp_path / "sure" / "front.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert rows
    for row in rows:
        value, factor = float(row["tpot_s"]), float(row["tpot_interval"])
        assert float(row["p_tpot_met"]) == pytest.approx(probability(value, 0.02, factor))
        assert float(row["p_tpot_met"]) >= 0.8


def test_stored_results_are_read_as_the_question_that_they_answer(dse, sure_run):
    study, _ = sure_run
    said = dse("front", study, "--out", "sure", "--no-intervals", "--format", "json")
    assert "changed since" not in said.err
    assert all(row["p_tpot_met"] >= 0.8 for row in said.json["best"] if row["found"])
    drawn = dse("front", study, "--out", "sure", "--samples", "8")
    assert drawn.code == 0 and "no intervals" not in drawn.err


def test_results_without_the_probability_are_of_another_question(dse, sure_run):
    study, _ = sure_run
    said = dse("run", study, *PLAIN, "--out", "sure")
    assert said.code == 2
    assert "confidence: stored 0.8, now nothing" in " ".join(said.err.replace('"', "").split())


def test_a_proposal_from_a_front_without_it_says_what_may_be_missing(dse, tmp_path):
    study = write_study(tmp_path / "studies")
    assert dse("run", study, *PLAIN, "--trials", "12").code == 0
    ask = ("propose", study, "--tpot", "20 ms", "--no-intervals", "--format", "json", "--with-unanchored")
    plain, sure = dse(*ask), dse(*ask, "--confidence", "0.9")
    assert "searched for other targets" not in plain.err
    assert "searched for other targets" in sure.err
    assert sure.json["estimate"]["p_met"]["tpot"] >= 0.9
    assert sure.json["estimate"]["confidence"] == 0.9
