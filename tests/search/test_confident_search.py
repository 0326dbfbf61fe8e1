"""A search for what is met with a probability: sweep, bounds and a count by hand give the same answer."""

from pathlib import Path

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.choose.confidence import margin
from dse.evaluate.batch import grid_of
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.report.words.answer import answer
from dse.search.bound.prove import prove
from dse.search.run.study_bundle import bundle_of
from dse.search.run.study_reference import reference_to
from dse.search.sweep.driver import sweep
from dse.search.sweep.grid import grid
from dse.spec.schema.system import StackSpec
from objectives import api

COUNTS = {"peak_flops": 3, "sram": 4, "sram_bandwidth_per_byte": 2, "link_bandwidth": 2}
TARGET = 0.010


def stated(study: ResolvedStudy, name: str) -> float:
    """80 % interval of TPOT that the files of a branch state: of its stack, and of its template's class."""
    branch, catalog = study.branches[name], study.setting.catalog
    own, usual = (catalog.get(StackSpec, n) for n in (branch.spec.stack, branch.template.stack))
    return max(own.interval["tpot"], usual.interval["tpot"] if own.chips else 1.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    path = write_study(tmp_path_factory.mktemp("sure"), baselines=[], confidence=0.9, report_at=["10 ms"])
    return load_study(str(path))


@pytest.fixture(scope="module")
def swept(study: ResolvedStudy, tmp_path_factory: pytest.TempPathFactory) -> Front:
    front = sweep(study, counts=COUNTS, out=tmp_path_factory.mktemp("swept")).front
    assert front is not None
    return front


def by_hand(study: ResolvedStudy) -> float:
    """$/(token/s) of the cheapest design of the grid whose TPOT times the interval is within the target."""
    plain, best = study.confident(None), np.inf
    for part in grid(plain, COUNTS).branches:
        chips = np.arange(part.first, part.first + part.size)
        columns = part.branch.columns(part.values(chips))
        designs = api.Designs.of(chips=api.Chips.of(**columns), deployments=grid_of(plain).reshape(-1, 1))
        m = plain.cost_model.evaluate(designs, plain.context)
        # at 90 % the margin is the interval itself
        met = np.broadcast_to(m.tpot_s * stated(study, part.branch.name) <= TARGET, designs.shape)
        ok = met & np.broadcast_to(m.feasible(), designs.shape)
        cost = np.broadcast_to(m.usd_per_token_per_s, designs.shape)
        best = min(best, float(np.where(ok, cost, np.inf).min()))
    return best


def test_the_best_of_an_exact_front_is_that_of_a_count_by_hand(study: ResolvedStudy, swept: Front) -> None:
    rows = swept.frame[swept.frame["tpot_s_at_90_percent"] <= TARGET]
    found = float(rows["usd_per_token_per_s"].min())
    assert found == pytest.approx(by_hand(study), rel=1e-12)


def test_bounds_leave_out_nothing_that_is_met_surely(
    study: ResolvedStudy, swept: Front, tmp_path: Path
) -> None:
    pruned = sweep(study, counts=COUNTS, out=tmp_path / "pruned", prune=True).front
    assert pruned is not None
    columns = [axis.column for axis in swept.axes]
    assert columns == ["usd_per_token_per_s", "tpot_s_at_90_percent"]
    one, other = (f.frame[columns].sort_values(columns).to_numpy() for f in (swept, pruned))
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_a_proof_bounds_the_latency_that_is_met_surely(study: ResolvedStudy, swept: Front) -> None:
    proof = prove(study, swept, seconds=5.0)
    (at,) = proof.at
    assert at.best == pytest.approx(by_hand(study), rel=1e-9)
    assert at.bound is not None and at.bound <= at.best * (1.0 + 1e-9)


def test_the_winner_at_a_target_meets_it_with_the_probability(study: ResolvedStudy, swept: Front) -> None:
    (row,) = answer(swept).best
    assert row["found"] and row["p_tpot_met"] >= 0.9
    branch = str(row["chip"]).rsplit("-", 1)[0]
    assert row["tpot_s"] * margin(stated(study, branch), 0.9) <= TARGET


def test_other_processes_and_machines_search_the_same_question(study: ResolvedStudy, tmp_path: Path) -> None:
    plain = load_study(str(write_study(tmp_path)))
    sure = plain.confident(0.8)
    for found in (reference_to(sure).resolve(), bundle_of(sure).opened()):
        assert found.question == sure.question
    assert study.spec.confidence == 0.9
