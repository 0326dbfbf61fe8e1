"""One chip for several LLMs: the best deployment of each part, every verb, every part told."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from again import chip_of_row, first, one
from optuna.samplers import TPESampler
from studies_for_tests import write_study

import dse
from dse.decide.explain.design import explain
from dse.decide.propose.candidates import chips_of_candidates, from_rows, of_baselines, of_front
from dse.decide.propose.proposal import propose
from dse.decide.scenario.assumptions import assumption_of
from dse.decide.scenario.best_deployments import deployment_problem, solve_on_grid, study_grid
from dse.decide.scenario.breakeven import all_candidates, breakeven
from dse.decide.scenario.mix_parts import layout_at
from dse.errors import SpecError
from dse.report.datasheet.content import datasheet
from dse.report.datasheet.data import as_dict
from dse.report.info.sampled_front import sample_front
from dse.search.bound.prove import prove
from dse.search.samplers.optuna_samplers import sampler_of
from dse.spec.schema.study import SamplerSpec

SIZES = {"mode": "solve", "cp": [1], "batch": [1, 16, 128], "tp": [1, 8, 32], "pp": [1, 8, 32]}
MIX = [
    {"llm": "llama2-70b", "workload": "article", "weight": 3},
    {"llm": "llama2-7b", "workload": "article", "weight": 1},
]
A, B = "llama2-70b.article", "llama2-7b.article"
LIMITS = {"tpot": 20e-3}
SAMPLES = 12


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """`study.yaml` of a mix and the folder of its results."""
    folder = tmp_path_factory.mktemp("mixed")
    path = write_study(
        folder, llm=None, workload=None, mix=MIX, deployment=SIZES, budget={"trials": 40}, report_at=["20 ms"]
    )
    dse.run(str(path), out=folder / "results")
    return path, folder / "results"


@pytest.fixture(scope="module")
def study(mixed):
    return dse.load_study(str(mixed[0]))


@pytest.fixture(scope="module")
def front(mixed):
    return dse.load_front(mixed[1])


def alone(study, member, chip):
    """Every feasible deployment of one part of the mix: sizes, cost, TPOT, capital."""
    own = replace(study, context=member.context)
    for batch, tp, pp in product(SIZES["batch"], SIZES["tp"], SIZES["pp"]):
        m = one(own, chip, batch, tp, pp)
        if all(first(v) <= 0.0 for v in m.violations.values()):
            yield (batch, tp, pp), first(m.usd_per_token_per_s), first(m.tpot_s), first(m.capex_usd)


def best_pair(study, chip, tpot, capital=float("inf")):
    """Cost and sizes of the best pair of deployments, all pairs tried one by one."""
    pairs = product(*(list(alone(study, m, chip)) for m in study.members))
    good = [
        (0.75 * a[1] + 0.25 * b[1], a[0], b[0])
        for a, b in pairs
        if max(a[2], b[2]) <= tpot and a[3] + b[3] <= capital
    ]
    return min(good, default=(float("inf"), None, None))


def test_a_chip_gets_the_best_pair_of_deployments(study, front):
    chips = [*of_front(study, front)[:5], *of_baselines(study)]
    found = solve_on_grid(
        deployment_problem(study, LIMITS), chips_of_candidates(study, chips), study_grid(study)
    )
    for i, candidate in enumerate(chips):
        cost, *sizes = best_pair(study, chips_of_candidates(study, [candidate]), LIMITS["tpot"])
        assert found.cost[i] == pytest.approx(cost, rel=1e-12)
        if np.isfinite(cost):
            layout = layout_at(study_grid(study), found.index[i])
            assert [tuple(d[k] for k in ("batch", "tp", "pp")) for d in layout] == sizes


def test_a_bound_on_the_capital_is_one_of_all_clusters_together(study, front):
    """The cheapest deployment of each part is then no longer the best of the whole."""
    candidate = of_front(study, front)[0]
    chips, grid = chips_of_candidates(study, [candidate]), study_grid(study)
    free = solve_on_grid(deployment_problem(study, LIMITS), chips, grid)
    parts = [list(alone(study, m, chips)) for m in study.members]
    layout = [tuple(d[k] for k in ("batch", "tp", "pp")) for d in layout_at(grid, free.index[0])]
    spent = sum(next(p[3] for p in part if p[0] == d) for part, d in zip(parts, layout, strict=True))
    binding = 0
    for share in (0.98, 0.8, 0.6, 0.4):
        limits = {**LIMITS, "entry_price": share * spent}
        cost, *_ = best_pair(study, chips, LIMITS["tpot"], share * spent)
        assert solve_on_grid(deployment_problem(study, limits), chips, grid).cost[0] == pytest.approx(
            cost, rel=1e-12
        )
        binding += bool(np.isfinite(cost))
    assert binding


def test_the_explained_design_is_that_of_its_row_part_by_part(study, front):
    found = explain(study, front, "row:1", {})
    row = front.frame.iloc[0]
    assert [p.label for p in found.evaluation.parts] == [A, B]
    assert [p.weight for p in found.evaluation.parts] == [0.75, 0.25]
    for name in ("usd_per_token_per_s", "tpot_s", "capex_usd", "chips"):
        assert found.estimate.metrics[name] == pytest.approx(row[name], rel=1e-12)
    for part in found.evaluation.parts:
        assert part.estimate.metrics["tpot_s"] == pytest.approx(row[f"{part.label}.tpot_s"], rel=1e-12)
        for ledger in ("tpot_s", "capex_usd", "usd_per_million_tokens"):
            total = sum(part.estimate.ledgers[ledger].values())
            assert total == pytest.approx(part.estimate.metrics[ledger], rel=1e-9)
    for ledger in ("tpot_s", "ttft_s", "capex_usd", "usd_per_million_tokens", "energy_per_token_j"):
        total = sum(found.estimate.ledgers[ledger].values())
        assert total == pytest.approx(found.estimate.metrics[ledger], rel=1e-9), ledger


def test_every_neighbour_of_a_mix_costs_what_it_is_said_to_cost(study, front):
    """Both clusters evaluated again from the row alone, one of them or the chip changed."""
    found = explain(study, front, "row:1", {"tpot": 1.0})
    row = front.frame.iloc[0].to_dict()
    base = row["usd_per_token_per_s"]
    assert {n.part for n in found.neighbours} == {"", A, B}
    for n in found.neighbours:
        changed = dict(row)
        changed[f"{n.part}.{n.what}" if n.part else f"param_{n.what}"] = n.new
        chip = chip_of_row(study, changed)
        each = []
        for m in study.members:
            sizes = {k: changed[f"{m.label}.{k}"] for k in ("batch", "tp", "pp")}
            each.append(one(replace(study, context=m.context), chip, **sizes))
        broken = {k for m in each for k, v in m.violations.items() if first(v) > 0.0}
        assert broken == set(n.hits)
        if not n.hits:
            cost = 0.75 * first(each[0].usd_per_token_per_s) + 0.25 * first(each[1].usd_per_token_per_s)
            assert n.change == pytest.approx(cost / base - 1.0, abs=1e-9)


def test_all_dollars_together_have_an_elasticity_of_one_in_a_mix(study, front):
    found = explain(study, front, "row:1", {})
    money = [r.elasticity for r in found.elasticities if "USD" in r.fact.unit]
    assert sum(money) == pytest.approx(1.0, abs=0.01)
    configs = {r.fact.place.config for r in found.elasticities}
    assert not configs <= {"technology/technology-2026"}


@pytest.fixture(scope="module")
def proposal(study, front):
    return propose(study, front, LIMITS, name="for-both")


def test_a_proposal_serves_every_part(study, proposal):
    chip = chips_of_candidates(study, [proposal.rounded.candidate])
    cost, *_ = best_pair(study, chip, LIMITS["tpot"])
    assert proposal.rounded.cost == pytest.approx(cost, rel=1e-12)
    assert proposal.estimate.feasible
    assert all(p.estimate.feasible for p in proposal.evaluation.parts)
    assert {p.estimate.chip for p in proposal.evaluation.parts} == {"for-both"}


def test_the_datasheet_of_a_mix_tells_each_part(proposal):
    sheet = datasheet(proposal)
    assert "75% llama2-70b.article and 25% llama2-7b.article" in sheet.answer
    table = next(s for s in sheet.sections if s.title == "Best deployment")
    assert table.columns == ("", "in all", A, B)
    assert all(len(row) == 4 for row in table.rows)
    assert A in table.note and B in table.note
    told = as_dict(proposal)
    assert [p["part"] for p in told["estimate"]["parts"]] == [A, B]
    assert set(told["rivals"][0]["layout"]) == {A, B}


def test_the_break_even_price_of_a_mix_is_that_of_proportion(study, front):
    """$/(token/s) of chips alone is proportional to their price, for a mix as for one LLM."""
    chips = all_candidates(study, front)
    x = assumption_of(study, "sram-only.price=50 USD..20000 USD", chips, "--x")
    found = breakeven(study, chips, x, None, ("sram-only", "others"), LIMITS, (5, 1))
    crossings = [c for c in found.boundary if c.why == "equal cost"]
    assert crossings
    for c in crossings:
        assert c.costs[0] == pytest.approx(c.costs[1], rel=2e-3)
    named = {c.label: c for c in chips}
    champion = named[found.best_chips[0, 0, 0]]
    cheap = chips_of_candidates(study, [champion]).replace(price_usd=np.asarray([float(found.xs[0])]))
    cost, *_ = best_pair(study, cheap, LIMITS["tpot"])
    assert found.costs[0, 0, 0] == pytest.approx(cost, rel=1e-12)


def test_the_drawings_of_a_mix_are_the_same_for_the_same_seed(study, front):
    found, again = (sample_front(study, front, SAMPLES, 1).front.frame for _ in range(2))
    assert (found["p10"] <= found["p50"]).all() and (found["p50"] <= found["p90"]).all()
    np.testing.assert_array_equal(found["probability_best"], again["probability_best"])
    sure = sample_front(study, front, 1, 1)  # one drawing: no width
    assert sure.drawn.numbers > 50
    np.testing.assert_allclose(sure.front.frame["p10"], sure.front.frame["p90"], rtol=1e-12)


def test_twice_the_same_question_is_decided_like_once(tmp_path):
    part = {"llm": "llama2-70b", "workload": "article", "weight": 1}
    common = {"deployment": SIZES, "budget": {"trials": 12}, "report_at": ["20 ms"]}
    twice = dse.load_study(
        str(write_study(tmp_path, "twice", llm=None, workload=None, mix=[part, part], **common))
    )
    once = dse.load_study(str(write_study(tmp_path, "once", **common)))
    fronts = [dse.run(s, out=tmp_path / s.slug).front for s in (twice, once)]
    sure = [sample_front(s, f, 8, 3).front.frame for s, f in zip((twice, once), fronts, strict=True)]
    np.testing.assert_allclose(sure[0]["p50"], sure[1]["p50"], rtol=1e-9)
    np.testing.assert_array_equal(sure[0]["probability_best"], sure[1]["probability_best"])
    chips = from_rows(once, fronts[1].frame.to_dict("records"))
    found = [
        solve_on_grid(deployment_problem(s, LIMITS), chips_of_candidates(s, chips), study_grid(s))
        for s in (twice, once)
    ]
    np.testing.assert_allclose(found[0].cost, found[1].cost, rtol=1e-12)


def test_every_verb_takes_a_mix(dse_verb, mixed, proposal, monkeypatch):
    """What `propose` finds for a mix is the fixture; the verb asks for it, tells it and writes it."""
    asked = []
    monkeypatch.setattr(
        "dse.cli.verbs.chips.propose.proposed", lambda *a, **k: asked.append((a, k)) or proposal
    )
    path, out = mixed
    told = dse_verb("explain", path, "row:1", "--out", out)
    assert told.code in (0, 1), told.err
    assert f"{A}, 75% of the output tokens" in told.out and "batch of" in told.out
    data = dse_verb("explain", path, "row:1", "--out", out, "--format", "json").json
    assert [p["part"] for p in data["estimate"]["parts"]] == [A, B]
    made = dse_verb("propose", path, "--out", out, "--tpot", "20 ms", "-o", "mine/chips/for-both.yaml")
    assert made.code == 0, made.err
    (((study, _, limits), how),) = asked
    assert (len(study.members), limits, how["name"]) == (2, LIMITS, "for-both")
    assert made.out.count("Try it: dse estimate") == 2
    assert dse_verb("check", "mine").code == 0
    sure = dse_verb("front", path, "--out", out, "--samples", "4")
    assert sure.code == 0 and "Uncertainty of" in sure.out, sure.err
    assert max(map(len, sure.out.splitlines())) <= 100
    even = dse_verb("breakeven", path, "--out", out, "--x", "hop latency", "--points", "3", "--plot", "a.png")
    assert even.code == 0, even.err


def test_a_mix_tells_the_names_that_its_chips_are_made_of(tmp_path):
    asked = {"llm": None, "workload": None, "mix": MIX, "deployment": SIZES, "budget": {"trials": 12}}
    found = dse.run(str(write_study(tmp_path, space="open-chip", **asked)), out=tmp_path / "out").front.frame
    own = found[found["role"] == "search"]
    assert len(own)
    assert set(own["process"]) <= {"n7", "n5", "n3"}
    assert "dram_generation" in own.columns or set(own["branch"]) == {"sram-only"}


def test_nothing_is_proven_of_a_mix(study, front):
    with pytest.raises(SpecError, match="expected one LLM and one workload to bound, got a mix"):
        prove(study, front)


def test_a_mix_is_searched_by_trials_and_not_at_random(study):
    asked = study.spec.model_copy(update={"sampler": SamplerSpec(name="pareto")})
    assert isinstance(sampler_of(replace(study, spec=asked), 1), TPESampler)
    wrong = study.spec.model_copy(update={"sampler": SamplerSpec(name="pareto", options={"point": 3})})
    with pytest.raises(SpecError, match=r"sampler\.options"):
        sampler_of(replace(study, spec=wrong), 1)


def test_a_rival_that_cannot_serve_says_what_it_misses(study, front):
    searched = front.frame[front.frame["role"] == "search"]
    p = propose(study, front, {"tpot": 1.01 * searched["tpot_s"].min()}, intervals=False)
    missed = [r for r in p.rivals if r.cost is None]
    assert missed and all(r.missed for r in missed)
    assert all(not r.missed for r in p.rivals if r.cost is not None)
    assert "misses" in str(datasheet(p))
