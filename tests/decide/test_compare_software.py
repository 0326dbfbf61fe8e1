"""Winners of a comparison under three softwares, within one basis of prices, of anchored chips."""

import numpy as np
import pytest

from dse.decide.compare.chip_settings import by_chip
from dse.decide.compare.chips import compare
from dse.decide.compare.evaluated_chip import evaluate_chip
from dse.decide.verdict.by_software import dependence, flip_of, verdicts_from
from dse.errors import SpecError
from dse.evaluate.subject import Subject

ASKED = {"llm": "llama2-70b", "workload": "article", "weights": "int8", "batch": 64}
TOP = 241e-6


def test_two_lines_that_cross_flip_where_they_cross():
    # 1 USD for ever against 0.5 USD and a cent a microsecond: equal at 50 us
    found = flip_of(lambda t: np.stack([1.0 + 0 * t, 0.5 + t * 1e4], axis=1), ["a", "b"], TOP)
    assert found.layer_s == pytest.approx(50e-6, abs=TOP / 8**4)
    assert (found.below, found.above) == ("b", "a")


def test_lines_that_never_cross_do_not_flip_and_that_is_said():
    assert flip_of(lambda t: np.stack([1.0 + t, 2.0 + t], axis=1), ["a", "b"], TOP) is None
    told = dependence(5e-3, "unit cost", [("a", None), ("b", None), ("a", None)], None, TOP)
    assert not told.holds
    assert "does not flip from 0 to 241 us a layer alone" in told.sentence


def test_a_winner_that_another_equals_within_the_tolerance_does_not_hold():
    told = dependence(5e-3, "unit cost", [("a", None), ("a", "b"), ("a", None)], None, TOP)
    assert not told.holds
    assert "a leads under all three" in told.sentence and "a and b alike when equal" in told.sentence


def test_a_target_out_of_reach_is_a_flip_to_nobody():
    found = flip_of(lambda t: np.where(t < 30e-6, 1.0, np.inf)[:, None], ["a"], TOP)
    assert found.layer_s == pytest.approx(30e-6, abs=TOP / 8**4)
    assert found.above is None


def test_time_laid_on_every_layer_adds_up_to_tpot_by_hand():
    # 80 layers of LLaMA-2 70B, one stage: TPOT grows by 80 times what is laid on a layer
    subject = Subject(
        "h100", "llama2-70b", "article", weights="int8", price_method="unit-cost", software="ideal"
    )
    one = evaluate_chip(subject, {"batch": 8, "tp": 8, "pp": 1, "ep": None})
    base = one.flat(one.metrics.tpot_s)[0]
    tight = base + 80 * 10e-6
    costs = one.costs_over(np.asarray([0.0, 9.99e-6, 10.01e-6]), float(tight))
    assert np.isfinite(costs).tolist() == [True, True, False]
    assert costs[1] / costs[0] == pytest.approx((base + 80 * 9.99e-6) / base, rel=1e-9)


@pytest.fixture(scope="module")
def found():
    return compare(["h100", "b200", "tpu-v7", "trainium2"], targets=[20e-3, 100e-3], **ASKED)


def test_every_target_has_a_verdict_under_each_software(found):
    keys = [(v.basis, v.target, v.software) for v in found.verdicts.verdicts]
    assert len(keys) == len(set(keys)) == len(found.groups) * 2 * 3
    assert verdicts_from(found.as_dict()) == found.verdicts


def test_the_verdict_as_sold_is_the_winner_of_the_table(found):
    for v in found.verdicts.verdicts:
        if v.software == "as-sold":
            i = found.targets.index(v.target)
            assert v.winner == found.winner(i, v.basis)
            if v.winner:
                (cost,) = [e.metrics["usd_per_token_per_s"] for c, e in found.ranked(i, v.basis)][:1]
                assert v.value == pytest.approx(cost)
                assert v.low <= v.value <= v.high


def test_no_losses_never_cost_more_than_the_software_that_is_sold(found):
    told = {(v.basis, v.target, v.software): v.value for v in found.verdicts.verdicts}
    for (basis, target, software), value in told.items():
        if software == "ideal" and told[basis, target, "as-sold"] is not None:
            assert value <= told[basis, target, "as-sold"] * 1.01  # within 1 % the smaller system is taken


def test_prices_of_another_basis_never_rank_against_each_other(found):
    assert found.groups[0] == "list and street prices"
    assert {c.chip: c.basis for c in found.chips}["tpu-v7"] == "maker-cost"
    # no row is of a chip of its vendor, so it is ranked where that is asked for, and against its basis alone
    assert not found.ranked(1, "cost to the maker")
    opened = compare(["h100", "tpu-v7"], targets=[50e-3], with_unanchored=True, **ASKED)
    assert {c.chip for c, _ in opened.ranked(0, "cost to the maker")} == {"tpu-v7"}
    assert {c.chip for c, _ in opened.ranked(0, opened.groups[0])} == {"h100-sxm"}
    with pytest.raises(ValueError, match="expected one of"):
        found.winner(0)


def test_an_unanchored_chip_wins_nothing_unless_it_is_asked_for():
    options = {
        "targets": [50e-3],
        **ASKED,
        "batch": 8,
        "stack": "gpu-published",
    }  # of no class, not calibrated
    alone, opened = (compare(["wse-3"], with_unanchored=w, **options) for w in (False, True))
    assert alone.winner(0) is None
    assert opened.winner(0) == "wse-3"
    assert alone.as_dict()["unanchored"][0]["chip"] == "wse-3"
    assert {v.winner for v in alone.verdicts.verdicts} == {None}
    assert {v.winner for v in opened.verdicts.verdicts} == {"wse-3"}


def test_a_chip_that_lacks_a_figure_leaves_its_row_empty_with_the_reason():
    got = compare(["h100", "a10"], targets=[50e-3], **ASKED)  # of an A10 neither price nor node is known
    gaps = {c.chip: c.gap for c in got.chips}
    assert gaps["h100-sxm"] is None
    assert "give --set a10.price=" in gaps["a10"]
    assert got.winner(0) == "h100-sxm"
    priced = compare(["h100", "a10"], targets=[200e-3], settings={"a10.price": "3000 USD"}, **ASKED)
    assert {c.chip: c.basis for c in priced.chips} == {"h100-sxm": "street", "a10": "set"}
    with pytest.raises(SpecError, match="price"):
        compare(["a10"], targets=[50e-3], **ASKED)


def test_a_chip_that_fits_and_is_late_is_not_said_to_fit_nowhere():
    # 8e9 parameters fit one H100; a prompt of 200,000 tokens takes 8e9 x 2 x 2e5 / 1e15 s, above 2 s
    got = compare(
        ["h100"],
        "llama3.1-8b",
        "chat",
        weights="fp16",
        batch=1,
        tp=1,
        pp=1,
        targets=[0.2],
        settings={"isl": "200000 token"},
    )
    obstacle = got.chips[0].obstacle
    assert obstacle is not None
    assert obstacle.fits
    assert set(obstacle.exceeds) == {"ttft"}
    small = compare(["h100"], "llama2-70b", "chat", weights="fp16", batch=1, tp=1, pp=1, targets=[0.2])
    assert not small.chips[0].obstacle.fits
    # 69.0e9 parameters of two bytes in 81,559 MiB, of which nine tenths may be used
    lacks = small.chips[0].obstacle.exceeds["capacity"]
    assert lacks == pytest.approx(2 * 68.98e9 - 0.9 * 81_559 * 2**20, rel=0.01)


CHIPS = {"h100": "h100-sxm", "b200": "b200-sxm"}


def test_a_price_is_set_for_one_chip_by_its_name():
    own = by_chip({"h100.price": "25 kUSD", "b200-sxm.power": "900 W", "hop_latency": "1 us"}, CHIPS)
    assert own["h100-sxm"] == {"price": "25 kUSD", "hop_latency": "1 us"}
    assert own["b200-sxm"] == {"power": "900 W", "hop_latency": "1 us"}


def test_a_price_of_nobody_is_refused_where_several_are_compared():
    with pytest.raises(SpecError, match=r"expected whose price, such as h100\.price, got one for 2 chips"):
        by_chip({"price": "25 kUSD"}, CHIPS)
    assert by_chip({"price": "25 kUSD"}, {"h100": "h100-sxm"}) == {"h100-sxm": {"price": "25 kUSD"}}


def test_what_is_set_for_a_chip_binds_before_what_is_set_for_all():
    own = by_chip({"power": "800 W", "h100.power": "500 W"}, CHIPS)
    assert own == {"h100-sxm": {"power": "500 W"}, "b200-sxm": {"power": "800 W"}}
