"""Uncertain numbers are drawn once for all designs; without a range nothing is uncertain."""

import numpy as np
import pytest

from dse.decide.candidates import of_baselines, of_front
from dse.decide.uncertain import contest, draws, robust_front, tornado, uncertain_facts
from dse.spec.base import Sourced, Spec
from dse.spec.resolved import resolve_study
from dse.spec.system import StackSpec

SAMPLES = 24


def without_ranges(study):
    """The same study on configs whose numbers have no range."""

    def narrowed(spec):
        if isinstance(spec, Sourced):
            return spec.model_copy(update={"low": None, "high": None})
        if isinstance(spec, dict):
            return {k: narrowed(v) for k, v in spec.items()}
        if isinstance(spec, Spec):
            fields = {n: narrowed(getattr(spec, n)) for n in type(spec).model_fields}
            if isinstance(spec, StackSpec):
                fields["interval"] = {}
            return spec.model_copy(update=fields)
        return spec

    catalog = study.setting.catalog.exchanging([narrowed(s) for s in study.configs.values()])
    return resolve_study(study.spec, study.path, catalog)


@pytest.fixture(scope="module")
def found(study, front):
    return robust_front(study, front, SAMPLES, 1)


def test_without_ranges_every_interval_has_no_width(study, front):
    sure = robust_front(without_ranges(study), front, 5, 1)
    goal = front.frame["usd_per_token_per_s"].to_numpy()
    for bound in (sure.low, sure.median, sure.high):
        np.testing.assert_allclose(bound, goal, rtol=1e-12)
    np.testing.assert_array_equal(sure.stays, 1.0)
    assert sure.numbers == 0


def test_intervals_are_in_order_and_shares_are_shares(found):
    assert (found.low <= found.median).all()
    assert (found.median <= found.high).all()
    assert ((found.stays >= 0.0) & (found.stays <= found.feasible) & (found.feasible <= 1.0)).all()
    assert found.numbers > 50


def test_the_same_seed_draws_the_same_and_another_does_not(study):
    assert draws(study, 3, 7) == draws(study, 3, 7)
    assert draws(study, 3, 7) != draws(study, 3, 8)


def test_every_number_is_drawn_inside_its_range(study):
    drawn = draws(study, 200, 1)
    for u in uncertain_facts(study):
        if u.low < u.high:
            values = np.asarray([d[u.fact.place] for d in drawn])
            assert values.min() >= u.low
            assert values.max() <= u.high
            mean = (u.low + u.fact.value + u.high) / 3.0  # of a triangle
            assert values.mean() == pytest.approx(mean, abs=5.0 * (u.high - u.low) / 4.0 / np.sqrt(200))


def test_the_times_of_a_calibrated_stack_are_stretched_by_one_factor(study):
    stack = study.setting.catalog.get(StackSpec, "gpu-serving")
    assert stack.interval["tpot"] > 1.0
    factors = []
    for drawn in draws(study, 400, 3):
        of_stack = {p.path: v for p, v in drawn.items() if p.config == "stack/gpu-serving"}
        f = of_stack["layer_overhead"] / stack.layer_overhead.value
        assert of_stack["dram_efficiency"] == pytest.approx(min(1.0, stack.dram_efficiency.value / f))
        factors.append(abs(np.log(f)))
    inside = np.mean(np.asarray(factors) <= np.log(stack.interval["tpot"]))
    assert inside == pytest.approx(0.8, abs=0.06)


def test_scaling_all_money_leaves_every_victory_and_scales_every_interval(study, front):
    """A victory is a ratio of dollars."""

    def dearer(spec, factor):
        from dse.spec.catalog import leaves
        from dse.spec.variation import unit_of_leaf

        def scaled(node, path=""):
            if isinstance(node, Sourced):
                if "USD" not in unit_of_leaf(node):
                    return node
                ends = {n: getattr(node, n) for n in ("value", "low", "high")}
                return node.model_copy(update={n: v * factor for n, v in ends.items() if v is not None})
            if isinstance(node, dict):
                return {k: scaled(v) for k, v in node.items()}
            if isinstance(node, Spec):
                return node.model_copy(update={n: scaled(getattr(node, n)) for n in type(node).model_fields})
            return node

        assert list(leaves(spec))
        return scaled(spec)

    key = "technology/technology-2026"
    catalog = study.setting.catalog.exchanging([dearer(study.configs[key], 7.0)])
    dear = resolve_study(study.spec, study.path, catalog)
    chips = [*of_front(study, front)[:6], *of_baselines(study)]
    one = contest(study, chips, {"tpot": 50e-3}, SAMPLES, 1)
    seven = contest(dear, chips, {"tpot": 50e-3}, SAMPLES, 1)
    np.testing.assert_allclose(seven.cost, 7.0 * one.cost, rtol=1e-9)
    np.testing.assert_array_equal(one.wins, seven.wins)


def test_victories_sum_to_the_drawings_in_which_somebody_is_feasible(study, front):
    chips = [*of_front(study, front)[:6], *of_baselines(study)]
    told = contest(study, chips, {"tpot": 50e-3}, SAMPLES, 1)
    assert told.wins.sum() == pytest.approx(np.isfinite(told.cost).any(axis=1).mean())


def test_a_tornado_is_sorted_and_its_ends_are_those_of_the_ranges(study, front):
    chip = of_front(study, front)[0]
    told = tornado(study, chip, {}, float(front.frame["usd_per_token_per_s"].iloc[0]))
    base = float(front.frame["usd_per_token_per_s"].iloc[0])
    widths = [s.width(base) for s in told]
    assert widths == sorted(widths, reverse=True)
    for s in told:
        assert s.low <= s.fact.value <= s.high


def test_the_verb_prints_probabilities_and_intervals(dse_verb, stored):
    ask = ("front", stored[0], "--out", stored[1], "--robust", "--samples", "8")
    said = dse_verb(*ask)
    assert said.code == 0
    assert "under 8 drawings" in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    rows = dse_verb(*ask, "--format", "json").json["front"]
    assert all(0.0 <= r["robust_stays"] <= r["robust_feasible"] <= 1.0 for r in rows)
    assert dse_verb(*ask, "--format", "csv").out.splitlines()[0].count("robust_") == 5
