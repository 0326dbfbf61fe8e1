"""What the fullest stage of unlike layers holds, against all orders of few layers."""

from itertools import pairwise, permutations

import array_api_strict
import factories as make
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Block, Chips, Context, Deployments, Designs, Llm, Matrix
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.held_weights import uneven_bytes
from objectives.equations.llm.mean_layer import mean_layer

HIDDEN = 64


def a(value: float) -> np.ndarray:
    return np.array([value])


def of_sizes(counts: dict[int, int]) -> Context:
    """As many layers of each size as said; a size is a matrix of so many rows of `HIDDEN`, a byte each."""
    blocks = tuple(
        Block(count=count, matrices=(Matrix(inputs=HIDDEN, outputs=size),)) for size, count in counts.items()
    )
    params = float(sum(HIDDEN * size * count for size, count in counts.items()))
    llm = Llm(name="uneven", hidden=HIDDEN, vocab=0, blocks=blocks, nominal_params=params)
    return make.context(llm, weights=1.0)


def uneven(context: Context, d: Deployments) -> np.ndarray | None:
    found = uneven_bytes(context, make.h100_like(), d, mean_layer(context.llm, d.tp, d.ep))
    return None if found is None else np.asarray(found) / HIDDEN


def mean_stage(counts: dict[int, int], pp: int) -> float:
    layers = sum(counts.values())
    return sum(size * count for size, count in counts.items()) / layers * -(-layers // pp)


def least_of_fullest(counts: dict[int, int], pp: int) -> int:
    """The fullest stage of the order and cut for which it is emptiest; stages differ by at most a layer."""
    sizes = [size for size, count in counts.items() for _ in range(count)]
    few, more = divmod(len(sizes), pp)
    lengths = [few + 1] * more + [few] * (pp - more)
    ends = np.cumsum([0, *lengths])
    return min(
        max(sum(order[start:end]) for start, end in pairwise(ends)) for order in set(permutations(sizes))
    )


COUNTS = st.dictionaries(st.integers(1, 40), st.integers(1, 4), min_size=2, max_size=3).filter(
    lambda counts: sum(counts.values()) <= 7
)


@given(counts=COUNTS, pp=st.integers(1, 7))
@make.LAW
def test_no_order_of_the_layers_has_an_emptier_fullest_stage(counts: dict[int, int], pp: int) -> None:
    pp = min(pp, sum(counts.values()))
    found = uneven(of_sizes(counts), make.deployments(pp=pp))
    assert found is not None
    least, mean = least_of_fullest(counts, pp), mean_stage(counts, pp)
    # the mean may be more, where stages are not alike in number of layers
    assert mean + found[0] <= max(least, mean) * (1.0 + 1e-12)


@given(large=st.integers(21, 40), small=st.integers(1, 20), n=st.integers(1, 5), pp=st.sampled_from((2, 3)))
@make.LAW
def test_two_sizes_over_whole_stages_are_exact(large: int, small: int, n: int, pp: int) -> None:
    counts = {large: n, small: 6 - n}
    found = uneven(of_sizes(counts), make.deployments(pp=pp))
    assert found is not None
    assert mean_stage(counts, pp) + found[0] == pytest.approx(least_of_fullest(counts, pp), rel=1e-12)


def test_like_layers_and_one_stage_hold_nothing_more() -> None:
    assert uneven(of_sizes({5: 8}), make.deployments(pp=4)) is None
    found = uneven(of_sizes({5: 6, 9: 2}), make.deployments(pp=[1, 2, 4, 8]))
    # means of 6: 48, 24, 12, 6; fullest of 48, 5 * 3 + 9, 5 + 9, 9
    np.testing.assert_allclose(found, [0.0, 0.0, 2.0, 3.0], atol=1e-12)


@pytest.mark.parametrize("of", [jnp, array_api_strict], ids=["jax", "strict"])
def test_other_namespaces_hold_the_same(of: object) -> None:
    context, ways = of_sizes({5: 6, 9: 2, 30: 3}), np.array([1.0, 2.0, 3.0, 4.0, 11.0])
    there = of.asarray(ways)  # type: ignore[attr-defined]
    one = there**0.0
    d = Deployments(batch=one, tp=one, cp=one, pp=there, ep=one, dp=one)
    found = uneven_bytes(context, make.h100_like(), d, mean_layer(context.llm, one, one))
    here = uneven(context, make.deployments(pp=ways.tolist()))
    assert here is not None
    np.testing.assert_allclose(np.asarray(found) / HIDDEN, here, rtol=1e-5, atol=1e-4)


def test_capacity_counts_the_kv_cache_of_the_fullest_stage() -> None:
    """gpt-oss 20B on 24 stages: half of the layers keep 20,000 tokens, the others 128 each."""
    context = make.context(make.gpt_oss_20b(), isl=10_000.0, osl=10_000.0, weights=1.0, kv=1.0)
    chip, d = make.h100_like(), make.deployments(batch=64, pp=24)
    chip = Chips.of(**chip.columns(), flash_bytes=a(1e13), flash_bandwidth=a(1e12), flash_w=a(1.0))
    found = RooflineCostModel().evaluate(Designs.of(chip, d), context, detail=True)
    held = found.capacity_parts
    whole = 64 * 2 * 8 * 64 * 20_000  # sequences, keys and values, heads, widths, tokens
    # the mean layer keeps half of it; both kinds of layers weigh the same
    np.testing.assert_allclose(held["kv_cache"] + held["uneven_stages"], whole, rtol=1e-2)
    # flash takes the weights, and nothing that steps write
    written = held["kv_cache"] + held["uneven_stages"] + held["activations"]
    lacking = written - 0.9 * 80e9
    np.testing.assert_allclose(found.violations["writable_capacity"], lacking, rtol=1e-9)
