"""A boundary is where both sides cost the same, or where one of them steps or fails."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from again import first, one

from dse.decide.propose.candidates import chips_of_candidates
from dse.decide.scenario.assumptions import assumption_of
from dse.decide.scenario.best_deployments import best_layouts, deployment_problem, solve_on_grid, study_grid
from dse.decide.scenario.breakeven import NEITHER, all_candidates, assumptions, breakeven
from dse.decide.scenario.scenario import Scenario, costs_of
from dse.errors import SpecError
from dse.report.datasheet.section import written_in
from dse.report.info.breakeven_info import as_dict, points, segments, sentences

LIMITS = {"tpot": 50e-3}


@pytest.fixture(scope="module")
def chips(study, front):
    return all_candidates(study, front)


@pytest.fixture(scope="module")
def price(study, chips):
    x = assumption_of(study, "sram-only.price=50 USD..20000 USD", chips, "--x")
    return breakeven(study, chips, x, None, ("sram-only", "others"), LIMITS, (7, 1))


@pytest.fixture(scope="module")
def latency(study, chips):
    x, y = (
        assumption_of(study, t, chips, "--x") for t in ("sram-only.price=50 USD..20000 USD", "hop latency")
    )
    return breakeven(study, chips, x, y, ("sram-only", "dram-only"), LIMITS, (5, 3))


def test_the_price_that_breaks_even_is_that_of_proportion(price, study, chips):
    """$/(token/s) of chips alone is proportional to their price, so the boundary is known in closed form."""
    base = Scenario(study=study, limits=LIMITS)
    sides = [c for c in chips if c.kind == "sram-only"], [c for c in chips if c.kind != "sram-only"]
    at_100 = costs_of([replace(base, prices={"sram-only": 100.0})], sides[0])
    others = costs_of([base], sides[1])
    wanted = 100.0 * others.min() / at_100.min()
    (crossing,) = price.boundary
    assert crossing.x == pytest.approx(wanted, rel=1e-3)  # the sides are pruned on a coarse net
    assert crossing.why == "equal cost"
    assert (crossing.left, crossing.right) == ("sram-only", "others")


def test_both_sides_cost_the_same_on_an_equal_boundary(latency, price):
    for found in (latency, price):
        assert found.boundary
        for c in found.boundary:
            if c.why == "equal cost":
                assert c.costs[0] == pytest.approx(c.costs[1], rel=2e-3)


def test_the_winner_changes_across_every_boundary(study, latency, chips):
    base = Scenario(study=study, limits=LIMITS)
    named = {c.label: c for c in chips}
    carried = [named[n] for n in sorted(set(latency.best_chips.ravel().tolist()))]
    for c in latency.boundary:
        if NEITHER in (c.left, c.right):
            continue
        won = []
        for factor in (0.97, 1.03):
            s = latency.y.applied(latency.x.applied(base, c.x * factor), c.y)
            cost = costs_of([s], carried)
            best = carried[int(np.argmin(cost[0]))]
            won.append(best.kind)
        assert won[0] == c.left or c.why == "step"
        assert won[1] == c.right or c.why == "step"


def test_the_cost_on_the_map_is_that_of_the_champion_at_its_best_deployment(study, price, chips):
    """Evaluated again from the chip alone, with the price put in by hand."""
    named = {c.label: c for c in chips}
    champion = named[price.best_chips[0, 0, 0]]
    own = chips_of_candidates(study, [champion])
    cheap = own.replace(price_usd=np.asarray([float(price.xs[0])]))
    (layout,) = best_layouts(study, deployment_problem(study, LIMITS), cheap, study.spec.tolerance)[1]
    m = one(study, cheap, **layout[0])
    assert price.costs[0, 0, 0] == pytest.approx(first(m.usd_per_token_per_s), rel=1e-12)


def test_an_assumption_at_its_own_value_changes_nothing(study, chips):
    base = Scenario(study=study, limits=LIMITS)
    some = chips[:12]
    for text in ("hbm cost", "wafer cost", "context", "stack/static-dataflow.sram_efficiency", "margin"):
        assumption = assumption_of(study, text, chips, "--x")
        cost = costs_of([base, assumption.applied(base, assumption.now)], some)
        np.testing.assert_allclose(cost[1], cost[0], rtol=1e-12)


def test_a_margin_divides_by_what_is_left_of_the_price(study, chips):
    base = Scenario(study=study, limits=LIMITS)
    made = [c for c in chips if c.branch][:8]
    cost = costs_of([base, replace(base, margins={"": 0.75})], made)
    np.testing.assert_allclose(cost[1], 4.0 * cost[0], rtol=1e-12)
    real = [c for c in chips if c.branch is None]
    cost = costs_of([base, replace(base, margins={"": 0.75})], real)
    np.testing.assert_array_equal(cost[0], cost[1])


def test_a_batch_that_is_asked_for_is_the_batch_of_every_deployment(study, chips):
    base = Scenario(study=study, limits=LIMITS, sizes={"batch": 8})
    cost = costs_of([base], chips[:5])
    grid = study_grid(study)
    only = grid.replace(batch=np.asarray([8.0]).reshape(1, 1, 1, 1))
    wanted = solve_on_grid(
        deployment_problem(study, LIMITS), chips_of_candidates(study, chips[:5]), only
    ).cost
    np.testing.assert_array_less(wanted * (1 - 1e-12), cost[0])  # the smallest system within the tolerance
    np.testing.assert_array_less(cost[0], wanted * (1 + study.spec.tolerance + 1e-12))


def test_stretches_of_a_row_cover_it_and_alternate(latency):
    for j in range(len(latency.ys)):
        parts = list(segments(latency, j))
        assert parts[0][0] == latency.xs[0]
        assert parts[-1][1] == latency.xs[-1]
        for a, b in pairwise(parts):
            assert a[1] == b[0]
            assert a[2] != b[2]


def test_the_answer_names_both_sides_and_the_value(price):
    (told,) = sentences(price)
    assert told.startswith("sram-only wins up to price of sram-only")
    assert "beyond others win" in told
    data = as_dict(price)
    assert data["boundary"][0]["why"] == "equal cost"
    assert len(list(points(price))) == 7


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hop latency", "places"),
        ("HBM cost", "places"),
        ("context length", "places"),
        ("electricity", "places"),
        ("technology.nodes.n5.scratchpad_area", "places"),
        ("tpot", "limits"),
        ("latency target", "limits"),
        ("batch", "sizes"),
        ("sram", "parameters"),
        ("hybrid.dram_stacks", "parameters"),
        ("margin", "margins"),
        ("gross margin", "margins"),
        ("h100-sxm.price", "prices"),
    ],
)
def test_every_kind_of_assumption_has_a_name(study, chips, text, kind):
    assumption = assumption_of(study, text, chips, "--x")
    assert assumption.kind == kind
    assert 0.0 <= assumption.low < assumption.high


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hop latensy", "did you mean 'hop_latency'"),
        ("hop latency=1 us", "expected a range such as"),
        ("hop latency=2 us..1 us", "expected 0 <= LOW < HIGH"),
        ("hop latency=1 GB..2 GB", "1 GB"),
        ("price", "whose price"),
        ("margin=0..1", "below 1"),
        ("stack/static-dataflow.sram_efficiency=0..1", "expected shares above 0 to 1, got '0..1'"),
        ("stack/static-dataflow.sram_efficiency=0.5..2", "expected shares above 0 to 1, got '0.5..2'"),
        ("stack/gpu-serving.exposed_share=0..1.5", "expected shares from 0 to 1, got '0..1.5'"),
        ("routing skew=1..4", "expected a number that this study has, got routing_skew"),
        ("draft acceptance=0..1", "expected a number that this study has, got draft_acceptance"),
    ],
)
def test_wrong_assumptions_are_told_with_what_was_expected(study, chips, text, words):
    with pytest.raises(SpecError) as error:
        assumption_of(study, text, chips, "--x")
    assert words in str(error.value)
    assert str(error.value).startswith("--x: ")


@pytest.mark.parametrize(
    ("x", "got"),
    [
        ("batch=0..100", "batch: expected whole numbers of at least 1, got '0..100'"),
        ("batch=1..3.5", "batch: expected whole numbers of at least 1, got '1..3.5'"),
        ("tp=0.5 .. 4", "tp: expected whole numbers of at least 1, got '0.5 .. 4'"),
        ("pp=0..1", "pp: expected whole numbers of at least 1"),
        ("dram_stacks=1..2.5", "dram_stacks: expected whole numbers of at least 0"),
    ],
)
def test_what_is_counted_has_whole_ends(study, chips, x, got):
    with pytest.raises(SpecError) as error:
        assumptions(study, chips, x, None)
    assert str(error.value).startswith(f"--x: {got}")
    with pytest.raises(SpecError, match=r"^--y: "):
        assumptions(study, chips, "hop latency", x)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("hop latency", "hop latency"),
        ("hop latency", "hop_latency=1 us..2 us"),
        ("batch", "batch size"),
        ("tpot", "latency target"),
        ("sram-only.price", "sram-only.price"),
        ("sram", "sram"),
    ],
)
def test_one_assumption_is_not_turned_twice(study, chips, x, y):
    with pytest.raises(SpecError, match=r"^--y: expected another assumption than --x"):
        assumptions(study, chips, x, y)


def test_two_assumptions_may_be_turned(study, chips):
    for x, y in (("batch=1..100", "tp=1..4"), ("sram-only.sram", "hybrid.sram")):
        across, upwards = assumptions(study, chips, x, y)
        assert across != upwards


def test_a_target_that_is_turned_is_not_held_as_well(dse_verb, stored):
    arguments = ("breakeven", stored[0], "--out", stored[1], "--x", "tpot=5 ms..50 ms", "--points", "2")
    dse_verb(*arguments, "--tpot", "20 ms").refused("--tpot: expected TPOT target held or turned, got both")


def test_sides_must_be_somebody(study, chips):
    x = assumption_of(study, "hop latency", chips, "--x")
    with pytest.raises(SpecError, match="expected a storage kind"):
        breakeven(study, chips, x, None, ("sram-only", "nothing"), LIMITS, (2, 1))
    with pytest.raises(SpecError, match="share no chip"):
        breakeven(study, chips, x, None, ("dram-only", "h100-sxm"), LIMITS, (2, 1))


def test_the_verb_answers_in_a_sentence_a_table_and_a_picture(dse_verb, stored):
    arguments = ("breakeven", stored[0], "--out", stored[1], "--x", "HBM cost", "--points", "4")
    said = dse_verb(*arguments, "--tpot", "50 ms", "--plot", "hbm.png")
    assert said.code == 0
    assert "Who wins" in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    assert "picture: hbm.png" in said.err
    data = dse_verb(*arguments, "--y", "context", "--format", "json", "--between", "sram-only,others").json
    assert data["x"]["unit"] == "USD/B"
    assert len(data["points"]) == 4 * 2
    dse_verb(*arguments, "--between", "sram-only").refused("expected two sides")


def test_an_assumption_that_moves_nothing_is_told_to(dse_verb, stored):
    arguments = ("breakeven", stored[0], "--out", stored[1], "--points", "2", "--between", "sram-only,others")
    idle = dse_verb(*arguments, "--x", "electricity=0.05 USD/kWh..0.5 USD/kWh")
    assert "has no effect here." in " ".join(idle.out.split())
    assert "has no effect" not in dse_verb(*arguments, "--x", "wafer cost").out


def test_a_lifetime_is_told_in_years():
    assert written_in(5 * 365.25 * 86400, "s") == "5.00 years"
    assert written_in(7 * 86400, "s") == "7.00 days"
    assert written_in(0.02, "s") == "20.0 ms"


def test_chips_of_one_kind_are_the_winner_against_the_others(study, chips):
    """Where no other kind is there to stop winning to, the best chip is one side."""
    alike = [c for c in chips if c.kind == "dram-only"][:4]
    x = assumption_of(study, "wafer cost", alike, "--x")
    found = breakeven(study, alike, x, None, None, LIMITS, (2, 1))
    assert found.sides[0] in {c.label for c in alike} and found.sides[1] == "others"
    with pytest.raises(SpecError, match="every chip here is dram-only; name one chip, such as --between"):
        breakeven(study, alike, x, None, ("dram-only", "others"), LIMITS, (2, 1))
