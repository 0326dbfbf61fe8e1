"""Mixtures of experts by hand: who is visited, what is read, what is worked."""

from dataclasses import replace

import numpy as np
import pytest
from factories import LAW, deepseek_v3, mixtral_8x7b
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Experts, Ffn, Llm
from objectives.equations.llm import experts as moe
from objectives.equations.llm.feed_forward import ffn_elements

EXACT = 1e-12  # rounding of a few floating-point operations
MIXTRAL = Experts(count=8, top_k=2, width=14336, matrices=3)
V3 = Experts(count=256, top_k=8, width=2048, matrices=3, shared_width=2048)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def experts_of(llm: Llm) -> Experts:
    experts = llm.blocks[-1].experts
    assert experts is not None
    return experts


@pytest.mark.parametrize(("experts", "top_k"), [(MIXTRAL, 2), (V3, 8)])
def test_one_token_visits_its_own_experts_and_many_visit_all(experts: Experts, top_k: int) -> None:
    assert moe.visited_experts(experts, a(1)) == pytest.approx(top_k, rel=EXACT)
    assert moe.visited_experts(experts, a(1e6)) == pytest.approx(experts.count, rel=EXACT)


def test_two_tokens_of_mixtral_visit_three_and_a_half_experts() -> None:
    # a token misses an expert with chance 3/4, two do with 9/16 and three with 27/64: 8 x 7/16, 8 x 37/64
    assert moe.visited_experts(MIXTRAL, np.array([2.0, 3.0])).tolist() == pytest.approx(
        [3.5, 4.625], rel=EXACT
    )


def test_visits_match_a_count_over_every_possible_draw() -> None:
    # 4 experts, 2 a token: 6 pairs. Two tokens: 6 of 36 draws share both, 24 share one, 6 share none
    expected = (6 * 2 + 24 * 3 + 6 * 4) / 36
    few = Experts(count=4, top_k=2, width=1, matrices=3)
    assert moe.visited_experts(few, a(2)) == pytest.approx(expected, rel=EXACT)


EXPERTS = st.integers(1, 512).flatmap(
    lambda e: st.builds(
        Experts, count=st.just(e), top_k=st.integers(1, e), width=st.just(8), matrices=st.just(3)
    )
)


@LAW
@given(experts=EXPERTS, rows=st.integers(1, 10_000))
def test_visits_stay_between_one_tokens_and_all_and_grow_ever_slower(experts: Experts, rows: int) -> None:
    e, k = experts.count, experts.top_k
    before, here, after = (float(moe.visited_experts(experts, a(n))[0]) for n in (rows - 1, rows, rows + 1))
    assert k * (1 - EXACT) <= here <= min(e, k * rows) * (1 + EXACT)
    assert -e * EXACT <= after - here <= here - before + e * EXACT


@LAW
@given(experts=EXPERTS, rows=st.integers(1, 10_000), tile=st.sampled_from((1.0, 8.0, 128.0)))
def test_padding_costs_less_than_a_tile_for_each_visited_expert(
    experts: Experts, rows: int, tile: float
) -> None:
    visited = moe.visited_experts(experts, a(rows))
    worked = moe.padded_visits(experts, a(rows), a(rows * experts.top_k), visited, a(tile))
    assert worked >= rows * experts.top_k * (1 - EXACT)
    assert worked <= (rows * experts.top_k + visited * tile) * (1 + EXACT)


def test_a_token_of_mixtral_works_two_rows_and_two_tiles_on_a_gpu() -> None:
    visited = moe.visited_experts(MIXTRAL, a(1))
    assert moe.padded_visits(MIXTRAL, a(1), a(2), visited, a(1)) == pytest.approx(2, rel=EXACT)
    assert moe.padded_visits(MIXTRAL, a(1), a(2), visited, a(8)) == pytest.approx(16, rel=EXACT)


@pytest.mark.parametrize(("count", "top_k"), [(60, 4), (72, 3)])
def test_one_token_never_works_twice_in_an_expert(count: int, top_k: int) -> None:
    experts = Experts(count=count, top_k=top_k, width=1, matrices=3)
    worked = moe.padded_visits(experts, a(1), a(top_k), moe.visited_experts(experts, a(1)), a(1))
    assert worked == pytest.approx(top_k, rel=1e-9)


def test_an_expert_has_the_weights_of_its_three_matrices_split_over_tp() -> None:
    assert experts_of(mixtral_8x7b()) == MIXTRAL
    assert moe.expert_elements(MIXTRAL, 4096, a(1)) == 3 * 4096 * 14336  # 176,160,768
    assert moe.expert_elements(MIXTRAL, 4096, a(8)) == 3 * 4096 * 1792
    assert moe.expert_elements(MIXTRAL, 4096, a(3)) == 3 * 4096 * 4779  # ceil(14336/3)


def test_routers_stand_on_every_chip_and_shared_experts_are_split() -> None:
    assert experts_of(deepseek_v3()) == V3
    assert moe.shared_elements(V3, 7168, a(1)) == 3 * 7168 * 2048 + 7168 * 256
    assert moe.shared_elements(V3, 7168, a(8)) == 3 * 7168 * 256 + 7168 * 256
    assert moe.shared_elements(MIXTRAL, 4096, a(8)) == 4096 * 8  # nothing shared: the router alone


def test_one_expert_that_all_visit_is_an_ffn() -> None:
    only, ffn, rows = Experts(count=1, top_k=1, width=100, matrices=3), Ffn(width=100, matrices=3), a(9)
    assert moe.visited_experts(only, rows) == 1.0
    assert moe.expert_elements(only, 64, a(4)) == ffn_elements(ffn, 64, a(4))
    assert moe.padded_visits(only, rows, rows, moe.visited_experts(only, rows), a(8)) == 16.0


def test_a_row_goes_to_each_of_its_experts_and_comes_back() -> None:
    # 10 in and out of the layer, 10 in and out of 2 experts, three widths of 6 in each and of 4 in the shared
    experts = Experts(count=8, top_k=2, width=6, matrices=3, shared_width=4)
    assert moe.shared_traffic(experts, 10, a(1)) == 2 * 10 + 3 * 4
    assert 2 * moe.visit_traffic(experts, 10, a(1)) == 2 * 2 * 10 + 2 * 3 * 6


@pytest.mark.parametrize("tile", [1, 8, 16, 128])
@pytest.mark.parametrize(("count", "top_k"), [(8, 2), (128, 4), (256, 8)])
def test_tiles_are_those_of_drawn_routings(count: int, top_k: int, tile: int) -> None:
    rng, experts = np.random.default_rng(1), replace(MIXTRAL, count=count, top_k=top_k)
    for rows in (1, 2, 4, 16, 64, 256, 1024):
        drawn = []
        for _ in range(30):
            chosen = np.argpartition(rng.random((rows, count)), top_k, axis=1)[:, :top_k]
            drawn.append((np.ceil(np.bincount(chosen.ravel(), minlength=count) / tile) * tile).sum())
        visited = moe.visited_experts(experts, a(rows))
        ours = moe.padded_visits(experts, a(rows), a(rows * top_k), visited, a(tile))
        # the mean of 30 draws is itself some per cent off where few experts are visited
        assert ours == pytest.approx(np.mean(drawn), rel=0.07), rows
