"""Which deployments an LLM allows: divisors counted again, grids multiplied out by hand."""

from dataclasses import replace
from itertools import pairwise, product

import factories as make
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.question.layouts import (
    MOST_BATCH,
    MOST_TP,
    Lists,
    all_spreads,
    all_stages,
    all_ways,
    bad_cp,
    bad_ep,
    bad_tp,
    batches,
    filled,
    grid,
    one,
    sparing,
    splits,
    triples,
    ways,
)
from dse.question.layouts import product as layouts
from dse.spec.schema.study import DeploymentSpec
from objectives.api import Llm
from objectives.equations.llm.mean_layer import mean_layer

LLMS = {
    llm.name: llm
    for llm in (
        make.llama2_7b(),
        make.llama2_13b(),
        make.llama2_70b(),
        make.mixtral_8x7b(),
        make.deepseek_v3(),
        make.gpt_oss_20b(),
        make.gpt_j_6b(),
        make.dnn(),
    )
}


@pytest.fixture(params=LLMS.values(), ids=LLMS)
def llm(request: pytest.FixtureRequest):
    return request.param


def test_every_way_leaves_as_many_heads_on_each_chip(llm) -> None:
    if llm.heads > 1:
        assert all_ways(llm) == [n for n in range(1, 65) if llm.heads % n == 0]
    else:
        assert all_ways(llm) == [1, 2, 4, 8, 16, 32, 64]
    assert max(all_ways(llm)) <= MOST_TP == 64


def test_every_spread_leaves_as_many_experts_on_each_chip(llm) -> None:
    expected = [n for n in range(1, llm.expert_count + 1) if llm.expert_count % n == 0]
    assert all_spreads(llm) == (expected or [1])


def test_no_two_numbers_of_stages_have_the_same_deepest_stage_and_each_is_the_fewest(llm) -> None:
    """With s stages the deepest holds ceil(layers / s) layers; more stages that do not change it are idle."""
    found = all_stages(llm)
    deepest = [-(-llm.layers // s) for s in found]
    assert deepest == sorted(set(deepest), reverse=True)
    assert {-(-llm.layers // s) for s in range(1, llm.layers + 1)} == set(deepest)
    for stages, deep in zip(found, deepest, strict=True):
        assert stages == 1 or -(-llm.layers // (stages - 1)) > deep


@pytest.mark.parametrize("each", [1, 2, 4])
def test_batches_are_evenly_spread_over_each_octave_from_where_they_are_whole(each: int) -> None:
    found = batches(each)
    assert found == tuple(sorted(set(found)))
    assert (found[0], found[-1]) == (1, MOST_BATCH)
    for power in range(each.bit_length() - 1, 12):
        octave = [b for b in found if 2**power <= b < 2 ** (power + 1)]
        assert octave == [2**power * (each + k) // each for k in range(each)]


# --- what does not go together


@pytest.mark.parametrize("tp", [1, 2, 3, 5, 7, 8, 16, 40, 64, 80, 128])
def test_a_way_is_bad_where_neither_divides_the_other(llm, tp: int) -> None:
    fits = llm.heads == 1 or llm.heads % tp == 0 or tp % llm.heads == 0
    told = bad_tp(tp, llm)
    assert (told == "") is fits
    if not fits:
        assert f"the {llm.heads} heads of {llm.name}" in told
        assert told.endswith(f"got {tp}")
        divisors = told.partition("(")[2].partition(", ...")[0]
        assert [int(d) for d in divisors.split(", ")] == [
            d for d in range(1, llm.heads + 1) if llm.heads % d == 0
        ]


@pytest.mark.parametrize(
    ("ep", "tp", "dp", "told"),
    [
        (1, 3, 1, ""), (8, 8, 1, ""), (2, 8, 1, ""), (8, 2, 4, ""), (8, 1, 8, ""), (8, 2, 8, ""),
        (16, 1, 16, "expected at most the 8 experts of 8x7b, got 16"),
        (6, 4, 1, "expected a divisor or a multiple of TP 4, got 6"),
        (8, 2, 1, "expected a divisor of TP 2 x DP 1, got 8"),
        (8, 2, 6, "expected a divisor of TP 2 x DP 6, got 8"),
    ],
)  # fmt: skip
def test_experts_are_spread_over_whole_groups(ep: int, tp: int, dp: int, told: str) -> None:
    assert bad_ep(ep, tp, dp, make.mixtral_8x7b()) == told


def test_an_llm_without_experts_has_nothing_to_spread() -> None:
    assert bad_ep(2, 2, 1, make.llama2_7b()) == "expected 1, 7b has no experts, got 2"
    assert bad_ep(1, 2, 1, make.llama2_7b()) == ""


@given(st.integers(1, 64), st.lists(st.integers(1, 64), max_size=8))
def test_spreads_that_go_with_a_way_divide_it_or_are_its_multiples(tp: int, spreads: list[int]) -> None:
    kept = ways(tp, spreads)
    assert kept == [e for e in spreads if max(e, tp) % min(e, tp) == 0]


# --- splits of KV cache along its tokens


@pytest.mark.parametrize(
    ("cp", "tp", "llm", "told"),
    [
        (1, 3, make.llama2_70b(), ""), (2, 8, make.llama2_70b(), ""), (8, 8, make.llama2_70b(), ""),
        (4, 32, make.llama2_70b(), ""), (2, 4, make.llama2_7b(), ""), (64, 1, make.deepseek_v3(), ""),
        (3, 8, make.llama2_70b(), "expected TP x CP to be a divisor or a multiple of the 64 heads of 70b "
         "(CP 1, 2, 4, 8, ...), got TP 8 x CP 3"),
        (2, 1, make.dnn(), "expected 1, dnn has no KV cache to split along its tokens, got 2"),
    ],
)  # fmt: skip
def test_a_cache_is_split_where_the_chips_of_a_layer_split_the_heads(
    cp: int, tp: int, llm: Llm, told: str
) -> None:
    assert bad_cp(cp, tp, llm) == told


@pytest.mark.parametrize(
    ("llm", "found"),
    [
        # 8 KV heads: beyond TP 8 each chip would have one whole
        (make.llama2_70b(), {(8, 2), (8, 4), (16, 2), (8, 8), (16, 4), (32, 2)}),
        # as many KV heads as query heads: nothing is ever repeated
        (make.llama2_7b(), set()),
        # 2 KV heads, in one layer of four
        (
            make.qwen3_next(),
            {(2, c) for c in (2, 4, 8, 16)} | {(4, 2), (4, 4), (4, 8), (8, 2), (8, 4), (16, 2)},
        ),
        (make.dnn(), set()),
    ],
)
def test_only_splits_that_spare_cache_are_filled_in(llm: Llm, found: set[tuple[int, int]]) -> None:
    ways = [n for n in all_ways(llm) if n <= 64]
    assert sparing(llm, ways) == found


def test_latents_are_split_by_any_way_of_the_chips_of_a_layer() -> None:
    found = sparing(make.deepseek_v3(), [1, 2, 4, 8])
    assert found == {(1, 2), (2, 2), (1, 4), (4, 2), (2, 4), (1, 8)}


def test_a_list_of_one_tp_leaves_no_chips_to_split_over() -> None:
    assert sparing(make.llama2_70b(), [8]) == sparing(make.llama2_70b(), [16]) == set()
    assert sparing(make.llama2_70b(), [8, 16]) == {(8, 2)}


@given(st.sampled_from([*LLMS.values(), make.qwen3_next()]))
def test_splits_that_are_left_out_hold_no_less_on_a_chip_than_a_smaller_one_of_as_many_chips(
    llm: Llm,
) -> None:
    ways = all_ways(llm)
    kept = sparing(llm, ways) | {(n, 1) for n in ways}
    for tp, cp in product(ways, ways):
        if tp * cp not in ways or (tp, cp) in kept:
            continue
        left_out = mean_layer(llm, float(tp), cp=float(cp))
        better = [mean_layer(llm, float(t), cp=float(c)) for t, c in kept if t * c == tp * cp and c < cp]
        assert any(b.kv_read(1e5) <= left_out.kv_read(1e5) * (1 + 1e-9) for b in better)


def test_coarse_splits_are_some_of_the_fine_ones_with_the_largest_of_each_number_of_chips() -> None:
    d = DeploymentSpec(mode="solve", tp=(1, 2, 4, 8, 16, 32, 64))
    fine, coarse = (filled(d, [make.deepseek_v3()], fine=f, split=True) for f in (True, False))
    assert set(splits(coarse)) < set(splits(fine))
    for n in d.tp:
        most = [max((c for t, c in splits(x) if t * c == n)) for x in (fine, coarse)]
        assert most == [n, n]
    assert filled(d, [make.deepseek_v3()], fine=True).cp == (1,)


def test_a_cp_that_a_study_gives_goes_with_every_tp() -> None:
    d = DeploymentSpec(mode="solve", tp=(1, 8), cp=(1, 2), ep=(1,), batch=(1,), pp=(1,))
    made = filled(d, [make.llama2_70b()], fine=False, split=True)
    assert triples(made) == [(1, 1, 1), (1, 2, 1), (8, 1, 1), (8, 2, 1)]
    assert np.asarray(grid(made).ways).reshape(-1).tolist() == [1.0, 2.0, 8.0, 16.0]


# --- grids


def lists(**sizes: tuple[int, ...]) -> Lists:
    return Lists(**{"batch": (1,), "tp": (1,), "pp": (1,), "ep": (1,), **sizes})


def test_a_grid_holds_every_combination_once_and_replicas_for_shared_experts() -> None:
    d = lists(batch=(1, 8, 64), tp=(1, 4), pp=(1, 2), ep=(1, 2, 8))
    made = grid(d)
    assert made.shape == (len(triples(d)), 2, 3, 1)
    columns = {k: np.broadcast_to(a, made.shape).reshape(-1) for k, a in made.columns().items()}
    found = sorted(zip(*(columns[k] for k in ("tp", "ep", "pp", "batch", "dp")), strict=True))
    expected = sorted(
        (t, e, p, b, max(e // t, 1))
        for t, e, p, b in product((1, 4), (1, 2, 8), (1, 2), (1, 8, 64))
        if max(e, t) % min(e, t) == 0
    )
    assert [tuple(row) for row in found] == expected


def test_each_size_has_an_axis_of_its_own_and_chips_come_last() -> None:
    made = layouts([1, 2], [1, 1], [1, 1], [1, 2, 4], [1, 2, 3, 4, 5])
    assert {k: np.shape(a) for k, a in made.columns().items()} == {
        "tp": (2, 1, 1, 1), "cp": (2, 1, 1, 1), "ep": (2, 1, 1, 1), "dp": (2, 1, 1, 1), "pp": (1, 3, 1, 1),
        "batch": (1, 1, 5, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sizes", "dp"),
    [
        ({"tp": 8, "ep": 1}, 1.0), ({"tp": 2, "ep": 8}, 4.0), ({"tp": 8, "ep": 2}, 1.0),
        ({"tp": 8}, 1.0), ({"tp": 2, "ep": 8, "dp": 16}, 16.0), ({"tp": 2, "cp": 2, "ep": 8}, 2.0),
    ],
)  # fmt: skip
def test_one_deployment_has_as_many_replicas_as_share_a_set_of_experts(
    sizes: dict[str, float], dp: float
) -> None:
    made = one({"batch": 4, "pp": 2, **sizes})
    assert float(made.dp[0]) == dp
    assert float(made.ep[0]) == sizes.get("ep", 1.0)
    assert float(made.cp[0]) == sizes.get("cp", 1.0)
    assert (float(made.batch[0]), float(made.pp[0])) == (4.0, 2.0)


# --- what a study leaves out


def test_what_a_study_gives_is_taken_as_it_is() -> None:
    d = DeploymentSpec(mode="solve", batch=(3, 5), tp=(2,), pp=(7,), ep=(1,))
    for fine in (True, False):
        made = filled(d, [make.llama2_70b()], fine=fine)
        assert (made.batch, made.tp, made.pp, made.ep, made.any_batch) == ((3, 5), (2,), (7,), (1,), False)


def test_a_fine_grid_holds_all_that_every_llm_allows_and_a_coarse_one_some_of_it() -> None:
    d = DeploymentSpec(mode="solve")
    two = [make.llama2_13b(), make.llama2_70b()]  # 40 and 64 heads, 40 and 80 layers
    fine, coarse = (filled(d, two, fine=f) for f in (True, False))
    assert fine.tp == (1, 2, 4, 8)
    assert set(fine.pp) == set(all_stages(two[0])) & set(all_stages(two[1]))
    assert fine.any_batch and coarse.any_batch
    for name, ratio in (("tp", 1.5), ("pp", 1.3), ("ep", 3.0)):
        whole, some = getattr(fine, name), getattr(coarse, name)
        assert set(some) <= set(whole)
        assert len(set(some)) == len(some)
        assert (some[0], some[-1]) == (whole[0], whole[-1])
        assert all(b >= ratio * a for a, b in list(pairwise(some))[:-1])
        # nothing between two neighbours could have been kept
        for a, b in list(pairwise(some))[:-1]:
            assert not [v for v in whole if a < v < b and v >= ratio * a]
    assert (coarse.batch, fine.batch) == (batches(2), batches(4))


def test_a_coarse_grid_of_experts_takes_each_that_is_three_times_the_one_before() -> None:
    (block,) = make.mixtral_8x7b().blocks
    assert block.experts is not None
    many = replace(make.mixtral_8x7b(), blocks=(replace(block, experts=replace(block.experts, count=162)),))
    d = DeploymentSpec(mode="solve")
    assert filled(d, [many], fine=True).ep == (1, 2, 3, 6, 9, 18, 27, 54, 81, 162)
    assert filled(d, [many], fine=False).ep == (1, 3, 9, 27, 81, 162)  # the last is always there
