"""Every single change of a design evaluated exactly, and the numbers that it rests on."""

import re

import numpy as np
import pytest
from again import chip_of_row, first, one

import dse
from dse.decide.explain.design import explain
from dse.decide.explain.elasticity import elasticities
from dse.decide.explain.neighbours import neighbours
from dse.decide.propose.candidates import chips_of_candidates, from_rows
from dse.decide.scenario.best_deployments import deployment_problem, evaluate, solve_on_grid, study_grid
from dse.decide.scenario.mix_parts import layout_at
from dse.errors import SpecError
from dse.question.variation import Place, vary

LIMITS = {"tpot": 50e-3}


@pytest.fixture(scope="module")
def row(front):
    met = front.frame[front.frame["tpot_s"] <= LIMITS["tpot"]]
    return met.sort_values("usd_per_token_per_s").iloc[0].to_dict()


@pytest.fixture(scope="module")
def found(study, front, row):
    return explain(study, front, str(row["trial"]), LIMITS)


def test_the_ledger_is_that_of_the_stored_design(found, row):
    assert found.estimate.metrics["usd_per_token_per_s"] == pytest.approx(
        row["usd_per_token_per_s"], rel=1e-12
    )
    for name in ("tpot_s", "capex_usd"):
        total = sum(found.estimate.ledgers[name].values())
        assert total == pytest.approx(found.estimate.metrics[name], rel=1e-9)


def test_every_neighbour_costs_what_it_is_said_to_cost(study, found, row):
    """Evaluated again one by one from the row of the table alone."""
    base = first(one(study, chip_of_row(study, row), row["batch"], row["tp"], row["pp"]).usd_per_token_per_s)
    assert len(found.neighbours) >= 6
    for n in found.neighbours:
        sizes = {k: row[k] for k in ("batch", "tp", "pp", "ep")}
        changed = dict(row)
        if n.what in sizes:
            sizes[n.what] = n.new
        else:
            changed[f"param_{n.what}"] = n.new
        m = one(study, chip_of_row(study, changed), **sizes)
        broken = {k for k, v in m.violations.items() if first(v) > 0.0}
        if first(m.tpot_s) > LIMITS["tpot"]:
            broken.add("tpot")
        assert broken == set(n.hits)
        if n.hits:
            assert n.change is None
        else:
            assert n.change == pytest.approx(first(m.usd_per_token_per_s) / base - 1.0, abs=1e-9)


def test_a_chip_with_its_deployment_solved_has_no_better_step_of_the_deployment(study, row):
    """All batch sizes, TP and PP were tried, so each single step of them is among what was tried."""
    candidate = from_rows(study, [row])[0]
    problem, grid = deployment_problem(study, LIMITS), study_grid(study)
    layout = layout_at(grid, solve_on_grid(problem, chips_of_candidates(study, [candidate]), grid).index[0])
    told = neighbours(study, problem, candidate, layout)
    assert not [n for n in told if n.gain > 1e-9 and n.what in layout[0]]


def test_the_best_layout_is_never_worse_than_the_layout_held(found):
    for n in found.neighbours:
        if n.change is not None and n.resolved_change is not None:
            assert n.resolved_change <= n.change + 1e-12


def test_an_elasticity_is_what_a_small_step_of_the_number_does(study, found, row):
    problem = deployment_problem(study)
    candidate, n = (
        found.candidate,
        {k: float(row[k]) for k in ("batch", "tp", "pp", "ep", "dp")} | {"cp": 1.0},
    )
    sizes = dse_deployments(n)
    for rest in found.elasticities[:5]:
        costs = []
        for factor in (0.999, 1.001):
            varied = vary(study, {rest.fact.place: rest.fact.value * factor})
            chips = chips_of_candidates(varied, [candidate])
            m = evaluate(deployment_problem(varied), [designs(chips, sizes)])
            costs.append(first(m.usd_per_token_per_s))
        if not isinstance(rest.fact.leaf.value, int):
            slope = np.log(costs[1] / costs[0]) / np.log(1.001 / 0.999)
            assert slope == pytest.approx(rest.elasticity, abs=0.02)
    assert problem.goal.name == "usd_per_token_per_second"


def dse_deployments(sizes):
    from objectives.api import Deployments

    return Deployments(**{k: np.asarray([v]) for k, v in sizes.items()})


def designs(chips, deployments):
    from objectives.api import Designs

    return Designs.of(chips=chips, deployments=deployments)


def test_all_dollars_together_have_an_elasticity_of_one(study, found):
    """$/(token/s) is homogeneous in money: the elasticities of everything that is priced sum to 1."""
    told = elasticities(study, found.candidate, (found.estimate.deployment,))
    money = [r for r in told if "USD" in r.fact.unit]
    assert sum(r.elasticity for r in money) == pytest.approx(1.0, abs=0.01)


def test_the_same_number_changes_nothing(study, found):
    place = Place("technology/technology-2026", "nodes.n5.wafer_cost")
    same = vary(study, {place: 16500.0})
    chips = [chips_of_candidates(s, [found.candidate]) for s in (study, same)]
    for a, b in zip(*(c.columns().values() for c in chips), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_trial_that_is_not_on_the_front_is_refused_with_those_that_are(study, front):
    with pytest.raises(SpecError, match="expected a trial or a chip of the front, got '999999'"):
        explain(study, front, "999999", {})


def test_a_misspelt_chip_of_the_front_gets_the_nearest(study, front):
    chip = str(front.frame["chip"].iloc[0])
    with pytest.raises(SpecError, match=re.escape(f"did you mean {chip!r}")):
        explain(study, front, f"{chip}x", {})
    with pytest.raises(SpecError, match="expected a row from row:1 to row:"):
        explain(study, front, "row:0", {})


def test_a_trial_that_is_not_on_the_front_is_explained_at_its_best_deployment(study, front, stored):
    from dse.search.trials.read_trials import reading, stored_trials

    trials = stored_trials(reading(stored[1]), study.slug)
    numbers = {int(t) for t in front.frame["trial"]} | {int(t) for t in front.baselines["trial"]}
    other = next(t for t in trials if t.number not in numbers and all(v <= 0 for v in t.constraints.values()))
    told = explain(study, front, str(other.number), {}, trials)
    assert told.candidate.trial == other.number
    assert told.estimate.feasible
    for name, value in zip((g.name for g in study.objectives), other.values, strict=True):
        column = {"tpot": "tpot_s", "usd_per_token_per_second": "usd_per_token_per_s"}[name]
        assert told.estimate.metrics[column] == pytest.approx(value, rel=1e-12)


def test_the_verb_shows_changes_numbers_and_sources(dse_verb, stored):
    said = dse_verb("explain", stored[0], "row:1", "--out", stored[1])
    assert said.code in (0, 1)
    for words in ("Effect of single changes on $/(token/s)", "depends on", "Sources, by influence"):
        assert words in said.out
    if said.code == 0:
        assert "No single change improves the design by more than 1 %." in said.out
    data = dse_verb("explain", stored[0], "row:1", "--out", stored[1], "--format", "json").json
    assert data["locally_optimal"] == (said.code == 0)
    assert data["sources"]
    assert dse.load_front(stored[1]).frame.iloc[0]["trial"] == data["trial"]


def test_what_cannot_be_explained_is_told_once_in_its_unit(dse_verb, stored):
    said = dse_verb("explain", "groq-vs-h100", "row:0")
    said.refused("TRIAL: expected a row from row:1")
    assert said.err.count("the results that came with the study") == 1
    late = dse_verb("explain", stored[0], "row:1", "--out", stored[1], "--tpot", "1 ns")
    late.refused("expected a design that meets TPOT 1.00 ns")
