"""Several LLMs and workloads on one chip: costs by their shares, latency of the slowest, all feasible."""

from itertools import product

import numpy as np
import pytest
from again import first, minimal, one
from studies_for_tests import write_study

import dse
from dse.decide.propose.candidates import chips_of_candidates, from_rows
from dse.errors import SpecError
from dse.evaluate.batch import axes_of
from dse.report.info.card_info import card_of
from dse.report.info.evidence import evidence
from dse.report.info.stacked_bars_info import stack_info, winners
from dse.report.page.study_report import study_report

SIZES = {"mode": "solve", "batch": [1, 16, 128], "tp": [1, 8, 32], "pp": [1, 8, 32]}
TWO = [
    {"llm": "llama2-70b", "workload": "article", "weight": 3},
    {"llm": "llama2-7b", "workload": "article", "weight": 1},
]


def asked(folder, mix, name="small", **changes):
    """A small study of a mix; of the one LLM in `changes` where `mix` is None."""
    given = {"deployment": SIZES, "budget": {"trials": 24}, **changes}
    if mix is not None:
        given = {"llm": None, "workload": None, "mix": mix, **given}
    return dse.load_study(str(write_study(folder, name, **given)))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mix")
    study = asked(folder, TWO)
    return study, dse.run(study, out=folder / "results").front, folder / "results"


def test_the_report_of_a_mix_tells_what_each_member_does(ran):
    study, front, _ = ran
    found = evidence(front, study)
    assert found.cautions == ()
    page = study_report(found)
    assert "75% llama2-70b.article" in page and "25% llama2-7b.article" in page
    row = found.rows[0]
    facts = dict(card_of(row, None).results)
    for label in ("llama2-70b.article", "llama2-7b.article"):
        assert f"TPOT {1e3 * row[f'{label}.tpot_s']:.4g} ms" in facts[label]
        assert f"batch {row[f'{label}.batch']:,}" in facts[label]


def test_the_card_and_the_bars_of_a_mix_tell_every_part(ran):
    study, front, _ = ran
    found = evidence(front, study)
    labels = ["llama2-70b.article", "llama2-7b.article"]
    for row, seen in zip(found.rows, found.seen, strict=True):
        card = card_of(row, seen)
        assert [part.label for part in card.parts] == labels
        for part in card.parts:
            own = {ledger.title: ledger.total for ledger in part.ledgers}
            assert row[f"{part.label}.tpot_s"] == pytest.approx(next(iter(own.values())), rel=1e-9)
        whole = {ledger.unit: ledger.total for ledger in card.ledgers}
        assert whole["J"] == pytest.approx(row["energy_per_token_j"], rel=1e-9)
        for ledger in ("tpot_s", "bound_s", "ttft_s", "capex_usd", "usd_per_million_tokens"):
            total = row["tpot_s" if ledger == "bound_s" else ledger]
            assert sum(seen.ledgers[ledger].values()) == pytest.approx(total, rel=1e-9), ledger
        for name, value in seen.violations.items():
            assert (value <= 0.0) == (row[f"violation_{name}"] <= 0.0)
    bars = stack_info(found, "time").bars
    assert bars and all(bar.endswith(tuple(labels)) for bar in bars)
    cost = stack_info(found, "cost")
    each = sum(values for _, values in cost.parts)
    assert each == pytest.approx([row["usd_per_token_per_s"] for _, row, _ in winners(found)], rel=1e-9)


def test_the_front_of_a_chip_is_that_of_all_pairs_of_deployments(ran):
    """Every pair of deployments, one for each LLM, tried one by one."""
    study, front, _ = ran
    row = front.frame[front.frame["role"] == "search"].iloc[0].to_dict()
    chip = chips_of_candidates(study, from_rows(study, [row]))
    each = []
    for member in study.members:
        alone = []
        for batch, tp, pp in product(SIZES["batch"], SIZES["tp"], SIZES["pp"]):
            m = one_of(study, member, chip, batch, tp, pp)
            if all(first(v) <= 0.0 for v in m.violations.values()):
                alone.append((first(m.usd_per_token_per_s), first(m.tpot_s)))
        each.append(alone)
    pairs = [(0.75 * a[0] + 0.25 * b[0], max(a[1], b[1])) for a, b in product(*each)]
    wanted = minimal(pairs)
    np.testing.assert_allclose(minimal(values_of(study, chip)), wanted, rtol=1e-12)


def one_of(study, member, chip, batch, tp, pp, ep=1.0):
    from dataclasses import replace

    return one(replace(study, context=member.context), chip, batch, tp, pp, ep)


def values_of(study, chip):
    from dse.evaluate.batch import Origin, evaluate, grid_of

    origin = Origin(
        trial=np.zeros(1, dtype=int),
        chip=["x"],
        branch="sram-only",
        role="search",
        parameters={},
        price_usd=np.asarray(chip.cost.price_usd),
    )
    points = evaluate(study, chip, grid_of(study), origin)
    return [tuple(map(float, v)) for v, ok in zip(points.values, points.feasible, strict=True) if ok]


def test_costs_are_weighted_and_latency_is_that_of_the_slowest(ran):
    _, front, _ = ran
    a, b = "llama2-70b.article", "llama2-7b.article"
    f = front.frame
    cost = 0.75 * f[f"{a}.usd_per_token_per_s"] + 0.25 * f[f"{b}.usd_per_token_per_s"]
    np.testing.assert_allclose(f["usd_per_token_per_s"], cost, rtol=1e-12)
    np.testing.assert_allclose(f["tpot_s"], np.maximum(f[f"{a}.tpot_s"], f[f"{b}.tpot_s"]), rtol=1e-12)
    np.testing.assert_allclose(f["capex_usd"], f[f"{a}.capex_usd"] + f[f"{b}.capex_usd"], rtol=1e-12)
    sizes = [f[f"{m}.tp"] * f[f"{m}.pp"] * f[f"{m}.dp"] for m in (a, b)]
    np.testing.assert_array_equal(f["chips"], sizes[0] + sizes[1])


def test_every_member_is_served_as_its_own_study_would_serve_it(ran):
    study, front, _ = ran
    for row in front.frame.head(6).to_dict("records"):
        chip = chips_of_candidates(study, from_rows(study, [row]))
        for member in study.members:
            sizes = {k: row[f"{member.label}.{k}"] for k in ("batch", "tp", "pp", "ep")}
            m = one_of(study, member, chip, **sizes)
            assert row[f"{member.label}.usd_per_token_per_s"] == pytest.approx(
                first(m.usd_per_token_per_s), rel=1e-12
            )
            assert all(first(v) <= 0.0 for v in m.violations.values())


def test_twice_the_same_is_once_the_same(tmp_path):
    part = {"llm": "llama2-70b", "workload": "article", "weight": 1}
    twice = asked(tmp_path, [part, {**part, "weight": 5}], "twice")
    once = asked(tmp_path, None, "once", llm="llama2-70b", workload="article")
    fronts = [dse.run(s, out=tmp_path / s.slug).front.frame for s in (twice, once)]
    for axis in axes_of(once):
        np.testing.assert_allclose(fronts[0][axis.column], fronts[1][axis.column], rtol=1e-12)


def test_the_order_of_the_members_changes_no_cost(tmp_path):
    fronts = []
    for name, mix in (("ab", TWO), ("ba", TWO[::-1])):
        study = asked(tmp_path, mix, name)
        fronts.append(dse.run(study, out=tmp_path / name / "out").front.frame)
    np.testing.assert_allclose(fronts[0]["usd_per_token_per_s"], fronts[1]["usd_per_token_per_s"], rtol=1e-12)
    np.testing.assert_allclose(fronts[0]["tpot_s"], fronts[1]["tpot_s"], rtol=1e-12)


def test_a_run_of_a_mix_is_resumed_to_the_same_front(ran):
    study, front, out = ran
    again = dse.run(study, out=out)
    assert again.new_trials == 0
    assert again.front.frame.equals(front.frame)
    assert dse.load_front(out).manifest["mix"] == [
        {"llm": "llama2-70b", "workload": "article", "weight": 3.0},
        {"llm": "llama2-7b", "workload": "article", "weight": 1.0},
    ]


def test_a_study_of_one_llm_knows_nothing_of_mixes(tmp_path):
    study = asked(tmp_path, None, "plain", llm="llama2-70b", workload="article")
    assert "mix" not in study.question["study"]
    assert study.members == ()


def test_every_llm_of_a_mix_is_part_of_the_question(ran):
    study, _, _ = ran
    assert {"llm/llama2-70b", "llm/llama2-7b", "workload/article"} <= set(study.configs)
    assert study.spec.llm == "llama2-70b"


def test_the_report_tells_what_each_llm_gets(ran):
    study, front, _ = ran
    found = evidence(front, study)
    assert found.cautions == ()
    reported = dict(card_of(found.rows[0], found.seen[0]).results)
    assert {m.label for m in study.members} <= set(reported)
    assert "$/(token/s)" in reported["llama2-70b.article"]
    page = study_report(found)
    assert "75% llama2-70b.article" in page
    assert "llama2-7b.article: TPOT [ms]" in page


def test_what_is_wrong_with_a_mix_is_reported(tmp_path):
    with pytest.raises(SpecError, match="unknown llm 'llama2-7'"):
        asked(tmp_path, [TWO[0], {**TWO[1], "llm": "llama2-7"}], "unknown")
    with pytest.raises(SpecError, match="at least 2 items"):
        asked(tmp_path, TWO[:1], "single")
    with pytest.raises(SpecError, match="expected that of the first of the mix, llama2-70b, got llama2-7b"):
        asked(tmp_path, TWO, "other", llm="llama2-7b")
    with pytest.raises(SpecError, match="greater than 0"):
        asked(tmp_path, [TWO[0], {**TWO[1], "weight": 0}], "nothing")
