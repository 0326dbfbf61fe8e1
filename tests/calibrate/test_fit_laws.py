"""A fit on made-up rows whose errors are straight lines, so that linear algebra has the answer."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.calibrate.fit import SOFT, Fit, fit
from dse.calibrate.left_out import folds, left_out
from dse.calibrate.parameters import DATAFLOW, PARAMETERS, Parameter, Prior, columns, fields, vector
from dse.calibrate.pool import FAR, centre_of, pool, without
from dse.calibrate.residuals import ENOUGH, Rows

TABLE = {
    "first": Parameter(column="first_s", scale="positive", unit="s", shared=True),
    "second": Parameter(column="second", scale="share", unit="", shared=True),
}
CENTRE, SPREAD = np.array([0.4, -0.3]), np.array([0.5, 2.0])
PRIOR = Prior(centre=CENTRE, spread=SPREAD)
SCATTER = 0.1


@dataclass(frozen=True)
class Lines:
    """Rows whose errors are `slopes @ x - offsets`; the interface of `Rows` that a fit uses."""

    slopes: np.ndarray
    offsets: np.ndarray
    table: Any = None
    architectures: tuple[str | None, ...] = ()
    shift: Any = 0.0

    @property
    def cases(self) -> tuple[Any, ...]:
        names = self.architectures or (None,) * len(self.offsets)
        chips = [SimpleNamespace(architecture=name) for name in names]
        every = zip(chips, self.slopes, self.offsets, strict=True)
        return tuple(SimpleNamespace(chip=c, row=(s, o)) for c, s, o in every)

    @property
    def scatter(self) -> np.ndarray:
        return np.full(len(self.offsets), SCATTER)

    def errors(self, points: np.ndarray) -> np.ndarray:
        moved = np.sum(np.broadcast_to(self.shift, self.slopes.shape) * self.slopes, axis=1)
        return np.asarray(np.atleast_2d(points) @ self.slopes.T + moved - self.offsets)

    def shifted(self, points: dict[str, np.ndarray], names: list[str]) -> "Lines":
        return replace(self, shift=np.array([points.get(name, np.zeros(2)) for name in names]))

    def of_others(self, cases: list[Any]) -> "Lines":
        slopes, offsets = (np.array([c.row[i] for c in cases]) for i in (0, 1))
        return Lines(slopes, offsets, self.table, tuple(c.chip.architecture for c in cases))

    weights = Rows.weights


def lines(seed: int, rows: int = 12, noise: float = 0.0) -> Any:
    """Rows that the point (0.6, 0.1) explains but for `noise`."""
    rng = np.random.default_rng(seed)
    slopes = rng.normal(size=(rows, 2))
    return Lines(slopes, slopes @ np.array([0.6, 0.1]) + noise * rng.normal(size=rows), TABLE)


def ridge(rows: Any, prior: Prior, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares with the prior as one more observation of each number, and its covariance."""
    scaled = rows.slopes * (np.sqrt(weight) / SCATTER)[:, None]
    hessian = scaled.T @ scaled + np.diag(prior.spread**-2.0)
    right = scaled.T @ (rows.offsets * np.sqrt(weight) / SCATTER) + prior.centre / prior.spread**2
    return np.linalg.solve(hessian, right), np.linalg.inv(hessian)


@pytest.mark.parametrize("seed", range(4))
def test_small_errors_are_fitted_by_least_squares_with_the_prior_as_observations(seed: int) -> None:
    rows = lines(seed, noise=0.001)  # a hundredth of the scatter: the robust loss is a square there
    # a prior that is far off would make the errors large, hence loose
    loose = Prior(centre=CENTRE, spread=100.0 * SPREAD)
    weight = np.ones(12)
    x, covariance = ridge(rows, loose, weight)
    found = fit(rows, loose, weight)
    np.testing.assert_allclose(found.x, x, atol=1e-4)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-3)
    np.testing.assert_allclose(found.freedom, np.sqrt(np.diag(covariance)) / loose.spread, rtol=1e-3)
    np.testing.assert_allclose(found.errors, rows.slopes @ found.x - rows.offsets, atol=1e-12)


def test_where_a_fit_ends_no_small_step_lowers_its_cost() -> None:
    rows = lines(3, noise=0.3)
    weight = np.linspace(0.5, 1.5, 12)

    def cost(x: np.ndarray) -> float:
        z = rows.errors(x)[0] / SCATTER / SOFT
        charbonnier = 2.0 * SOFT**2 * (np.sqrt(1.0 + z * z) - 1.0)
        return float(weight @ charbonnier + np.sum(((x - CENTRE) / SPREAD) ** 2))

    found = fit(rows, PRIOR, weight)
    here = cost(found.x)
    for direction in np.random.default_rng(0).normal(size=(40, 2)):
        assert cost(found.x + 0.02 * direction / np.linalg.norm(direction)) > here - 1e-4
    assert here < cost(CENTRE)


def test_the_end_of_a_fit_does_not_depend_on_where_it_begins() -> None:
    rows = lines(5, noise=0.05)
    ends = [fit(rows, PRIOR, guess=np.array(begin)).x for begin in ([0.0, 0.0], [2.0, -2.0], [-1.0, 3.0])]
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], atol=2e-2)


def test_without_weight_the_rows_leave_the_prior_with_all_of_its_freedom() -> None:
    found = fit(lines(1), PRIOR, np.zeros(12))
    np.testing.assert_allclose(found.x, CENTRE, atol=1e-12)
    np.testing.assert_allclose(found.freedom, 1.0)
    np.testing.assert_allclose(found.covariance, np.diag(SPREAD**2))


def test_a_number_that_no_row_depends_on_keeps_its_centre_and_its_spread() -> None:
    slopes = np.stack([np.ones(10), np.zeros(10)], axis=1)
    rows: Any = Lines(slopes, np.full(10, 0.8), TABLE)
    found = fit(rows, PRIOR, np.ones(10))
    assert found.x[1] == pytest.approx(CENTRE[1])
    assert found.freedom[1] == pytest.approx(1.0)
    assert found.freedom[0] < 0.1


def test_more_of_the_same_rows_leave_less_freedom_and_move_further_from_the_centre() -> None:
    one: Any = Lines(np.array([[1.0, 0.0]]), np.array([0.5]), TABLE)
    fits = [fit(one, PRIOR, np.array([w])) for w in (0.01, 0.1, 1.0)]
    distances = [f.x[0] - CENTRE[0] for f in fits]
    freedoms = [f.freedom[0] for f in fits]
    assert 0.0 < distances[0] < distances[1] < distances[2] < 0.1
    assert 1.0 > freedoms[0] > freedoms[1] > freedoms[2]


def test_one_wild_row_pulls_a_fit_by_less_than_least_squares_would() -> None:
    clean = lines(2, rows=20)
    offsets = clean.offsets.copy()
    offsets[0] += 5.0  # fifty scatters
    wild: Any = Lines(clean.slopes, offsets, TABLE)
    loose = Prior(centre=CENTRE, spread=100.0 * SPREAD)
    truth = np.array([0.6, 0.1])
    squares, _ = ridge(wild, loose, np.ones(20))
    robust = fit(wild, loose, np.ones(20)).x
    assert np.linalg.norm(robust - truth) < 0.3 * np.linalg.norm(squares - truth)


def test_bounds_are_so_many_standard_deviations_on_the_scale_of_the_fit() -> None:
    covariance = np.array([[0.04, 0.0], [0.0, 0.25]])
    made = Fit(
        x=np.array([0.0, 0.0]), covariance=covariance, freedom=np.ones(2), errors=np.ones(1), table=TABLE
    )
    assert made.values == pytest.approx({"first": 1.0, "second": 0.5})
    low, high = made.bounds(2.0)
    assert low == pytest.approx({"first": np.exp(-0.4), "second": 1.0 / (1.0 + np.e)})
    assert high == pytest.approx({"first": np.exp(0.4), "second": np.e / (1.0 + np.e)})


# --- rows left out


def test_each_row_left_out_is_predicted_by_a_fit_to_the_others() -> None:
    rows = lines(7, rows=9, noise=0.002)
    parts = [[0, 4], [1, 2, 3], [5, 6, 7, 8]]
    loose = Prior(centre=CENTRE, spread=100.0 * SPREAD)
    messages: list[str] = []
    found = left_out(rows, loose, parts, CENTRE, messages.append)
    for part in parts:
        kept = np.ones(9)
        kept[part] = 0.0
        n = kept.sum()
        x, _ = ridge(rows, loose, kept / (1.0 + n / ENOUGH))
        np.testing.assert_allclose(found[part], rows.slopes[part] @ x - rows.offsets[part], atol=2e-4)
    assert messages == [f"leaving out part {i} of 3, {len(p)} rows" for i, p in enumerate(parts, 1)]


def test_a_row_in_no_part_is_never_predicted() -> None:
    found = left_out(lines(7, rows=5), PRIOR, [[0], [3]], CENTRE)
    assert np.isfinite(found).tolist() == [True, False, False, True, False]


@LAW
@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=30), st.integers(1, 8))
def test_folds_hold_each_row_once_no_group_twice_and_are_as_even_as_groups_allow(
    groups: list[str], most: int
) -> None:
    parts = folds(groups, most)
    assert len(parts) == min(most, len(set(groups)))
    assert sorted(i for part in parts for i in part) == list(range(len(groups)))
    homes = [{groups[i] for i in part} for part in parts]
    assert sum(len(home) for home in homes) == len(set(groups))
    # the greedy rule: the largest part, without its last group, was the smallest when that came
    largest = max(groups.count(g) for g in groups)
    assert max(map(len, parts)) - min(map(len, parts)) <= largest


@given(st.integers(1, 400), st.integers(0, 100))
def test_rows_count_less_the_more_there_are_and_never_more_than_enough(rows: int, gone: int) -> None:
    made: Any = Lines(np.zeros((rows, 2)), np.zeros(rows))
    whole = made.weights()
    assert whole.sum() == pytest.approx(rows / (1.0 + rows / ENOUGH))
    assert whole.sum() < min(rows, ENOUGH)
    keep = (np.arange(rows) >= gone).astype(float)
    left = keep.sum()
    assert made.weights(keep).tolist() == pytest.approx((keep / (1.0 + left / ENOUGH)).tolist())


# --- pools


def determined(x: list[float], freedom: list[float]) -> Any:
    return SimpleNamespace(x=np.array(x), freedom=np.array(freedom))


def test_the_centre_of_no_stack_is_what_is_expected_of_it() -> None:
    assert centre_of({}, PRIOR).centre.tolist() == CENTRE.tolist()


def test_a_stack_that_leaves_a_number_open_does_not_move_its_centre() -> None:
    found = centre_of({"one": determined([0.5, 9.0], [0.0, 1.0])}, PRIOR).centre
    assert found[1] == CENTRE[1]
    assert CENTRE[0] < found[0] < 0.5


def test_a_stack_at_the_centre_moves_nothing_and_two_alike_meet_them_two_thirds_of_the_way() -> None:
    near = 1e-3  # so near that an outlier's weight is 1
    at = [CENTRE[0] + near, CENTRE[1] + near]
    found = centre_of({"one": determined(at, [0.0, 0.0]), "two": determined(at, [0.0, 0.0])}, PRIOR)
    assert (found.centre - CENTRE).tolist() == pytest.approx([2.0 * near / 3.0] * 2, rel=1e-3)
    assert found.spread is PRIOR.spread
    assert centre_of(
        {"one": determined(CENTRE.tolist(), [0.0, 0.0])}, PRIOR
    ).centre.tolist() == pytest.approx(CENTRE.tolist())


@given(st.floats(-20.0, 20.0), st.floats(0.0, 1.0))
def test_the_centre_solves_its_own_weighted_mean(x: float, freedom: float) -> None:
    """With weights taken at the solution, the centre is the mean of the prior and the stack."""
    found = centre_of({"one": determined([x, x], [freedom, freedom])}, PRIOR).centre
    far = (x - found) / (FAR * SPREAD)
    counts = (1.0 - freedom**2) / np.sqrt(1.0 + 2.0 * far * far)
    np.testing.assert_allclose(found, (CENTRE + counts * x) / (1.0 + counts), rtol=0.1, atol=0.15)
    assert np.all(np.abs(found - CENTRE) <= np.abs(x - CENTRE) + 1e-12)


def test_a_stack_without_rows_left_is_the_centre_of_the_others_and_the_rest_is_fitted_again() -> None:
    rows: Any = {"one": lines(1, noise=0.01), "two": lines(2, noise=0.01), "three": lines(4, noise=0.01)}
    found = pool(rows, PRIOR, ("one", "two"))
    assert set(found.fits) == {"one", "two", "three"}
    # only those that count make the centre
    np.testing.assert_allclose(
        found.centre.centre, centre_of({n: found.fits[n] for n in ("one", "two")}, PRIOR).centre
    )
    gone = without(found, {"one": np.zeros(12)})
    assert "one" not in gone.fits
    np.testing.assert_allclose(gone.centre.centre, centre_of({"two": found.fits["two"]}, PRIOR).centre)
    np.testing.assert_allclose(gone.errors("one"), rows["one"].errors(gone.centre.centre)[0])
    half = without(found, {"one": np.r_[np.ones(6), np.zeros(6)]})
    assert np.linalg.norm(half.fits["one"].x - np.array([0.6, 0.1])) < 0.1


def measured_on(
    seed: int, engine: np.ndarray, shifts: dict[str, np.ndarray], rows: int = 60, noise: float = 0.01
) -> Any:
    """Rows of an engine on several architectures, which its point plus their shifts explain."""
    rng = np.random.default_rng(seed)
    names = tuple(sorted(shifts)[i % len(shifts)] for i in range(rows))
    slopes = rng.normal(size=(rows, 2))
    points = engine + np.array([shifts[name] for name in names])
    offsets = np.sum(slopes * points, axis=1) + noise * rng.normal(size=rows)
    return Lines(slopes, offsets, TABLE, names)


def test_a_pair_that_nobody_measured_is_the_sum_of_its_engine_and_its_architecture() -> None:
    """Both engines ran on hopper, one on cdna3 as well: what that is worth holds for the other too."""
    shift = {"hopper": np.zeros(2), "cdna3": np.array([0.3, -0.2])}
    one, two = np.array([0.6, 0.1]), np.array([0.2, 0.4])
    third = np.array([0.4, 0.3])
    rows: Any = {
        "one": measured_on(1, one, shift),
        "two": measured_on(2, two, {"hopper": shift["hopper"]}),
        "third": measured_on(3, third, shift),
    }
    found = pool(rows, PRIOR, ("one", "two", "third"))
    assert set(found.shifts) == {"cdna3", "hopper"}
    unseen = measured_on(9, two, {"cdna3": shift["cdna3"]}, noise=0.0)
    apart = unseen.errors(found.fits["two"].x)[0]
    moved = unseen.shifted({"cdna3": found.shifts["cdna3"].x}, list(unseen.architectures))
    together = moved.errors(found.fits["two"].x)[0]
    assert np.linalg.norm(together) < 0.5 * np.linalg.norm(apart)


def test_what_one_engine_alone_shows_of_an_architecture_is_its_own() -> None:
    shift = {"hopper": np.zeros(2), "cdna3": np.array([0.3, -0.2])}
    rows: Any = {
        "one": measured_on(1, np.array([0.6, 0.1]), shift),
        "two": measured_on(2, np.array([0.2, 0.4]), {"hopper": shift["hopper"]}),
    }
    assert set(pool(rows, PRIOR, ("one", "two")).shifts) == {"hopper"}


def test_without_its_rows_an_architecture_has_no_shift() -> None:
    shift = {"hopper": np.zeros(2), "cdna3": np.array([0.3, -0.2])}
    rows: Any = {
        "one": measured_on(1, np.array([0.6, 0.1]), shift),
        "two": measured_on(2, np.array([0.2, 0.4]), shift),
    }
    found = pool(rows, PRIOR, ("one", "two"))
    keep = {n: np.array([float(a != "cdna3") for a in r.architectures]) for n, r in rows.items()}
    left = without(found, keep)
    assert set(left.shifts) == {"hopper"}
    # rows that are left out change nothing: spoilt ones give the same
    spoilt: Any = {n: replace(r, offsets=np.where(keep[n] > 0.0, r.offsets, 9.0)) for n, r in rows.items()}
    again = without(replace(found, members=type(found.members).of(spoilt)), keep)
    for name in rows:
        np.testing.assert_allclose(again.fits[name].x, left.fits[name].x)


# --- scales


@given(st.floats(1e-9, 1e9), st.floats(1e-6, 1.0 - 1e-6))
def test_the_line_of_a_fit_leads_back_to_the_number(positive: float, share: float) -> None:
    values = {"first": positive, "second": share}
    assert fields(vector(values, TABLE), TABLE) == pytest.approx(values, rel=1e-9)


@given(st.floats(-30.0, 30.0), st.floats(-30.0, 30.0))
def test_no_point_of_the_line_leaves_the_domain_and_order_is_kept(a: float, b: float) -> None:
    share, positive = TABLE["second"], TABLE["first"]
    for parameter in (share, positive):
        low, high = (float(parameter.outward(np.array(v))) for v in sorted((a, b)))
        assert 0.0 < low <= high
    assert float(share.outward(np.array(a))) <= 1.0


@settings(max_examples=20)
@given(st.integers(1, 5))
def test_points_become_columns_that_broadcast_against_rows(count: int) -> None:
    points = np.random.default_rng(count).normal(size=(count, len(PARAMETERS)))
    shift = np.random.default_rng(count + 1).normal(size=(3, len(PARAMETERS)))
    made = columns(points, shift)
    assert set(made) == {p.column for p in PARAMETERS.values()}
    for i, p in enumerate(PARAMETERS.values()):
        assert made[p.column].shape == (count, 3)
        # odds and times of a row are those of the engine times the factor of its architecture
        engine, factor = np.exp(points[:, i])[:, None], np.exp(shift[:, i])[None, :]
        odds = engine * factor
        expected = odds if p.scale == "positive" else odds / (1.0 + odds)
        np.testing.assert_allclose(made[p.column], expected)


def test_what_dataflow_chips_share_with_gpus_is_fitted_on_the_same_scale() -> None:
    for name in set(DATAFLOW) & set(PARAMETERS):
        assert DATAFLOW[name] == PARAMETERS[name]
