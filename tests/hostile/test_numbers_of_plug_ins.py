"""The quick look at the numbers of a plug-in sees what the full look sees."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dse.plugins.numbers import LARGEST, SMALLEST, fault_of, sound
from objectives.api import broadcast_shape

SHAPES = array_shapes(min_dims=1, max_dims=3, max_side=4)
NUMBERS = st.one_of(
    st.floats(-1e3, 1e3), st.sampled_from([np.nan, np.inf, -np.inf, 1e300, 1e99, 1e-99, 5e-324, -0.0, 0.0])
)


@given(arrays(np.float64, SHAPES, elements=NUMBERS), st.booleans())
def test_the_glance_sees_what_the_full_look_sees(column: np.ndarray, positive: bool) -> None:
    # products of large numbers overflow: the glance may then ask for the full look, but never skip it
    fault = fault_of(column, positive=positive)
    with np.errstate(all="ignore"):
        glance = sound(column, column.shape, positive=positive)
    if glance:
        assert fault is None
    size = np.abs(column)
    tiny = (size < SMALLEST) & (size > 0.0)
    bad = bool(not (size <= LARGEST).all() or (positive and ((column < 0.0) | tiny).any()))
    assert (fault is not None) is bad
    if fault is not None:
        value = column.reshape(-1)[fault[1]]
        assert not abs(value) <= LARGEST or value < 0.0 or value < SMALLEST


@given(SHAPES, SHAPES)
def test_a_column_fits_where_broadcasting_does_not_enlarge_the_designs(
    own: tuple[int, ...], whole: tuple[int, ...]
) -> None:
    try:
        fits = broadcast_shape(own, whole) == whole
    except ValueError:
        fits = False
    assert sound(np.ones(own), whole) is fits
