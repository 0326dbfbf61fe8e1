"""`dse propose` of a study of pools: files that estimate to the same numbers, the best of all roundings."""

import json
import shlex
from itertools import product

import numpy as np
import pairs_for_tests as pairs
import pytest

from dse.decide.pairs.design import PoolDesign, costs_of, layouts_of, pair_of_row, sizes_of, violations_of
from dse.decide.pairs.proposal import PairProposal, propose_pair
from dse.decide.propose.rounding import roundings
from dse.errors import InfeasibleError
from dse.front.files import Front
from dse.front.tables import stack
from dse.question.pools.eligibility import PairEligibility
from dse.question.pools.study import PooledStudy
from dse.search.pairs.driver import sweep_pairs
from dse.spec.schema.buildable import BuildableSpec
from objectives import api

SMALL = {
    **pairs.SMALL,
    "pools": {
        "prefill": {"chips": ["h100-sxm"], "space": "lpu-or-hbm", "tp": [1, 8], "pp": [1], "batch": [4096]},
        "decode": {"space": "lpu-or-hbm", "tp": [8], "pp": [1, 10], "batch": [1, 64]},
        "link": "25 GB/s, 5 us",
    },
    "deployment": {"mode": "solve"},
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "200 ms"},
    "report_at": ["50 ms"],
    "tolerance": 0,
    "reference_point": {"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "100 ms"},
}
NAMES = ("sram", "peak_flops", "dram_stacks", "link_bandwidth", "sram_bandwidth_per_byte")
FEW = {f"{role}.{name}": 2 for role in ("prefill", "decode") for name in NAMES}
AT = {"tpot": 0.05}


def load(folder, **changes) -> PooledStudy:
    return pairs.load(folder, {**SMALL, **changes})


def eligible(study: PooledStudy, front: Front) -> PairEligibility:
    return PairEligibility.of(front.manifest, list(study.pools), shown=True)


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> tuple[PooledStudy, Front]:
    folder = tmp_path_factory.mktemp("proposed")
    study = load(folder)
    return study, sweep_pairs(study, counts=FEW, out=folder / "out").front


@pytest.fixture(scope="module")
def proposed(swept) -> PairProposal:
    study, front = swept
    return propose_pair(study, front, AT, eligible(study, front))


def test_sizes_are_multiples_of_the_steps_that_can_be_built(swept, proposed):
    rules = swept[0].first.setting.catalog.get(BuildableSpec, "steps-2026")
    searched = [c for c in proposed.chips if c.chip is not None]
    assert searched
    for chip in searched:
        for name in ("sram", "peak_flops", "link_bandwidth"):
            if name in chip.made.values:
                step = float(getattr(rules, name).value)
                assert chip.made.values[name] / step == pytest.approx(round(chip.made.values[name] / step))


def test_it_is_the_best_of_all_pairs_of_roundings_and_layouts(swept, proposed):
    """Brute force: every pair of roundings in every pair of layouts, each evaluated by the cost model."""
    study, front = swept
    every = stack([front.frame, front.at_targets])
    rows = every[every["tpot_s"] <= AT["tpot"]]
    rows = rows[
        [bool({str(r["prefill.chip"]), str(r["decode.chip"])} - {"h100-sxm"}) for _, r in rows.iterrows()]
    ]
    row = rows.sort_values("usd_per_token_per_s").iloc[0].to_dict()
    picked = pair_of_row(study, row)
    rules = study.first.setting.catalog.get(BuildableSpec, "steps-2026")
    ways = []
    for role, pool in picked.items():
        chips = roundings(pool.candidate, rules) if pool.candidate.branch else [pool.candidate]
        layouts = layouts_of(study, role)
        sizes = [
            sizes_of(api.Pool(role=role, chips=None, deployments=layouts.take(np.asarray([i]))))  # type: ignore[arg-type]
            for i in range(layouts.size)
        ]
        ways.append([(role, PoolDesign(candidate=c, sizes=s)) for c in chips for s in sizes])
    pairs = [dict(each) for each in product(*ways)]
    limits = (*study.limits, (study.first.bounded("tpot"), AT["tpot"]))
    over = violations_of(study, pairs, limits)
    fits = np.all([v <= 0.0 for v in over.values()], axis=0)
    assert fits.any()
    best = float(np.where(fits, costs_of(study, pairs), np.inf).min())
    assert proposed.cost == pytest.approx(best, rel=1e-9)
    assert proposed.estimate.metrics["usd_per_token_per_s"] == pytest.approx(best, rel=1e-9)


def test_the_pair_meets_its_limits_and_beats_its_rivals_of_the_front(swept, proposed):
    study, _ = swept
    m = proposed.estimate
    assert m.feasible and m.metrics["tpot_s"] <= AT["tpot"]
    assert all(v <= 0.0 for v in m.violations.values())
    both = [r for r in proposed.rivals if "in both pools" in r.name]
    assert {r.what for r in both} == set(study.pools)


def test_a_front_without_searched_chips_proposes_nothing(tmp_path):
    pools = {
        "prefill": {"chips": ["h100-sxm"], "tp": [1, 8], "pp": [1]},
        "decode": {"chips": ["h200-sxm"], "tp": [8], "pp": [1]},
        "link": "25 GB/s, 5 us",
    }
    study = load(tmp_path, pools=pools)
    front = sweep_pairs(study, out=tmp_path / "out").front
    with pytest.raises(InfeasibleError, match="has no chip of a search space to propose"):
        propose_pair(study, front, AT, eligible(study, front))


def test_a_target_that_no_pair_meets_is_a_sentence(swept):
    study, front = swept
    with pytest.raises(InfeasibleError, match=r"no pair on the front of .* meets TPOT 1.00 us"):
        propose_pair(study, front, {"tpot": 1e-6}, eligible(study, front))


def test_the_files_check_and_the_command_gives_the_same_dollars(dse_verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = load(tmp_path).path
    grid = ",".join(f"{name}={count}" for name, count in FEW.items())
    assert dse_verb("sweep", path, "--out", "out", "--grid", grid).code == 0
    said = dse_verb("propose", path, "--out", "out", "--tpot", "50 ms", "--with-unanchored")
    assert said.code == 0, said.err
    assert "in both pools" in said.out and "pairs of roundings" in said.out
    data = dse_verb(
        "propose", path, "--out", "out", "--tpot", "50 ms", "--with-unanchored", "--format", "json"
    ).json
    assert data["files"]
    for file in data["files"]:
        assert dse_verb("check", file).code == 0
    line = next(line for line in said.out.splitlines() if line.startswith("Try it: "))
    words = shlex.split(line.removeprefix("Try it: dse "))
    again = json.loads(dse_verb(*words, "--format", "json").out)
    for name in ("usd_per_token_per_s", "tpot_s", "chips"):
        assert again["metrics"][name] == pytest.approx(data["estimate"]["metrics"][name], rel=1e-6)
    dse_verb("propose", path, "--out", "out", "--polish").refused(
        "--polish: expected none for a study of pools"
    )
    few = ("--samples", "4", "--with-unanchored", "--tpot", "50 ms", "--format", "json")
    steady = dse_verb("propose", path, "--out", "out", "--robust", *few).json
    assert steady["robust"] is True and steady["odds"]["samples"] == 4
    sure = dse_verb("propose", path, "--out", "out", "--no-intervals", *few[2:]).json
    assert sure["odds"] is None
