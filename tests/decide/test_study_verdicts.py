"""Which kind wins under each software, searched with the study's own sampler, stored with its front."""

import io
import json

import numpy as np
import pytest
from rich.console import Console
from studies_for_tests import write_study

import dse
from dse.chips.parameter_range import value_at
from dse.cli.show.verdicts import show_verdicts
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.scenario.best_deployments import deployment_problem, solve_on_grid, study_grid
from dse.decide.verdict.by_software import Verdict, Verdicts, kept, verdicts_from
from dse.decide.verdict.reevaluated_front import reevaluated
from dse.decide.verdict.study import compares_kinds, study_verdicts, under_software
from dse.question.unanchored import family, unanchored_in

SMALL = {"budget": {"trials": 8}, "report_at": ["10 ms", "50 ms"]}
REAL = {"space": None, "price": {"method": "listed"}, **SMALL}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verdicts")
    return dse.run(dse.load_study(str(write_study(folder, **SMALL))), out=folder / "results")


@pytest.fixture(scope="module")
def verdicts(result):
    return study_verdicts(result.study, result.front)


def test_every_target_is_judged_under_each_software(verdicts):
    keys = [(v.target, v.software) for v in verdicts.verdicts]
    assert sorted(set(keys)) == sorted((t, s) for t in (10e-3, 50e-3) for s in ("as-sold", "equal", "ideal"))
    assert verdicts_from(json.loads(json.dumps(verdicts.as_dict()))) == verdicts


def test_a_verdict_as_sold_is_no_worse_than_the_stored_front(result, verdicts):
    barred = unanchored_in(result.study)
    front = result.front.frame
    keys = [family(chip, role) for chip, role in zip(front["chip"], front["role"], strict=True)]
    mine = front[[key not in barred for key in keys]]
    for v in verdicts.verdicts:
        meets = mine[mine["tpot_s"] <= (v.target or 0.0)]["usd_per_token_per_s"]
        if v.software == "as-sold" and len(meets):
            assert v.value is not None
            assert v.value <= meets.min() * (1 + 1e-9)


def test_without_losses_a_winner_never_costs_more(verdicts):
    values = {(v.target, v.software): v.value for v in verdicts.verdicts}
    for (target, software), value in values.items():
        if software == "ideal" and values[target, "as-sold"] is not None:
            assert value <= values[target, "as-sold"]


def test_no_chip_of_any_kind_drawn_from_the_space_beats_a_verdict(result, verdicts):
    # an independent look: 300 random chips of every branch, each in all its deployments
    rng = np.random.default_rng(7)
    for software in ("as-sold", "equal", "ideal"):
        study = under_software(result.study, software)
        for branch in study.branches.values():
            if branch.name in unanchored_in(result.study):
                continue
            specs = branch.spec.parameters
            sampled = [
                Candidate(
                    label="drawn",
                    kind=branch.kind,
                    branch=branch.name,
                    values={
                        n: float(value_at(p, np.rint(rng.random() * (p.steps - 1)) / (p.steps - 1)))
                        for n, p in specs.items()
                    },
                )
                for _ in range(100)
            ]
            chips = chips_of_candidates(study, sampled)
            for v in verdicts.verdicts:
                if v.software == software:
                    cost = solve_on_grid(
                        deployment_problem(study, {"tpot": v.target}), chips, study_grid(study)
                    ).cost.min()
                    least = np.inf if v.value is None else v.value
                    assert cost >= least * (1 - study.spec.tolerance), (software, branch.name, v)


def test_a_winner_of_the_space_tells_what_it_is_made_of(result, verdicts):
    for v in verdicts.verdicts:
        if v.winner is not None and v.winner not in result.study.baselines:
            assert v.parameters and v.kind in {b.kind for b in result.study.branches.values()}


def test_verdicts_are_kept_while_nothing_is_searched_and_dropped_after(result, verdicts):
    before = {**result.front.manifest, **verdicts.as_dict()}
    assert kept(before, result.front.manifest) == verdicts
    assert kept(before, {**result.front.manifest, "trials": 99}) is None
    assert kept({}, result.front.manifest) is None


def test_chips_of_one_kind_are_not_judged(tmp_path):
    path = write_study(tmp_path, **{**REAL, "baselines": ["h100-sxm", "h200-sxm"]})
    assert not compares_kinds(dse.load_study(str(path)))
    assert compares_kinds(dse.load_study(str(write_study(tmp_path, "both", **REAL))))


def test_other_software_lifts_named_stacks_and_keeps_what_the_study_sets(tmp_path):
    sets = {"chip/h100-sxm.dram.bandwidth": "5 TB/s"}
    study = dse.load_study(str(write_study(tmp_path, stack="gpu-serving", settings=sets, **REAL)))
    equal = under_software(study, "equal")
    assert (equal.setting.software, equal.setting.stack) == ("equal", None)
    assert equal.baselines["h100-sxm"].dram.bandwidth.value == 5e12
    assert under_software(study, "as-sold") is study


def test_a_front_asked_again_holds_only_chips_that_were_found(result):
    ideal = under_software(result.study, "ideal")
    again = reevaluated(ideal, result.front)
    known = {*result.front.frame["chip"], *result.study.baselines}
    assert set(again.frame["chip"]) <= known
    assert again.frame["tpot_s"].min() <= result.front.frame["tpot_s"].min()


@pytest.mark.parametrize(("winner", "explained"), [("near hybrid-5", True), ("hybrid-5", False)])
def test_a_winner_that_no_table_has_is_explained(winner, explained):
    one = Verdict(
        target=1e-2,
        software="as-sold",
        winner=winner,
        kind="hybrid",
        value=1.0,
        low=None,
        high=None,
        basis="unit cost",
    )
    console = Console(file=io.StringIO(), width=100)
    show_verdicts(console, Verdicts(verdicts=(one,), dependence=()), "$/(token/s)")
    assert ("chip that a local search from X reached" in console.file.getvalue()) == explained


def test_run_stores_verdicts_that_front_and_report_show(dse_verb, tmp_path):
    path = write_study(tmp_path, **REAL)
    said = dse_verb("run", path, "--quiet", "--no-intervals", "--out", "r")
    assert "Winner by $/(token/s) under each assumption about software" in said.out
    data = dse_verb("front", path, "--out", "r", "--format", "json").json
    assert {v["software"] for v in data["verdicts"]} == {"as-sold", "equal", "ideal"}
    assert set(data["verdicts"][0]) >= {"target", "software", "winner", "kind", "value", "low", "high"}
    assert "Within 10.0 ms" in dse_verb("front", path, "--out", "r").out
    dse_verb("report", path, "--out", "r", "-o", "page.html")
    assert data["dependence"][0]["sentence"] in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_results_under_other_software_lie_in_a_folder_of_their_own(dse_verb, tmp_path):
    path = write_study(tmp_path, **REAL)
    dse_verb("run", path, "--quiet", "--no-intervals", "--no-verdicts", "--out", "r")
    dse_verb("run", path, "--quiet", "--no-intervals", "--software", "ideal", "--out", "r")
    plain, ideal = (
        json.loads((tmp_path / "r" / name / "manifest.json").read_text()) for name in (".", "@ideal")
    )
    assert (plain["study"], ideal["study"]) == ("small", "small/@ideal")
    assert ideal["hypervolume"] > plain["hypervolume"]
    stored = dse_verb("front", path, "--out", "r", "--software", "ideal", "--format", "json")
    assert stored.json["hypervolume"] == ideal["hypervolume"]
    asked = dse_verb("front", path, "--out", "r", "--software", "equal")
    assert "no search under equal software is stored" in asked.err


def test_an_unknown_software_is_refused_with_the_nearest(dse_verb):
    dse_verb("run", "groq-vs-h100", "--software", "equl").refused("--software", "did you mean 'equal'")
