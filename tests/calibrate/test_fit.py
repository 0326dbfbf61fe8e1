"""A fit finds the numbers that made the rows, tells what rows leave open, and is the same every time."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from dse.calibrate.calibration import FEWEST, calibrate, choose, described
from dse.calibrate.fit import Fit, fit
from dse.calibrate.left_out import folds, independent, interval
from dse.calibrate.parameters import DATAFLOW, PARAMETERS, Prior, Table, fields, prior, startable, vector
from dse.calibrate.pool import centre_of, pool, without
from dse.calibrate.residuals import Rows
from dse.errors import SpecError
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case
from dse.validate.measured.rows import find_table, read_rows

CATALOG = Catalog()
MODEL = cost_model("roofline")
PUBLISHED = CATALOG.get(StackSpec, "gpu-published")
PRIOR = prior(PUBLISHED, PUBLISHED)
LOOSE = Prior(centre=PRIOR.centre, spread=10.0 * PRIOR.spread)

TRUTH = {
    "compute_efficiency": 0.6,
    "core_efficiency": 0.35,
    "decode_core_efficiency": 0.3,
    "expert_efficiency": 0.7,
    "dram_efficiency": 0.85,
    "kv_efficiency": 0.55,
    "link_efficiency": 0.35,
    "all_to_all_efficiency": 0.25,
    "layer_overhead": 3e-5,
    "prompt_overhead": 6e-5,
    "expert_overhead": 5e-5,
    "activation_passes": 3.0,
    "exposed_share": 0.3,
    "step_overhead": 9e-4,
    "sequence_overhead": 2.5e-5,
    "collective_overhead": 2e-5,
    "request_overhead": 0.06,
    "burst": 0.4,
}
"""Numbers of a stack that nobody has; each one to two spreads from where the fit starts."""

SCATTER = 0.05
"""Relative spread of what two laboratories measure."""


@cache
def cases(stack: str = "nim", every: int = 1) -> tuple[Case, ...]:
    rows = read_rows(find_table("published", CATALOG))
    return tuple(choose(rows, CATALOG, CATALOG.get(StackSpec, stack), "AB")[0][::every])


def made(given: tuple[Case, ...], scatter: float = 0.0) -> Rows:
    """The same runs, their values made by the cost model from `TRUTH`, scattered."""
    random = np.random.default_rng(7)
    off = Rows.of(MODEL, given, CATALOG).errors(vector(TRUTH))[0]
    noise = scatter * random.standard_normal(len(off))
    values = [c.row.value * np.exp(e + n) for c, e, n in zip(given, off, noise, strict=True)]
    moved = [replace(c, row=replace(c.row, value=float(v))) for c, v in zip(given, values, strict=True)]
    return Rows.of(MODEL, moved, CATALOG)


def both() -> tuple[Case, ...]:
    """Rows under load and of fixed batches, dense LLMs and mixtures of experts."""
    return (*cases("nim"), *cases("trtllm-serve", 2), *cases("trtllm-static", 2))


@cache
def fitted() -> Fit:
    rows = made(both())
    return fit(rows, LOOSE, weights=np.ones(len(rows.cases)))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_fit_finds_the_numbers_that_made_the_rows(name: str) -> None:
    told = fitted().freedom[list(PARAMETERS).index(name)]
    assert told < 0.5  # the rows say more than the prior, which is left loose
    assert fitted().values[name] == pytest.approx(TRUTH[name], rel=0.05)


def test_scattered_rows_leave_an_interval_that_holds_the_truth() -> None:
    rows = made(both(), SCATTER)
    found = fit(rows, LOOSE, weights=np.ones(len(rows.cases)))
    low, high = found.bounds(3.0)
    inside = [name for name in PARAMETERS if low[name] <= TRUTH[name] <= high[name]]
    assert len(inside) >= len(PARAMETERS) - 1
    assert np.median(np.abs(found.errors)) == pytest.approx(0.6745 * SCATTER, rel=0.25)


def test_rows_that_no_stack_explains_hardly_move_a_fit() -> None:
    rows = made(both())
    spoilt = replace(rows, measured=np.where(np.arange(len(rows.cases)) % 10, 1.0, 4.0) * rows.measured)
    found = fit(spoilt, LOOSE, weights=np.ones(len(rows.cases)))
    assert found.values["dram_efficiency"] == pytest.approx(TRUTH["dram_efficiency"], rel=0.1)


def test_a_fit_is_the_same_every_time() -> None:
    rows = Rows.of(MODEL, cases("fastertransformer"), CATALOG)
    one, two = fit(rows, PRIOR), fit(rows, PRIOR)
    assert one.values == two.values
    assert np.array_equal(one.covariance, two.covariance)


def test_many_points_at_once_are_as_each_alone() -> None:
    rows = Rows.of(MODEL, cases("nim"), CATALOG)
    points = np.stack([PRIOR.centre, vector(TRUTH)])
    together = rows.errors(points)
    for point, errors in zip(points, together, strict=True):
        np.testing.assert_allclose(rows.errors(point)[0], errors, rtol=1e-12, atol=1e-12)


def test_without_rows_a_fit_is_what_was_expected() -> None:
    rows = Rows.of(MODEL, cases("fastertransformer"), CATALOG)
    found = fit(rows, PRIOR, weights=np.zeros(len(rows.cases)))
    np.testing.assert_allclose(found.x, PRIOR.centre, atol=1e-9)
    np.testing.assert_allclose(found.freedom, 1.0)


def test_a_number_that_no_row_depends_on_stays_where_it_was_and_says_so() -> None:
    static = cases("fastertransformer")  # fixed batches: nobody waits, no request arrives
    spec = CATALOG.get(StackSpec, "fastertransformer")
    found = calibrate(MODEL, static, CATALOG, spec, PUBLISHED, method="in-sample").profile.leaves
    for name in ("burst", "request_overhead"):
        assert found[name].value == getattr(PUBLISHED, name).value
        assert found[name].basis == "assumption"
        assert "rows say nothing" in (found[name].note or "")
    assert found["compute_efficiency"].basis == "derived"


def test_stacks_of_a_pool_lean_on_each_other_and_an_unknown_one_on_all() -> None:
    rows = {"one": made(cases("nim")), "two": made(cases("trtllm-static"))}
    found = pool(rows, PRIOR, ("one", "two"))
    truth = vector(TRUTH)
    for name in ("dram_efficiency", "layer_overhead"):  # both say the same, so the centre moves towards it
        i = list(PARAMETERS).index(name)
        assert abs(found.centre.centre[i] - truth[i]) < abs(PRIOR.centre[i] - truth[i])
    gone = without(found, {"one": np.zeros(len(rows["one"].cases))})
    np.testing.assert_allclose(gone.centre.centre, centre_of({"two": found.fits["two"]}, PRIOR).centre)


@pytest.mark.parametrize(("table", "name"), [(t, n) for t in (PARAMETERS, DATAFLOW) for n in t])
def test_no_fitted_number_of_a_bundled_stack_leaves_what_makes_sense(table: Table, name: str) -> None:
    i = list(table).index(name)
    dataflow = CATALOG.get(StackSpec, "dataflow-published")
    expected = PRIOR if table is PARAMETERS else prior(dataflow, dataflow, DATAFLOW)
    for stack in CATALOG.all(StackSpec).values():
        # a vendor's stack is one of dataflow chips
        if stack.estimate == "calibrated" and bool(stack.vendors) == (table is DATAFLOW):
            x = table[name].inward(float(getattr(stack, name).value))
            assert abs(x - expected.centre[i]) <= 6.0 * expected.spread[i], stack.name


def test_too_few_rows_are_refused_with_both_counts() -> None:
    few = cases("fastertransformer")[: FEWEST - 1]
    spec = CATALOG.get(StackSpec, "fastertransformer")
    with pytest.raises(SpecError, match=f"at least {FEWEST} rows .* got {FEWEST - 1}"):
        calibrate(MODEL, few, CATALOG, spec, spec)


def test_a_few_rows_lean_on_the_start_and_more_of_them_less() -> None:
    spec = CATALOG.get(StackSpec, "fastertransformer")
    three, all_ = (
        calibrate(MODEL, given, CATALOG, spec, PUBLISHED, method="in-sample")
        for given in (cases("fastertransformer")[:3], cases("fastertransformer"))
    )
    # number by number few rows may say more of one, where they lead to another point; never of all
    assert all(0.0 <= share <= 1.0 for share in three.determined.values())
    assert sum(three.determined.values()) < 0.5 * sum(all_.determined.values())
    assert max(all_.determined.values()) > 0.8
    assert not three.failures() and not all_.failures()
    # of a mean weighted by precision, the share of the rows is what their variance took away
    fitted_alone = fit(Rows.of(MODEL, cases("fastertransformer"), CATALOG), prior(PUBLISHED, PUBLISHED))
    for name, freedom in zip(PARAMETERS, fitted_alone.freedom, strict=True):
        assert all_.determined[name] == pytest.approx(1.0 - freedom**2, abs=1e-6)


def test_what_rows_leave_open_is_said_in_the_note_of_a_number() -> None:
    spec = CATALOG.get(StackSpec, "fastertransformer")
    found = calibrate(MODEL, cases("fastertransformer")[:3], CATALOG, spec, PUBLISHED, method="in-sample")
    notes = {name: found.profile.leaves[name].note or "" for name in PARAMETERS}
    for name, leaf in found.profile.leaves.items():
        if leaf.basis == "derived":
            assert (
                f"which determine {found.determined[name]:.0%} of it, gpu-published the rest" in notes[name]
            )
    assert "published-measurements" not in found.profile.yaml()
    assert "rows of fastertransformer" in found.profile.notes


def test_a_fit_that_misses_its_rows_is_none_and_so_is_one_of_impossible_numbers() -> None:
    spec, given = CATALOG.get(StackSpec, "fastertransformer"), cases("fastertransformer", 4)

    def scaled(odd: float, even: float) -> list[str]:
        off = (odd, even)
        rows = [replace(c, row=replace(c.row, value=c.row.value * off[i % 2])) for i, c in enumerate(given)]
        return calibrate(MODEL, rows, CATALOG, spec, PUBLISHED, method="in-sample").failures()

    assert scaled(1.0, 1.0) == []
    assert any("expected a median error of at most a factor of 2" in why for why in scaled(30.0, 1.0 / 30.0))
    assert any("are the values in the unit of their metric?" in why for why in scaled(1e3, 1e3))


def test_scales_lead_to_the_line_and_back() -> None:
    assert fields(vector(TRUTH)) == pytest.approx(TRUTH)


def test_no_group_is_in_two_folds_and_every_row_is_in_one() -> None:
    groups = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + ["d"]
    parts = folds(groups, 3)
    assert sorted(i for part in parts for i in part) == list(range(len(groups)))
    homes = [{groups[i] for i in part} for part in parts]
    assert sorted(g for home in homes for g in home) == ["a", "b", "c", "d"]
    assert parts == folds(groups, 3)


def test_the_interval_holds_eighty_per_cent_of_the_rows_left_out() -> None:
    given = [c for c in cases() if c.row.metric == "ttft_ms"]
    errors = np.linspace(-0.5, 0.5, len(given))
    groups = [f"group {i % 6}" for i in range(len(given))]  # alike, so that every row counts
    factor, unseen = interval(given, 0.0 * errors, errors, groups)["ttft"]
    assert unseen
    assert np.mean(np.abs(errors) <= np.log(factor)) == pytest.approx(0.8, abs=0.04)


def test_rows_that_repeat_one_another_count_once() -> None:
    names = [f"group {i // 10}" for i in range(60)]
    same = np.repeat([0.1, 0.4, 0.2, 0.9, 0.6, 0.3], 10)
    assert independent(same, names) == pytest.approx(6.0)
    alike = np.tile(np.linspace(0.0, 1.0, 10), 6)
    assert independent(alike, names) == pytest.approx(60.0)
    half = same + alike
    assert 6.0 < independent(half, names) < 60.0


def test_without_rows_left_out_the_interval_is_that_of_fitted_rows_widened() -> None:
    given = [c for c in cases() if c.row.metric == "ttft_ms"]
    errors = np.full(len(given), 0.2)
    factor, unseen = interval(given, errors, np.full(len(given), np.nan), ["one"] * len(given))["ttft"]
    assert not unseen
    assert np.log(factor) == pytest.approx(1.3 * 0.2)


def test_wrong_names_expressions_and_classes_are_told_at_once() -> None:
    start = CATALOG.get(StackSpec, "gpu-published")
    with pytest.raises(SpecError) as caught:
        described(CATALOG, "Not A Name", start, ["(unclosed"], ["datacenter-gpu"])
    told = "\n".join(str(p) for p in caught.value.problems)
    for word in ("--stack", "--engine", "--class", "'datacentre-gpu'"):
        assert word in told


def test_numbers_that_a_start_leaves_out_are_what_they_then_mean() -> None:
    """Without a share of its own decode has that of prompts, and an all-to-all that of links."""
    start = CATALOG.get(StackSpec, "gpu-published")
    bare = start.model_copy(update={"decode_core_efficiency": None, "all_to_all_efficiency": None})
    filled = startable(bare)
    assert filled.decode_core_efficiency is not None
    assert filled.decode_core_efficiency.value == start.core_efficiency.value
    assert filled.all_to_all_efficiency is not None
    assert filled.all_to_all_efficiency.value == start.link_efficiency.value
    assert np.isfinite(prior(filled, start).centre).all()
    assert startable(start) == start
    # 1 is what a stack without it has, which is the end of the range
    with pytest.raises(SpecError, match="with expert_efficiency not stated"):
        startable(start.model_copy(update={"expert_efficiency": None}))
