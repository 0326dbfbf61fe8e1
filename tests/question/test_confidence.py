"""Targets that are met with a probability: the arithmetic, and what it does to a question."""

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies_for_tests import small, write_study

from dse.choose.confidence import SIGMAS, AtConfidence, checked, margin, probability
from dse.choose.rule import merged
from dse.errors import SpecError
from dse.evaluate.batch import DesignBatch, Origin, evaluate, grid_of
from dse.plugins import objective
from dse.question.resolved_study import ResolvedStudy, digest, load_study
from dse.spec.schema.system import StackSpec

FACTORS = st.floats(1.01, 5.0)
TIMES = st.floats(1e-4, 1e2)
CONFIDENCES = st.floats(0.5, 0.999)
SCORES = {0.5: 0.0, 0.8: 0.8416212, 0.9: 1.2815516, 0.95: 1.6448536, 0.99: 2.3263479}
"""Quantiles of the normal distribution, as tables of it print them."""


@pytest.mark.parametrize("confidence", SCORES)
def test_a_margin_is_that_of_the_table_of_the_normal_distribution(confidence: float) -> None:
    sigma = log(1.4) / 1.2815516
    assert margin(1.4, confidence) == pytest.approx(exp(SCORES[confidence] * sigma), rel=1e-6)


def test_margins_by_hand() -> None:
    assert margin(1.4, 0.5) == 1.0
    assert margin(1.4, 0.9) == pytest.approx(1.4, rel=1e-12)
    # ln 1.4 = 0.33647, 0.84162 / 1.28155 = 0.65672, and exp(0.33647 x 0.65672) = exp(0.22097)
    assert margin(1.4, 0.8) == pytest.approx(1.24728, rel=1e-4)
    assert pytest.approx(1.2815516) == SIGMAS


def test_probabilities_by_hand() -> None:
    assert probability(0.02, 0.02, 1.4) == 0.5
    assert probability(0.02, 0.028, 1.4) == pytest.approx(0.9)
    assert probability(0.028, 0.02, 1.4) == pytest.approx(0.1)
    # of what is to be large: 100 token/s asked of an estimate of 140
    assert probability(140.0, 100.0, 1.4, "maximize") == pytest.approx(0.9)
    assert probability(0.02, 0.0, 1.4) == 0.0


@given(TIMES, FACTORS, CONFIDENCES)
def test_what_a_margin_reaches_is_met_with_its_probability(
    value: float, factor: float, confidence: float
) -> None:
    target = value * margin(factor, confidence)
    assert probability(value, target, factor) == pytest.approx(confidence, abs=1e-6)


@given(TIMES, TIMES, TIMES, FACTORS)
def test_a_looser_target_is_never_met_less_surely(value: float, one: float, other: float, f: float) -> None:
    tight, loose = sorted((one, other))
    assert 0.0 <= probability(value, tight, f) <= probability(value, loose, f) <= 1.0


@given(FACTORS, CONFIDENCES, CONFIDENCES)
def test_more_probability_takes_no_smaller_margin(factor: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 1.0 <= margin(factor, low) <= margin(factor, high)


@pytest.mark.parametrize("confidence", [0.49, 1.0, float("nan")])
def test_a_probability_that_no_interval_can_give_is_refused(confidence: float) -> None:
    with pytest.raises(SpecError, match=r"expected a probability from 0\.5 to 0\.999"):
        checked(confidence)


def test_limits_on_the_estimate_and_on_what_is_met_surely_both_bind() -> None:
    tpot = objective("tpot")
    sure = AtConfidence(of=tpot, interval="tpot_interval", confidence=0.8)
    found = merged(((tpot, 0.03), (sure, 0.05)), ((sure, 0.04), (tpot, 0.02)))
    assert found == ((tpot, 0.02), (sure, 0.04))


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    path = write_study(tmp_path_factory.mktemp("confidence"), targets={"tpot": "20 ms"})
    return load_study(str(path))


def middle(study: ResolvedStudy, name: str) -> DesignBatch:
    """A chip in the middle of a branch in every deployment of the study."""
    branch = study.branches[name]
    values = {n: np.asarray([p.low]) for n, p in branch.spec.parameters.items()}
    chips = branch.chips(values)
    origin = Origin(
        trial=np.zeros(1, dtype=np.int64), chip=[name], branch=name, role="search", parameters=values,
        price_usd=np.asarray(chips.cost.price_usd),
    )  # fmt: skip
    return evaluate(study, chips, grid_of(study), origin)


def stated(study: ResolvedStudy, name: str) -> float:
    """80 % interval of TPOT that the files of a branch state: of its stack, and of its template's class."""
    branch, catalog = study.branches[name], study.setting.catalog
    own, usual = (catalog.get(StackSpec, n) for n in (branch.spec.stack, branch.template.stack))
    return max(own.interval["tpot"], usual.interval["tpot"] if own.chips else 1.0)


def test_one_half_is_the_estimate(question: ResolvedStudy) -> None:
    half = question.confident(0.5)
    for name in question.branches:
        one, other = middle(question, name), middle(half, name)
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.violations["tpot"], other.violations["tpot"])


def test_violations_are_seconds_of_the_value_with_its_margin(question: ResolvedStudy) -> None:
    sure = question.confident(0.8)
    for name in ("sram-only", "dram-only"):
        factor = stated(sure, name)
        plain, found = middle(question, name), middle(sure, name)
        tpot = plain.flat(plain.metrics.tpot_s)
        by_hand = tpot * exp(log(factor) * 0.8416212 / 1.2815516) - 0.02
        # to the digits of the table
        np.testing.assert_allclose(found.violations["tpot"], by_hand, atol=1e-7)
        # the other objectives and constraints know nothing of it
        np.testing.assert_array_equal(found.values[:, 0], plain.values[:, 0])
        np.testing.assert_array_equal(found.violations["capacity"], plain.violations["capacity"])


def test_fewer_designs_are_feasible_the_more_surely_a_target_is_met(question: ResolvedStudy) -> None:
    for name in question.branches:
        before = middle(question, name).feasible
        for confidence in (0.5, 0.7, 0.9, 0.99):
            now = middle(question.confident(confidence), name).feasible
            assert not (now & ~before).any()
            before = now


def test_rows_hold_the_probability_that_their_target_is_met(question: ResolvedStudy) -> None:
    found = middle(question.confident(0.8), "dram-only")
    rows = found.rows(np.arange(3))
    factor = stated(question, "dram-only")
    expected = [probability(t, 0.02, factor) for t in rows["tpot_s"]]
    np.testing.assert_allclose(rows["p_tpot_met"], expected)
    assert set(rows["tpot_interval"]) == {factor}
    np.testing.assert_allclose(rows["tpot_s_at_80_percent"], rows["tpot_s"] * margin(factor, 0.8))
    plain = middle(question, "dram-only").rows(np.arange(3)).columns
    assert not {"p_tpot_met", "tpot_interval"} & set(plain)


def test_a_question_without_a_probability_has_no_key_for_it(question: ResolvedStudy) -> None:
    assert "confidence" not in question.question["study"]
    sure = question.confident(0.8)
    assert sure.question["study"]["confidence"] == 0.8
    assert digest(sure.problem) != digest(question.problem)
    back = sure.confident(None)
    assert digest(back.question) == digest(question.question)
    assert [g.column for g in back.objectives] == [g.column for g in question.objectives]


def test_the_file_of_a_study_may_hold_it(tmp_path: Path, question: ResolvedStudy) -> None:
    written = load_study(str(write_study(tmp_path, targets={"tpot": "20 ms"}, confidence=0.8)))
    assert digest(written.question) == digest(question.confident(0.8).question)
    assert [t.objective.label for t in written.targets] == ["TPOT at 80 %"]
    with pytest.raises(SpecError, match="confidence"):
        load_study(str(write_study(tmp_path, "other", confidence=1.5)))


def test_a_stack_without_an_error_bar_is_named_before_the_first_trial(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        load_study(str(write_study(tmp_path, confidence=0.8, targets={"ttft": "1 s"})))
    text = str(refused.value)
    assert "states no error bar of ttft" in text
    assert "sram-only" in text and "groq-lpu-v1" in text and "h100-sxm" not in text
    with pytest.raises(SpecError, match=r"the stack equal of .* states no error bar of tpot"):
        load_study(str(write_study(tmp_path, "equal", confidence=0.8, software="equal")))


def test_a_price_is_no_prediction_and_stays_as_it_is(tmp_path: Path) -> None:
    found = load_study(str(write_study(tmp_path, confidence=0.9, targets={"entry_price": "100 kUSD"})))
    (target,) = found.targets
    assert not isinstance(target.objective, AtConfidence)
    assert small()["objectives"] == [goal.name for goal in found.objectives]


def test_numbers_that_a_study_sets_stay_as_they_are(tmp_path: Path) -> None:
    changes = {"settings": {"stack/gpu-serving.layer_overhead": "20 us"}, "targets": {"tpot": "20 ms"}}
    plain = load_study(str(write_study(tmp_path, **changes)))
    written = load_study(str(write_study(tmp_path, confidence=0.8, **changes)))
    assert digest(plain.confident(0.8).question) == digest(written.question)


def test_every_part_of_a_mix_meets_its_targets_with_the_probability(tmp_path: Path) -> None:
    mix = [
        {"llm": "llama2-70b", "workload": "article", "weight": 3.0},
        {"llm": "llama3-70b", "workload": "article", "weight": 1.0},
    ]
    changes = {"mix": mix, "llm": None, "workload": None, "targets": {"tpot": "20 ms"}}
    sure = load_study(str(write_study(tmp_path, confidence=0.9, **changes)))
    assert all(isinstance(t.objective, AtConfidence) for m in sure.members for t in m.targets)
    for name in sure.branches:
        found, factor = middle(sure, name), stated(sure, name)
        assert found.members
        for member in found.members:
            late = np.asarray(member.metrics.tpot_s) * factor > 0.02 * (1 + 1e-9)
            assert not (late & found.feasible).any()
        whole = found.flat(found.metrics.tpot_s)
        np.testing.assert_allclose(found.violations["tpot"], whole * factor - 0.02, rtol=1e-9, atol=1e-15)
