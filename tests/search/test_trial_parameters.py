"""Trials as text and back, and from their parameters to chips and deployments and back."""

import json
from datetime import datetime

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial, TrialState, create_trial
from studies_for_tests import write_study

from dse.chips.formats import peak_of
from dse.question.layouts import ways
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.sweep.counter import Counter
from dse.search.sweep.grid import grid
from dse.search.trials.suggest import BASELINE, first_trials, layout_parameters, options, suggest
from dse.search.trials.trial_json import trial_from_json, trial_to_json
from objectives import api

SEARCH = {"mode": "search", "batch": [64, 1, 8], "tp": [1, 8, 2], "pp": [10, 1], "ep": [1, 2, 8]}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    return load_study(str(write_study(tmp_path_factory.mktemp("solve"), deployment__pp=[1, 10])))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    path = write_study(tmp_path_factory.mktemp("search"), llm="mixtral-8x7b", deployment=SEARCH, sweep=None)
    return load_study(str(path))


# --- text


@LAW
@given(
    st.floats(0.0, 1.0), st.integers(0, 9), st.sampled_from(("a", "b")),
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from((TrialState.COMPLETE, TrialState.FAIL)),
)  # fmt: skip
def test_a_trial_survives_json_to_the_last_bit(
    x: float, i: int, name: str, value: float, state: TrialState
) -> None:
    distributions = {
        "x": FloatDistribution(0.0, 1.0),
        "i": IntDistribution(0, 9),
        "name": CategoricalDistribution(("a", "b")),
    }
    trial = create_trial(
        state=state, values=[value, 1.0] if state == TrialState.COMPLETE else None,
        params={"x": x, "i": i, "name": name}, distributions=distributions, user_attrs={"key": [1, "two"]},
    )  # fmt: skip
    trial.number = 7
    trial.datetime_start, trial.datetime_complete = datetime(2026, 1, 2, 3, 4, 5, 678901), None
    back = trial_from_json(json.loads(json.dumps(trial_to_json(trial))))
    for attribute in ("number", "state", "values", "params", "distributions", "user_attrs", "datetime_start",
                      "datetime_complete"):  # fmt: skip
        assert getattr(back, attribute) == getattr(trial, attribute), attribute


# --- parameters


@pytest.mark.parametrize("branch", ["sram-only", "dram-only", "hybrid"])
def test_parameters_of_a_trial_are_values_on_the_steps_of_its_branch(
    study: ResolvedStudy, branch: str
) -> None:
    specs = study.branches[branch].spec.parameters
    for share in (0.0, 0.5, 1.0):
        params: dict[str, object] = {"branch": branch, "tpot_target": 0.01}
        for name, p in specs.items():
            if p.low < p.high:
                params[f"{branch}.{name}"] = round(share * ((p.steps or 2) - 1))
        chosen = suggest(study, FixedTrial(params))
        assert (chosen.branch, chosen.chip, chosen.limit, chosen.deployment) == (branch, None, 0.01, None)
        for name, p in specs.items():
            if p.low == p.high or p.numbers:
                continue
            at = params[f"{branch}.{name}"] / ((p.steps or 2) - 1)  # type: ignore[operator]
            expected = p.low * (p.high / p.low) ** at if p.scale == "log" else p.low + at * (p.high - p.low)
            assert chosen.values[name][0] == pytest.approx(expected, rel=1e-12), name


def test_a_baseline_is_chosen_by_name_and_has_no_parameters(study: ResolvedStudy) -> None:
    trial = FixedTrial({"chip": "h100-sxm", "tpot_target": 0.02})
    trial.set_user_attr(BASELINE, True)
    chosen = suggest(study, trial)
    assert (chosen.branch, chosen.chip, chosen.values, chosen.limit) == (None, "h100-sxm", {}, 0.02)


def test_every_deployment_of_the_lists_has_parameters_that_lead_back_to_it(searched: ResolvedStudy) -> None:
    d = searched.lists
    tried = 0
    for batch in SEARCH["batch"]:
        for tp in SEARCH["tp"]:
            for pp in SEARCH["pp"]:
                for ep in ways(tp, SEARCH["ep"]):
                    layout = {"batch": batch, "tp": tp, "pp": pp, "ep": ep}
                    trial = FixedTrial({"chip": "h100-sxm", **layout_parameters(d, layout)})
                    trial.set_user_attr(BASELINE, True)
                    chosen = suggest(searched, trial)
                    assert chosen.deployment == layout
                    assert chosen.limit == float("inf")
                    tried += 1
    assert tried == 3 * 2 * (3 + 3 + 3)  # every EP of 1, 2 and 8 goes with every TP of 1, 2 and 8


def test_sizes_are_taken_in_ascending_order_whatever_the_study_lists(searched: ResolvedStudy) -> None:
    assert options(searched.lists, "batch") == (1, 8, 64)
    assert options(searched.lists, "tp") == (1, 2, 8)
    assert options(searched.lists, "pp") == (1, 10)


def test_the_first_trials_are_the_baselines_and_then_their_nearest_chips(study: ResolvedStudy) -> None:
    found = first_trials(study)
    names = sorted(study.baselines)
    assert [p["chip"] for p, _ in found[: len(names)]] == names
    assert all(attrs == {BASELINE: True} for _, attrs in found[: len(names)])
    near = [p for p, attrs in found[len(names) :] if not attrs]
    assert {p["branch"] for p in near} == {"sram-only", "dram-only"}  # an LPU and a GPU
    for params in near:
        assert params["tpot_target"] == 0.1  # the loosest target of the sweep
        chosen = suggest(study, FixedTrial(params))  # the values are ones that a trial can have
        real = {"sram-only": "groq-lpu-v1", "dram-only": "h100-sxm"}[str(params["branch"])]
        specs, chip = study.branches[str(params["branch"])].spec.parameters, study.baselines[real]
        known = {"peak_flops": peak_of(chip, ("fp16",)), "sram": chip.sram.capacity.value,
                 "link_bandwidth": chip.link.bandwidth.value}  # fmt: skip
        for name, value in known.items():
            if name not in specs or specs[name].numbers or not specs[name].steps:
                continue
            low, high, last = specs[name].low, specs[name].high, (specs[name].steps or 2) - 1
            assert specs[name].scale == "log"
            steps = low * (high / low) ** (np.arange(last + 1) / last)
            nearest = steps[np.argmin(np.abs(np.log(steps / min(max(value or 0.0, low), high))))]
            assert chosen.values[name][0] == pytest.approx(nearest, rel=1e-9), name


def test_a_study_without_a_sweep_puts_baselines_into_the_middle_of_its_lists(searched: ResolvedStudy) -> None:
    for params, _ in first_trials(searched):
        assert "tpot_target" not in params
        assert (params["batch"], params["tp"], params["pp"]) == (1, 1, 0)  # of three, three and two


# --- counting


@pytest.mark.parametrize("points", [1, 7, 72, 10**6])
def test_designs_that_may_be_on_the_front_are_counted_chip_by_chip(study: ResolvedStudy, points: int) -> None:
    whole = grid(study, {"peak_flops": 2, "sram": 2, "link_bandwidth": 2})
    branch = whole.branches[0]
    n = min(branch.size, 6)
    columns = branch.branch.columns(branch.values(np.arange(branch.first, branch.first + n)))
    pivots = np.array([[5.0, 0.02], [50.0, 0.002]])
    found = Counter(study, whole, {}, lambda f: f, points).counts(columns, n, pivots)
    chips = api.Chips.of(**{k: np.broadcast_to(a, (n,)) for k, a in columns.items()})
    metrics = study.cost_model.evaluate(
        api.Designs.of(chips=chips, deployments=whole.deployments), study.context
    )
    cost, tpot = metrics.usd_per_token_per_s, metrics.tpot_s
    fits = np.all([np.broadcast_to(v, cost.shape) <= 0.0 for v in metrics.violations.values()], axis=0)
    beaten = np.any([(cost > c) & (tpot > t) for c, t in pivots], axis=0)
    expected = (fits & ~beaten & np.ones(np.broadcast_shapes(cost.shape, tpot.shape), dtype=bool)).sum(
        axis=(0, 1, 2)
    )
    assert found.tolist() == np.broadcast_to(expected, (n,)).tolist()
