"""Uncertain numbers are drawn once for all designs; without a range nothing is uncertain."""

import numpy as np
import pytest

from dse.decide.propose.candidates import from_rows, of_baselines, of_front
from dse.decide.uncertainty.monte_carlo import monte_carlo, tornado
from dse.decide.uncertainty.quantiles import limits_of_dies
from dse.decide.uncertainty.sampling import sample_numbers, split_normal, uncertain_numbers
from dse.errors import StaleResultsError
from dse.front.files import Front
from dse.front.tables import records
from dse.question.resolved_study import resolve_study
from dse.report.info.sampled_front import sample_front
from dse.report.words.answer import answer
from dse.spec.schema.base import Sourced, Spec
from dse.spec.schema.system import StackSpec

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

    catalog = study.setting.catalog.with_overrides([narrowed(s) for s in study.configs.values()])
    return resolve_study(study.spec, study.path, catalog)


@pytest.fixture(scope="module")
def found(study, front):
    return sample_front(study, front, SAMPLES, 1)


def test_without_ranges_every_interval_has_no_width(study, front):
    sure = sample_front(without_ranges(study), front, 5, 1)
    goal = front.frame["usd_per_token_per_s"].to_numpy()
    for bound in ("p10", "p50", "p90"):
        np.testing.assert_allclose(sure.front.frame[bound], goal, rtol=1e-12)
        tpot = sure.front.frame["tpot_s"].to_numpy()
        np.testing.assert_allclose(sure.front.frame[f"tpot_s_{bound}"], tpot, rtol=1e-12)
    np.testing.assert_array_equal(sure.front.frame["probability_best"], 1.0)
    np.testing.assert_array_equal(sure.front.frame["probability_meets_target"], 1.0)
    assert sure.drawn.numbers == 0


def test_at_least_95_of_100_designs_lie_inside_their_own_interval(study, front):
    """The median of every number is its value, so a design at the values is no edge of its drawings."""
    rows = sample_front(study, front, 48, 1).front.frame
    goal = rows["usd_per_token_per_s"]
    assert ((rows["p10"] <= goal) & (goal <= rows["p90"])).mean() >= 0.95
    tpot = rows["tpot_s"]
    assert ((rows["tpot_s_p10"] <= tpot) & (tpot <= rows["tpot_s_p90"])).mean() >= 0.95


def test_intervals_are_in_order_and_shares_are_shares(found):
    rows = found.front.frame
    assert (rows["p10"] <= rows["p50"]).all()
    assert (rows["p50"] <= rows["p90"]).all()
    best, meets = rows["probability_best"], rows["probability_meets_target"]
    assert ((best >= 0.0) & (best <= meets) & (meets <= 1.0)).all()
    assert found.drawn.numbers > 50


def test_at_each_target_the_chances_to_be_best_sum_to_the_chance_that_one_meets_it(front, found):
    told = found.with_spreads(answer(front))
    for i, best in enumerate(told.best):
        rows = [best, *(rows[i] for rows in told.rivals.values())]
        shares = [r["probability_best"] for r in rows if r["found"]]
        meets = [r["probability_meets_target"] for r in rows if r["found"]]
        assert max(meets, default=0.0) <= sum(shares) + 1e-12 <= min(1.0, sum(meets)) + 1e-12
        assert all(r["p50"] is None for r in rows if not r["found"])


def test_figures_of_another_study_get_no_interval(study, front):
    other = front.frame.assign(usd_per_token_per_s=1.01 * front.frame["usd_per_token_per_s"])
    with pytest.raises(StaleResultsError, match="is stored as"):
        sample_front(study, Front(other, front.baselines, front.axes, front.manifest), 2, 1)


def test_the_same_seed_draws_the_same_and_another_does_not(study):
    assert sample_numbers(study, 3, 7) == sample_numbers(study, 3, 7)
    assert sample_numbers(study, 3, 7) != sample_numbers(study, 3, 8)


def test_half_of_the_drawings_lie_on_either_side_of_a_value_and_a_tenth_beyond_each_end(study):
    sampled = sample_numbers(study, 200, 1)
    for u in uncertain_numbers(study):
        values = np.asarray([d[u.fact.place] for d in sampled])
        assert (values <= u.fact.value).sum() >= 100 and (values >= u.fact.value).sum() >= 100, u.fact.place
        if u.low < u.fact.value:
            assert (values < u.low).sum() == (20 if u.low > 0.0 else 0), u.fact.place
        if u.fact.value < u.high < u.fact.most:
            assert (values > u.high).sum() == 20, u.fact.place
        assert values.max() <= u.fact.most and values.min() >= 0.0


def test_a_number_is_log_normal_on_either_side_of_its_value():
    """By hand: one quantile step up is value x high / value, two are the square of that; down likewise."""
    z = 1.2815515655446004 * np.asarray([-2.0, -1.0, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(split_normal(z, 2.0, 4.0, 5.0), [1.0, 2.0, 4.0, 5.0, 6.25])
    np.testing.assert_allclose(split_normal(z, 0.4, 0.8, 0.9, 1.0), [0.2, 0.4, 0.8, 0.9, 1.0])
    np.testing.assert_allclose(split_normal(z, 0.0, 4.0, 5.0), [0.0, 0.0, 4.0, 5.0, 6.25], atol=1e-12)
    np.testing.assert_allclose(split_normal(z, 4.0, 4.0, 5.0), [4.0, 4.0, 4.0, 5.0, 6.25])


def test_the_times_of_a_calibrated_stack_are_stretched_by_one_factor(study):
    stack = study.setting.catalog.get(StackSpec, "gpu-serving")
    assert stack.interval["tpot"] > 1.0
    factors = []
    for sampled in sample_numbers(study, 100, 3):
        of_stack = {p.path: v for p, v in sampled.items() if p.config == "stack/gpu-serving"}
        f = of_stack["layer_overhead"] / stack.layer_overhead.value
        assert of_stack["dram_efficiency"] == pytest.approx(min(1.0, stack.dram_efficiency.value / f))
        assert of_stack["prompt_overhead"] == pytest.approx(f * stack.prompt_overhead.value)
        factors.append(abs(np.log(f)))
    inside = np.mean(np.asarray(factors) <= np.log(stack.interval["tpot"]))
    assert inside == pytest.approx(0.8, abs=0.01)


def test_scaling_all_money_leaves_every_victory_and_scales_every_interval(study, front):
    """A victory is a ratio of dollars."""

    def dearer(spec, factor):
        from dse.question.variation import unit_of_leaf
        from dse.spec.schema.base import sourced_values

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

        assert list(sourced_values(spec))
        return scaled(spec)

    key = "technology/technology-2026"
    catalog = study.setting.catalog.with_overrides([dearer(study.configs[key], 7.0)])
    dear = resolve_study(study.spec, study.path, catalog)
    chips = [*of_front(study, front)[:6], *of_baselines(study)]
    one = monte_carlo(study, chips, {"tpot": 50e-3}, SAMPLES, 1)
    seven = monte_carlo(dear, chips, {"tpot": 50e-3}, SAMPLES, 1)
    np.testing.assert_allclose(seven.cost, 7.0 * one.cost, rtol=1e-9)
    np.testing.assert_array_equal(one.wins, seven.wins)


def test_victories_sum_to_the_drawings_in_which_somebody_is_feasible(study, front):
    chips = [*of_front(study, front)[:6], *of_baselines(study)]
    told = monte_carlo(study, chips, {"tpot": 50e-3}, SAMPLES, 1)
    assert told.wins.sum() == pytest.approx(np.isfinite(told.cost).any(axis=1).mean())


def test_a_tornado_is_sorted_and_its_ends_are_those_of_the_ranges(study, front):
    chip = of_front(study, front)[0]
    told = tornado(study, chip, {}, float(front.frame["usd_per_token_per_s"].iloc[0]))
    base = float(front.frame["usd_per_token_per_s"].iloc[0])
    widths = [s.width(base) for s in told]
    assert widths == sorted(widths, reverse=True)
    for s in told:
        assert s.low <= s.fact.value <= s.high


def test_front_and_run_print_intervals_and_chances_unless_they_are_left_out(dse_verb, stored):
    problem = ("front", stored[0], "--out", stored[1])
    said = dse_verb(*problem, "--samples", "8")
    assert said.code == 0
    assert "8 samples of" in said.out and "Uncertainty of $/(token/s)" in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    told = dse_verb(*problem, "--samples", "8", "--format", "json").json
    names = ("p10", "p50", "p90", "probability_best", "probability_meets_target")
    assert told["samples"] == 8
    assert all(set(names) <= set(row) for row in (*told["front"], *told["best"]))
    head = dse_verb(*problem, "--samples", "4", "--format", "csv").out.split("\n")[0]
    assert set(names) <= set(head.split(","))
    bare = dse_verb(*problem, "--no-intervals")
    assert "drawings" not in bare.out and "P90" not in bare.out
    assert "p90" not in dse_verb(*problem, "--no-intervals", "--format", "csv").out
    ran = dse_verb("run", stored[0], "--out", stored[1], "--samples", "8", "-q")
    assert ran.code == 0 and "8 samples of" in ran.out


def test_drawn_constants_push_no_die_over_the_limits_that_it_was_designed_to(study, front):
    """What is left of a die is no number to draw: at least half of the drawings refuse no typical design."""
    chips = from_rows(study, [r for r in records(front.frame) if r["role"] == "search"])
    held = limits_of_dies(study, chips)
    excess = {"area_excess_m2", "dram_stacks_excess", "link_excess", "cooling_excess_w"}
    assert set(held) == excess | {"power_density_excess"}
    assert all((column <= 0.0).all() for column in held.values())
    meets = sample_front(study, front, 16, 1).front.frame["probability_meets_target"]
    assert meets[front.frame["role"] == "search"].median() >= 0.5
