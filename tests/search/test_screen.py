"""Screening by pivots never loses a point of the front."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dse.search.sweep.local_front import Local, pivots_of, screened_out, sifted

COSTS = st.integers(2, 3).flatmap(
    lambda k: arrays(
        np.float64,
        st.tuples(st.integers(0, 40), st.just(k)),
        elements=st.integers(-3, 6).map(lambda e: float(np.sign(e) * 1.5 ** abs(e))),
    )
)


def front(costs: np.ndarray) -> Local:
    return Local.empty(costs.shape[1]).merged(costs, np.arange(len(costs)))


@given(costs=COSTS, split=st.integers(0, 40))
def test_what_pivots_drop_is_dominated(costs: np.ndarray, split: int) -> None:
    whole, some = front(costs), front(costs[:split])
    pivots = pivots_of(some.costs, costs, 3)
    assert pivots.shape == (3, costs.shape[1])
    columns = list(costs.T.copy())
    left = sifted(columns, np.ones(len(costs), dtype=bool), pivots)
    assert set(whole.points) <= {*left, *some.points}
    assert (~screened_out(columns, pivots)).nonzero()[0].tolist() == left.tolist()
    after = some.merged(costs[left], left)
    assert after.points.tolist() == whole.points.tolist()


@given(costs=COSTS, seed=st.integers(0, 9))
def test_the_order_of_merging_does_not_matter(costs: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(costs))
    merged = Local.empty(costs.shape[1])
    for i in order:
        merged = merged.merged(costs[[i]], np.asarray([i]))
    assert merged.points.tolist() == front(costs).points.tolist()
    assert merged.costs.tolist() == front(costs).costs.tolist()


def test_a_point_that_is_worse_by_rounding_only_is_kept() -> None:
    pivots = pivots_of(np.asarray([[1.0, 1.0]]), np.asarray([[2.0, 2.0]]), 2)
    near, far = np.asarray([1.0 + 1e-12]), np.asarray([1.0 + 1e-6])
    assert not screened_out([near, far], pivots).any()
    assert screened_out([far, far], pivots).all()


def test_no_front_drops_nothing() -> None:
    pivots = pivots_of(np.empty((0, 2)), np.empty((0, 2)))
    assert sifted([np.asarray([1e300]), np.asarray([1e300])], np.asarray([True]), pivots).tolist() == [0]
