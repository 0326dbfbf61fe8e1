"""Structs of arrays and the helpers below them: plain numbers and arrays give the same, rows stay rows."""

from itertools import product
from math import ceil
from math import floor as math_floor

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Designs, chip_columns
from objectives.arrays import (
    ceil_div,
    floor,
    inverse,
    is_number,
    maximum,
    minimum,
    namespace,
    ones_like,
    where,
    zeros_like,
)
from objectives.columns import broadcast_shape

NUMBER = st.floats(-100.0, 100.0)
SIZES = st.lists(st.sampled_from((1, 2, 3)), max_size=3)

# --- helpers


@LAW
@given(NUMBER, NUMBER)
def test_helpers_give_the_same_for_numbers_and_for_arrays(a: float, b: float) -> None:
    one, other = np.array([a, 1.0]), np.array([b, 2.0])
    for function, plain in ((minimum, min), (maximum, max)):
        assert function(a, b) == plain(a, b)
        for x, y in ((one, other), (one, b), (a, other)):
            assert function(x, y)[0] == plain(a, b)
    assert floor(a) == floor(one)[0] == math_floor(a)
    divisor = 1.0 if b == 0.0 else b
    assert ceil_div(a, divisor) == ceil_div(one, divisor)[0] == ceil(a / divisor)
    expected = 0.0 if a == 0.0 else 1.0 / a
    assert inverse(one)[0] == expected
    assert inverse(a) == expected
    assert where(a > b, one, other)[0] == (a if a > b else b)
    assert where(one > other, one, other).tolist() == [max(a, b) if a > b else b, 2.0]


def test_no_rate_is_no_path_and_not_an_infinite_time() -> None:
    with np.errstate(all="raise"):
        assert inverse(np.array([0.0, 4.0])).tolist() == [0.0, 0.25]


def test_zeros_and_ones_have_the_shape_and_the_kind_of_what_they_are_like() -> None:
    assert (zeros_like(3.0), ones_like(3.0)) == (0.0, 1.0)
    made = zeros_like(np.full((2, 3), np.nan)), ones_like(np.full((2, 3), np.inf))
    assert [m.tolist() for m in made] == [np.zeros((2, 3)).tolist(), np.ones((2, 3)).tolist()]


def test_numbers_belong_to_no_namespace_and_do_not_decide_it() -> None:
    array = np.ones(2)
    assert is_number(1)
    assert is_number(1.0)
    assert not is_number(array)
    assert namespace(array, 1.0) is namespace(2, array) is namespace(array)
    with pytest.raises(TypeError):
        namespace(1.0)


# --- shapes


@LAW
@given(SIZES, SIZES, SIZES)
def test_shapes_broadcast_as_numpy_broadcasts_them(a: list[int], b: list[int], c: list[int]) -> None:
    shapes = [tuple(s) for s in (a, b, c)]
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ValueError, match="do not broadcast"):
            broadcast_shape(*shapes)
        return
    assert broadcast_shape(*shapes) == expected


# --- structs

PEAKS, BATCHES, WAYS = [1e12, 2e12, 3e12], [1.0, 8.0], [1.0, 2.0, 4.0, 8.0]


def grid() -> Designs:
    """Four ways x two batches x three chips, chips last."""
    chips = make.h100_like(peak_flops=PEAKS)
    layout = make.deployments()
    return Designs.of(
        chips=chips,
        deployments=layout.replace(
            tp=np.array(WAYS).reshape(-1, 1, 1), batch=np.array(BATCHES).reshape(1, -1, 1)
        ),
    )


def test_a_grid_is_as_large_as_its_axes_and_flattens_with_chips_fastest() -> None:
    made = grid()
    assert (made.shape, made.size) == ((4, 2, 3), 24)
    rows = made.take(np.arange(24))
    found = list(zip(rows.deployments.tp, rows.deployments.batch, rows.chips.compute.peak_flops, strict=True))
    assert found == list(product(WAYS, BATCHES, PEAKS))


@LAW
@given(st.lists(st.integers(0, 23), min_size=1, max_size=6))
def test_rows_that_are_taken_are_those_rows_whatever_their_order(indices: list[int]) -> None:
    every = list(product(WAYS, BATCHES, PEAKS))
    rows = grid().take(np.array(indices))
    found = list(zip(rows.deployments.tp, rows.deployments.batch, rows.chips.compute.peak_flops, strict=True))
    assert found == [every[i] for i in indices]
    assert rows.shape == (len(indices),)


def test_a_struct_is_laid_out_again_without_a_change_of_its_rows() -> None:
    layout = grid().deployments
    assert layout.shape == (4, 2, 1)
    flat = layout.reshape(-1)
    assert list(zip(flat.tp, flat.batch, strict=True)) == list(product(WAYS, BATCHES))
    again = flat.reshape(2, 4)
    assert again.tp.tolist() == flat.tp.reshape(2, 4).tolist()
    assert (flat.size, again.shape) == (8, (2, 4))


def test_some_columns_are_replaced_and_all_others_stay() -> None:
    chip = make.h100_like()
    made = chip.replace(price_usd=np.array([1.0, 2.0]))
    assert (chip.size, made.size) == (1, 2)
    for name, column in chip.columns().items():
        assert made.column(name).tolist() == ([1.0, 2.0] if name == "price_usd" else column.tolist())
    optional = ["tpot_interval", "ttft_interval", "throughput_interval"]
    required = set(chip_columns(optional=False))
    assert required == set(chip.columns())
    assert {*required, *optional} <= set(chip_columns())
    with pytest.raises(TypeError):
        chip.replace(nonsense=np.ones(1))


def test_columns_that_do_not_fit_each_other_are_refused() -> None:
    chip = make.h100_like(peak_flops=[1.0, 2.0], price_usd=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="do not broadcast"):
        _ = chip.shape
