"""What a proposal ranks against: rivals on its own basis of prices, and only what measurements anchor."""

from dataclasses import replace

import pytest
import yaml
from studies_for_tests import write_study

import dse
from dse.decide.propose.candidates import from_rows
from dse.decide.propose.proposal import propose
from dse.decide.propose.rivals import rivals
from dse.decide.scenario.best_deployments import deployment_problem
from dse.decide.verdict.study import verdicts_at
from dse.errors import InfeasibleError
from dse.front.files import write_front
from dse.front.tables import records
from dse.report.datasheet.content import datasheet
from dse.report.datasheet.data import as_dict

LIMITS = {"tpot": 50e-3}
BASELINES = ["h100-sxm", "tpu-v5p"]
"""One with a price that buyers pay, one with what it costs its maker."""


@pytest.fixture(scope="module")
def sold(tmp_path_factory):
    """A study whose chips have searched prices, beside one that is sold and one that is not."""
    folder = tmp_path_factory.mktemp("ranks")
    space = {
        "kind": "space",
        "name": "priced",
        "title": "One GPU at some prices",
        "branches": {
            "gpu": {
                "template": "h100-sxm",
                "process": "n5",
                "dram_generation": "HBM3e",
                "stack": "gpu-serving",
                "network": "nvswitch-hopper",
                "parameters": {
                    "peak_flops": {"low": "800 TFLOP/s", "high": "900 TFLOP/s", "steps": 2},
                    "dram_stacks": {"low": "5", "high": "6", "steps": 2},
                    "price": {"low": "5 kUSD", "high": "60 kUSD", "scale": "log", "steps": 4},
                },
            }
        },
        "notes": "Of a test.",
    }
    path = folder / "spaces" / "priced.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(space))
    path = write_study(
        folder,
        space="priced",
        price={"method": "searched"},
        baselines=BASELINES,
        report_at=["50 ms"],
    )
    study = dse.load_study(str(path), folder)
    return study, dse.run(study, out=folder / "results").front


def test_a_rival_on_other_prices_is_shown_and_ranks_against_nothing(sold):
    study, front = sold
    found = propose(study, front, LIMITS, intervals=False)
    ranks = {r.candidate.label: (r.prices, r.ranks) for r in found.rivals}
    assert ranks["h100-sxm"] == (found.prices, True) == ("list and street prices", True)
    assert ranks["tpu-v5p"] == ("cost to the maker", False)
    told = {r["chip"]: r for r in as_dict(found)["rivals"]}
    assert (told["tpu-v5p"]["ranks"], told["tpu-v5p"]["ranks_among"]) == (False, "cost to the maker")
    assert {o.rival for o in found.overturning_numbers} <= {"h100-sxm"}
    (table,) = (s for s in datasheet(found).sections if "rivals" in s.title)
    assert "Priced on another basis and not ranked: tpu-v5p" in table.note
    cheap = replace(
        found, rivals=tuple(replace(r, cost=1e-9 if not r.ranks else r.cost) for r in found.rivals)
    )
    assert cheap.wins == found.wins
    dear = replace(found, rivals=tuple(replace(r, cost=1e-9 if r.ranks else r.cost) for r in found.rivals))
    assert not dear.wins


@pytest.fixture(scope="module")
def unanchored(tmp_path_factory):
    """A study whose SRAM-only branch runs on a stack that loses nothing: an upper bound, no prediction."""
    folder = tmp_path_factory.mktemp("unanchored")
    path = write_study(folder, stacks={"sram-only": "ideal", "groq-lpu-v1": "ideal"}, report_at=["50 ms"])
    study = dse.load_study(str(path))
    return path, study, dse.run(study, out=folder / "results").front


def test_a_branch_that_no_measurement_anchors_is_proposed_only_on_request(unanchored):
    _, study, front = unanchored
    kinds = {r["branch"] for r in records(front.frame) if r["role"] == "search" and r["tpot_s"] <= 50e-3}
    assert "sram-only" in kinds
    only = replace(front, frame=front.frame[(front.frame["branch"] == "sram-only").to_numpy()])
    with pytest.raises(
        InfeasibleError, match=r"sram-only meets the target but is unanchored: .*--with-unanchored"
    ):
        propose(study, only, LIMITS, intervals=False)


def test_an_unanchored_rival_ranks_only_on_request(unanchored):
    _, study, front = unanchored
    row = next(r for r in records(front.frame) if r["branch"] != "sram-only" and r["role"] == "search")
    (candidate,) = from_rows(study, [row])
    for asked in (False, True):
        found = rivals(study, front, deployment_problem(study, LIMITS), candidate, asked)
        assert {r.ranks for r in found if r.unanchored is not None} == {asked}
        assert all(r.ranks for r in found if r.unanchored is None)


def test_more_that_may_win_never_makes_a_verdict_dearer(unanchored):
    _, study, front = unanchored
    anchored, every = (verdicts_at(study, front, LIMITS, w).verdicts for w in (False, True))
    assert all(b.value <= a.value for a, b in zip(anchored, every, strict=True))
    assert "sram-only" not in {v.kind for v in anchored}


def test_the_verb_takes_the_option(dse_verb, unanchored, tmp_path):
    path, _, front = unanchored
    only = replace(front, frame=front.frame[(front.frame["branch"] == "sram-only").to_numpy()])
    write_front(tmp_path / "only", only)
    asked = ("propose", path, "--out", tmp_path / "only", "--tpot", "50 ms", "--no-intervals")
    said = dse_verb(*asked)
    assert said.code == 1 and "--with-unanchored" in said.err
    said = dse_verb(*asked, "--format", "json", "--with-unanchored", "-o", tmp_path / "any.yaml")
    assert said.code == 0, said.err
    assert said.json["unanchored"] and all(r["ranks"] for r in said.json["rivals"])
    assert "Warning: any is unanchored: " in (tmp_path / "any.txt").read_text()
