"""Experts over chips by hand and by count: who holds them, who visits whom, what travels."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from factories import LAW, deepseek_v3
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Experts
from objectives.equations.llm import expert_parallel as ep
from objectives.equations.llm import experts as moe
from objectives.equations.llm.mean_layer import mean_layer

EXACT = 1e-12  # rounding of a few floating-point operations
V3 = Experts(count=256, top_k=8, width=2048, matrices=3, shared_width=2048)
MIXTRAL = Experts(count=8, top_k=2, width=14336, matrices=3)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def spread(experts: Experts, tp: float, ways: float) -> ep.Spread:
    return ep.spread(experts, a(tp), a(ways))


@pytest.mark.parametrize(
    ("tp", "ways", "held", "split", "joined"),
    [(8, 1, 256, 8, 1), (8, 8, 32, 1, 1), (8, 2, 128, 4, 1), (4, 32, 8, 1, 8), (1, 256, 1, 1, 256)],
)
def test_experts_are_held_split_and_shared(
    tp: float, ways: float, held: float, split: float, joined: float
) -> None:
    s = spread(V3, tp, ways)
    assert (float(s.held[0]), float(s.split[0]), float(s.joined[0])) == (held, split, joined)


def test_sixty_experts_on_eight_chips_leave_eight_on_the_fullest() -> None:
    few = Experts(count=60, top_k=4, width=1408, matrices=3)
    assert spread(few, 8, 8).held == 8.0


def test_deepseek_decodes_on_320_chips_with_one_expert_on_each() -> None:
    # DeepSeek-V3, section 3.4.2: EP320 in decode, each GPU hosts one expert (64 of them redundant or shared)
    assert spread(V3, 1, 320).held == 1.0


def test_without_ways_of_experts_nothing_differs_from_tensor_parallelism() -> None:
    rows, tile = np.array([1.0, 7.0, 64.0, 4096.0]), a(8)
    load = ep.expert_load(spread(V3, 8, 1), rows, tile)
    visited = moe.visited_experts(V3, rows)
    np.testing.assert_allclose(load.visited, visited, rtol=EXACT)
    np.testing.assert_allclose(load.rows, rows * 8, rtol=EXACT)
    np.testing.assert_allclose(
        load.padded_rows, moe.padded_visits(V3, rows, rows * 8, visited, tile), rtol=EXACT
    )
    assert ep.rows_sent(spread(V3, 8, 1), rows, a(8)).tolist() == [0.0] * 4


def test_weights_of_a_chip_are_the_same_however_tp_and_ep_share_them() -> None:
    llm = deepseek_v3()
    cut = mean_layer(llm, a(8), a(1)).weights()
    for ways in (2, 4, 8):
        assert mean_layer(llm, a(8), a(ways)).weights() == pytest.approx(cut, rel=EXACT)


def test_replicas_that_share_experts_hold_fewer_of_them_and_all_of_their_attention() -> None:
    llm = deepseek_v3()
    alone, shared = mean_layer(llm, a(1), a(1)), mean_layer(llm, a(1), a(64))
    experts = 58 / 61 * 3 * 7168 * 2048
    assert alone.weights() - shared.weights() == pytest.approx(experts * (256 - 4), rel=EXACT)
    assert shared.kv_read(a(1000)) == alone.kv_read(a(1000))


def test_latents_are_repeated_by_tp_and_not_by_replicas_that_share_experts() -> None:
    llm = deepseek_v3()
    assert mean_layer(llm, a(8), a(8)).kv_kept(a(1)) == mean_layer(llm, a(1), a(8)).kv_kept(a(1)) == 576.0


def test_rows_go_to_the_distinct_chips_of_their_experts_by_count_over_all_draws() -> None:
    # eight experts on four chips, two a token: count the other chips that each pair of experts needs
    pairs = list(combinations(range(8), 2))
    own = 0  # the row's own chip
    away = sum(len({x // 2 for x in pair} - {own}) for pair in pairs) / len(pairs)
    assert ep.rows_sent(spread(MIXTRAL, 1, 4), a(1), a(1)) == pytest.approx(away, rel=EXACT)


def test_one_expert_a_chip_sends_a_row_to_each_of_its_experts_but_the_one_at_home() -> None:
    assert ep.rows_sent(spread(V3, 1, 256), a(10), a(1)) == pytest.approx(10 * 8 * 255 / 256, rel=EXACT)


def test_chips_of_a_replica_share_the_sending() -> None:
    whole, shared = ep.rows_sent(spread(V3, 1, 64), a(32), a(1)), ep.rows_sent(spread(V3, 4, 64), a(32), a(4))
    assert shared == pytest.approx(whole / 4, rel=EXACT)


def drawn(experts: Experts, rows: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Visits of each expert by `rows` rows, k experts a row without replacement: (draws, E)."""
    e, k = experts.count, experts.top_k
    if k == e:
        return np.full((draws, e), rows)
    chosen = np.argpartition(rng.random((draws * rows, e), dtype=np.float32), k, axis=1)[:, :k]
    places = np.repeat(np.arange(draws), rows)[:, None] * e + chosen
    return np.bincount(places.ravel(), minlength=draws * e).reshape(draws, e)


@pytest.mark.parametrize("top_k", [1, 2, 4, 8])
@pytest.mark.parametrize("count", [8, 128, 256])
def test_the_busiest_chip_reads_and_works_as_much_as_in_drawn_routings(count: int, top_k: int) -> None:
    rng, experts = np.random.default_rng(7), Experts(count=count, top_k=top_k, width=1, matrices=3)
    for rows in (1, 2, 3, 4, 8, 16, 32, 64, 256, 1024, 4096):
        draws = min(max(1_000_000 // (rows * count), 6), 1500)
        visits = drawn(experts, rows, draws, rng)
        for ways in (w for w in (1, 2, 4, 8, 16, 32, 64, 128, 256) if w <= count):
            of_chips = visits.reshape(draws, ways, -1)
            seen, most = (of_chips > 0).sum(axis=2).max(axis=1), of_chips.sum(axis=2).max(axis=1)
            load = ep.expert_load(spread(experts, ways, ways), a(rows), a(1))
            for ours, real in ((load.visited, seen), (load.rows, most)):
                noise = 3.0 * real.std() / np.sqrt(draws)  # of the mean of the draws
                assert abs(ours.item() - real.mean()) <= 0.05 * real.mean() + noise, (rows, ways)


def test_rows_of_several_replicas_meet_at_the_same_experts() -> None:
    inside, joined = (
        ep.expert_load(spread(V3, 8, 8), a(64), a(1)),
        ep.expert_load(spread(V3, 1, 8), a(8), a(1)),
    )
    assert inside.visited == joined.visited
    assert inside.rows == joined.rows


@pytest.mark.parametrize(("rows", "ways"), [(1, 128), (1, 64), (2, 128), (4, 128)])
def test_a_chip_that_works_reads_one_whole_expert_at_least(rows: int, ways: int) -> None:
    gpt_oss = Experts(count=128, top_k=4, width=2880, matrices=3)
    load = ep.expert_load(spread(gpt_oss, ways, ways), a(rows), a(1))
    assert load.visited >= 1.0
    if ways == 128:  # one expert a chip
        assert load.visited == 1.0


def test_a_popular_expert_is_visited_as_often_as_it_is_popular() -> None:
    # one expert a chip, visited 16 times as often as the mean: by half of 1,024 rows
    load = ep.expert_load(spread(V3, 1, 256), a(4), a(1), skew=16.0)
    assert load.visited == pytest.approx(1.0, rel=1e-9)
    assert load.rows == load.padded_rows == pytest.approx(512.0, rel=1e-9)


SPREADS = st.sampled_from([(1, 1), (1, 8), (1, 256), (8, 1), (8, 8), (8, 64), (4, 32), (2, 2)])
SKEWS = st.floats(1.0, 32.0)


@LAW
@given(layout=SPREADS, rows=st.integers(1, 4096), tile=st.sampled_from((1.0, 8.0, 128.0)), skew=SKEWS)
def test_the_busiest_chip_visits_no_more_than_it_holds_and_works_no_less_than_its_share(
    layout: tuple[float, float], rows: int, tile: float, skew: float
) -> None:
    s = spread(V3, *layout)
    load = ep.expert_load(s, a(rows), a(tile), skew)
    assert load.visited <= s.held * (1 + EXACT)
    mean = float(s.joined[0]) * rows * 8 / layout[1]
    assert load.padded_rows >= mean * (1 - 1e-9)


@LAW
@given(layout=SPREADS, rows=st.integers(1, 4096), skew=SKEWS)
def test_copies_are_never_more_than_experts_of_a_row_where_routing_is_uniform(
    layout: tuple[float, float], rows: int, skew: float
) -> None:
    s, tp = spread(V3, *layout), a(layout[0])
    even, skewed = ep.rows_sent(s, a(rows), tp), ep.rows_sent(s, a(rows), tp, skew)
    assert even <= rows * 8 / layout[0] * (1 + EXACT)
    assert skewed >= even * (1 - EXACT)


@LAW
@given(rows=st.integers(1, 4096), more=st.integers(1, 64), layout=SPREADS)
def test_more_rows_never_touch_fewer_experts(rows: int, more: int, layout: tuple[float, float]) -> None:
    s = spread(V3, *layout)
    few, many = (ep.expert_load(s, a(n), a(8)) for n in (rows, rows + more))
    assert many.visited >= few.visited * (1 - EXACT)
    assert many.padded_rows >= few.padded_rows * (1 - 1e-9)


def test_replicas_that_are_not_there_are_missed() -> None:
    assert ep.missing_replicas(a(4), a(32), a(8)) == 0.0
    assert ep.missing_replicas(a(4), a(32), a(2)) == 6.0
    assert ep.missing_replicas(a(8), a(4), a(1)) < 0.0


def copied(count: int, copies: int) -> Experts:
    return Experts(count=count, top_k=8, width=2048, matrices=3, redundant=copies)


def test_copies_fill_chips_that_experts_do_not_divide_over() -> None:
    # 256 experts on three chips: 86 on the fullest; with two copies 86 on each, which share the visits of 256
    plain, filled = spread(copied(256, 0), 1, 3), spread(copied(256, 2), 1, 3)
    assert (plain.held, filled.held) == (86.0, 86.0)
    many = a(100_000)
    visits = [ep.expert_load(s, many, a(1)).rows.item() / (3e5 * 8 / 256) for s in (plain, filled)]
    assert visits == pytest.approx([86.0, 256 / 3], rel=2e-3)


def test_copies_take_room_and_no_visits() -> None:
    # DeepSeek-V3, section 3.4.1: 32 chips of eight experts, and one redundant expert on each
    plain, more = spread(copied(256, 0), 4, 32), spread(copied(256, 32), 4, 32)
    assert (plain.held, more.held) == (8.0, 9.0)
    assert ep.expert_load(more, a(64), a(1)).rows == ep.expert_load(plain, a(64), a(1)).rows
    assert ep.rows_sent(more, a(64), a(4)) == ep.rows_sent(plain, a(64), a(4))


def test_copies_of_the_popular_expert_share_its_rows() -> None:
    # every row visits it: with one copy half of them, next to what the other expert of the chip gets
    few = Experts(count=4, top_k=1, width=1, matrices=3)
    alone, shared = spread(few, 1, 4), spread(replace(few, redundant=4), 1, 4)
    assert ep.expert_load(alone, a(25), a(1), skew=4.0).rows == 100.0
    assert ep.expert_load(shared, a(2500), a(1), skew=4.0).rows == pytest.approx(2500.0, rel=0.05)


@pytest.mark.parametrize("rows", [8, 64, 512])
def test_chips_with_copies_read_and_work_as_much_as_in_drawn_routings(rows: int) -> None:
    rng, draws = np.random.default_rng(11), 200
    visits = drawn(copied(256, 0), rows, draws, rng).reshape(draws, 32, 8)
    # the first expert of a chip has a copy on the next one, which takes half of its rows by chance
    away = rng.binomial(visits[:, :, 0], 0.5)
    kept = np.concatenate([visits[:, :, :1] - away[:, :, None], visits[:, :, 1:]], axis=2)
    on_chips = np.concatenate([kept, np.roll(away, 1, axis=1)[:, :, None]], axis=2)
    load = ep.expert_load(spread(copied(256, 32), 32, 32), a(rows), a(1))
    most, seen = on_chips.sum(axis=2).max(axis=1).mean(), (on_chips > 0).sum(axis=2).max(axis=1).mean()
    assert load.rows == pytest.approx(most, rel=0.08)
    # each copy counts as read whenever its expert is visited
    assert seen * 0.95 <= load.visited.item() <= seen * 1.15
