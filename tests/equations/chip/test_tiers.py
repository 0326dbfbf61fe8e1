"""Bytes in any number of memories: by hand, against a linear program, and laws."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from factories import LAW
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from objectives.equations.chip.placement import PinningValue, SecondsPerByte, place
from objectives.equations.chip.tiers import Tier, TierKind, TierPlacement, place_in_tiers

EXACT = 1e-12  # rounding of a few floating-point operations
OPTIMUM = 1e-7  # a linear program stops within this of the optimum
ROOM = 1e-8  # bytes of some tens that rounding adds or takes
MANY = settings(LAW, max_examples=max(LAW.max_examples, 300))


def b(value: float) -> np.ndarray:
    return np.array([value])


def memory(size: float, seconds: float, read_only: bool = False) -> Tier:
    return Tier(capacity_bytes=b(size), s_per_byte=b(seconds), read_only=read_only)


def kind(
    held: float,
    reads: float = 1.0,
    busy: float = 0.0,
    port: float = 0.0,
    exposed: float | None = None,
    slowness: float | tuple[float, ...] = 1.0,
    written: bool = False,
) -> TierKind:
    return TierKind(
        held_bytes=b(held),
        reads=b(reads),
        busy_s=b(busy),
        port_s=b(port),
        exposed_share=None if exposed is None else b(exposed),
        slowness=tuple(map(b, slowness)) if isinstance(slowness, tuple) else b(slowness),
        written=written,
    )


def one(value: object) -> float:
    """The number in an array of one, or a number."""
    return float(np.ravel(value)[0])  # type: ignore[call-overload]


def held(found: TierPlacement) -> np.ndarray:
    return np.array([[one(x) for x in row] for row in found.held_bytes])


def pass_s(kinds: Sequence[TierKind], streams: Sequence[object]) -> float:
    """Seconds of a pass, from the definition."""
    total = 0.0
    for k, stream in zip(kinds, streams, strict=True):
        exposed = 0.0 if k.exposed_share is None else one(k.exposed_share)
        t, busy = max(one(stream), one(k.port_s)), max(one(k.busy_s), one(k.port_s))
        total += max(busy, t) + exposed * min(busy, t)
    return total


def seconds_of(tiers: Sequence[Tier], kinds: Sequence[TierKind]) -> float:
    return pass_s(kinds, place_in_tiers(tiers, kinds).stream_s)


def fastest(tiers: Sequence[Tier], kinds: Sequence[TierKind]) -> float | None:
    """Seconds of the fastest pass, by a linear program; None where bytes do not fit."""
    count, many = len(tiers), len(kinds)
    stream, cost = many * count, many * count + many
    rows: list[tuple[dict[int, float], float]] = []
    for k, own in enumerate(kinds):
        exposed = 0.0 if own.exposed_share is None else one(own.exposed_share)
        busy = max(one(own.busy_s), one(own.port_s))
        for i, t in enumerate(tiers):
            slow = own.slowness[i] if isinstance(own.slowness, tuple) else own.slowness
            rows.append(
                ({k * count + i: one(t.s_per_byte) * one(own.reads) * one(slow), stream + k: -1.0}, 0.0)
            )
        rows.append(({stream + k: -1.0}, -one(own.port_s)))
        rows.append(({stream + k: exposed, cost + k: -1.0}, -busy))
        rows.append(({stream + k: 1.0, cost + k: -1.0}, -exposed * busy))
    for i, t in enumerate(tiers):
        rows.append(({k * count + i: 1.0 for k in range(many)}, one(t.capacity_bytes)))
    upper = np.zeros((len(rows), cost + many))
    for row, (entries, _) in enumerate(rows):
        for column, value in entries.items():
            upper[row, column] = value
    equal = np.zeros((many, cost + many))
    for k in range(many):
        equal[k, k * count : (k + 1) * count] = 1.0
    closed = [k.written and t.read_only for k in kinds for t in tiers]
    solved = linprog(
        [0.0] * cost + [1.0] * many,
        A_ub=upper,
        b_ub=[limit for _, limit in rows],
        A_eq=equal,
        b_eq=[one(k.held_bytes) for k in kinds],
        bounds=[(0.0, 0.0 if shut else None) for shut in closed] + [(0.0, None)] * (2 * many),
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return float(solved.fun) if solved.status == 0 else None


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """Whole numbers, so that kinds tie, and others."""
    whole = st.integers(int(low), int(high)).map(float)
    return whole | st.floats(low, high).filter(lambda x: x == 0.0 or x > 1e-3)


@st.composite
def memories(draw: st.DrawFn, most: int = 5, read_only: bool = True) -> list[Tier]:
    sizes = draw(st.lists(st.just(0.0) | numbers(0.0, 12.0), min_size=2, max_size=most))
    return [
        memory(size, draw(numbers(1.0, 9.0)), read_only and i > 0 and draw(st.booleans()))
        for i, size in enumerate(sizes)
    ]


@st.composite
def kinds_of_bytes(draw: st.DrawFn) -> list[TierKind]:
    return [
        kind(
            draw(numbers(0.0, 9.0)),
            draw(numbers(0.0, 3.0)),
            draw(st.just(0.0) | numbers(0.0, 30.0)),
            draw(st.just(0.0) | numbers(0.0, 9.0)),
            draw(st.none() | st.sampled_from([0.0, 0.1, 0.5, 1.0])),
            draw(numbers(1.0, 3.0)),
            written=k == 1,
        )
        for k in range(draw(st.integers(2, 3)))
    ]


@given(tiers=memories(), kinds=kinds_of_bytes())
@MANY
def test_no_placement_makes_a_pass_faster_than_this_one(tiers: list[Tier], kinds: list[TierKind]) -> None:
    best, found = fastest(tiers, kinds), place_in_tiers(tiers, kinds)
    if best is None:
        assert one(found.excess_bytes) > -ROOM
        return
    assert one(found.excess_bytes) <= ROOM
    assert pass_s(kinds, found.stream_s) == pytest.approx(best, rel=OPTIMUM, abs=OPTIMUM)
    placed = held(found)
    assert np.all(placed >= -ROOM)
    assert placed.sum(axis=1) == pytest.approx([one(k.held_bytes) for k in kinds], abs=ROOM)
    assert np.all(placed.sum(axis=0) <= np.array([one(t.capacity_bytes) for t in tiers]) + ROOM)
    closed = np.array([[k.written and t.read_only for t in tiers] for k in kinds])
    assert np.all(placed[closed] == 0.0)
    for k, row, shares in zip(kinds, placed, found.shares, strict=True):
        # a kind of no bytes has shares of 0
        assert [one(s) * one(k.held_bytes) for s in shares] == pytest.approx(list(row), abs=ROOM)


@given(tiers=memories(), kinds=kinds_of_bytes(), at=st.integers(0, 4), more=numbers(0.0, 9.0))
@LAW
def test_more_capacity_never_slows_a_pass_that_fits_and_excess_falls_byte_for_byte(
    tiers: list[Tier], kinds: list[TierKind], at: int, more: float
) -> None:
    at %= len(tiers)
    larger = list(tiers)
    larger[at] = replace(tiers[at], capacity_bytes=tiers[at].capacity_bytes + more)
    few, many = place_in_tiers(tiers, kinds), place_in_tiers(larger, kinds)
    if one(few.excess_bytes) <= 0.0:  # else bytes leave the last memory, which streams next to the others
        assert pass_s(kinds, many.stream_s) <= pass_s(kinds, few.stream_s) * (1 + OPTIMUM) + OPTIMUM
    fallen = one(few.excess_bytes) - one(many.excess_bytes)
    if tiers[at].read_only:  # which does not help the kind that is written
        assert -ROOM <= fallen <= more + ROOM
    else:
        assert fallen == pytest.approx(more, abs=ROOM)


@given(tiers=memories(), kinds=kinds_of_bytes(), at=st.integers(0, 4), faster=st.floats(1.0, 10.0))
@LAW
def test_more_bandwidth_never_slows_a_pass(
    tiers: list[Tier], kinds: list[TierKind], at: int, faster: float
) -> None:
    at %= len(tiers)
    better = list(tiers)
    better[at] = replace(tiers[at], s_per_byte=tiers[at].s_per_byte / faster)
    assert seconds_of(better, kinds) <= seconds_of(tiers, kinds) * (1 + OPTIMUM) + OPTIMUM


@given(tiers=memories(), kinds=kinds_of_bytes(), turn=st.integers(1, 2))
@LAW
def test_the_order_of_kinds_does_not_change_the_seconds_of_a_pass(
    tiers: list[Tier], kinds: list[TierKind], turn: int
) -> None:
    turned = kinds[turn:] + kinds[:turn]
    assert seconds_of(tiers, turned) == pytest.approx(seconds_of(tiers, kinds), rel=OPTIMUM, abs=OPTIMUM)


def test_bytes_follow_their_kind_in_any_order() -> None:
    tiers = [memory(3.0, 1.0), memory(9.0, 4.0), memory(9.0, 5.0, read_only=True), memory(40.0, 9.0)]
    kinds = [kind(6.0, 1.0), kind(8.0, 0.7, written=True), kind(11.0, 0.4)]
    placed = held(place_in_tiers(tiers, kinds))
    for order in ((1, 0, 2), (2, 1, 0), (2, 0, 1)):
        turned = held(place_in_tiers(tiers, [kinds[i] for i in order]))
        assert turned == pytest.approx(placed[list(order)], rel=EXACT, abs=EXACT)


@given(memory_sizes=st.integers(0, 2**32 - 1), read_only=st.booleans())
@LAW
def test_a_batch_equals_its_rows(memory_sizes: int, read_only: bool) -> None:
    rng = np.random.default_rng(memory_sizes)
    chips = [
        Tier(
            capacity_bytes=rng.integers(0, 9, (3, 1)).astype(float),
            s_per_byte=rng.uniform(1.0, 9.0, (3, 1)),
            read_only=read_only and i == 1,
        )
        for i in range(3)
    ]
    layouts = [
        replace(
            kind(0.0, exposed=e, written=k == 1), held_bytes=rng.uniform(0, 9, 4), busy_s=rng.uniform(0, 9, 4)
        )
        for k, e in enumerate((0.1, None, 0.2))
    ]
    batch = place_in_tiers(chips, layouts)
    for c in range(3):
        for n in range(4):
            row = place_in_tiers(
                [memory(t.capacity_bytes[c, 0], t.s_per_byte[c, 0], t.read_only) for t in chips],
                [replace(k, held_bytes=k.held_bytes[n : n + 1], busy_s=k.busy_s[n : n + 1]) for k in layouts],
            )
            whole = [[np.broadcast_to(x, (3, 4))[c, n] for x in of] for of in batch.held_bytes]
            assert held(row) == pytest.approx(np.array(whole), rel=EXACT, abs=EXACT)
            assert one(row.excess_bytes) == np.broadcast_to(batch.excess_bytes, (3, 4))[c, n]


@given(
    sram=numbers(0.0, 9.0),
    dram=numbers(0.0, 30.0),
    seconds=st.tuples(numbers(1.0, 3.0), numbers(1.0, 9.0)),
    kinds=kinds_of_bytes(),
)
@MANY
def test_two_memories_take_as_long_as_sram_and_dram(
    sram: float, dram: float, seconds: tuple[float, float], kinds: list[TierKind]
) -> None:
    assume(dram > 0.0 and sum(one(k.held_bytes) for k in kinds) <= sram + dram)
    kinds = [replace(k, slowness=b(1.0)) for k in kinds]
    fast, slow = map(b, seconds)
    moved = [max(one(k.held_bytes) * one(k.reads), EXACT) for k in kinds]
    pinned = place(
        SimpleNamespace(  # type: ignore[arg-type]
            sram_bytes=b(sram), sram_usable=1.0, usable_capacity=1.0, sram_pinned=1.0, dram_bytes=b(dram)
        ),
        SecondsPerByte(
            load=b(0.0), sram=fast, dram=slow, kv_dram=slow, activation_sram=b(0.0), activation_dram=b(0.0)
        ),
        tuple(
            PinningValue(
                held_bytes=k.held_bytes,
                reads=k.reads,
                dram_s_per_byte=slow,
                busy_s_per_byte=np.maximum(k.busy_s, k.port_s) / m,
                port_s_per_byte=k.port_s / m,
                activation_s_per_byte=b(0.0),
                exposed_share=b(0.0) if k.exposed_share is None else k.exposed_share,
            )
            for k, m in zip(kinds, moved, strict=True)
        ),
        b(0.0),
        b(0.0),
    )
    streams = [
        max(one(share * fast), one((1.0 - share) * slow)) * one(k.held_bytes) * one(k.reads)
        for share, k in zip(pinned.shares, kinds, strict=True)
    ]
    tiers = [memory(sram, seconds[0]), memory(dram, seconds[1])]
    assert seconds_of(tiers, kinds) == pytest.approx(pass_s(kinds, streams), rel=OPTIMUM, abs=OPTIMUM)


def test_memories_of_a_chip_end_together() -> None:
    # 36 B at 3 + 2 + 1 B/s: six seconds
    tiers = [memory(100.0, 1 / 3), memory(100.0, 1 / 2), memory(100.0, 1.0)]
    found = place_in_tiers(tiers, [kind(36.0)])
    assert held(found)[0] == pytest.approx([18.0, 12.0, 6.0], rel=EXACT)
    assert one(found.stream_s[0]) == pytest.approx(6.0, rel=EXACT)


def test_weights_stream_from_rom_while_kv_has_dram_alone() -> None:
    # 20 B of weights and 10 of KV. ROM of 10 B brings 1 B/s; DRAM has the other 10 B of weights and KV
    tiers = [memory(100.0, 1.0), memory(10.0, 1.0, read_only=True)]
    found = place_in_tiers(tiers, [kind(20.0), kind(10.0, written=True)])
    assert held(found) == pytest.approx(np.array([[10.0, 10.0], [10.0, 0.0]]), rel=EXACT)


def test_one_kind_may_hide_exactly_while_another_follows_what_kv_leaves() -> None:
    # a corner that neither a full memory nor the bound of one set of kinds shows
    tiers = [memory(4.0, 2.0), memory(7.0, 1.0, read_only=True), memory(29.0, 5.0)]
    kinds = [kind(3.0, 3.0, busy=13.0), kind(3.0, 2.0, written=True), kind(8.0, 3.0, busy=1.0)]
    assert seconds_of(tiers, kinds) == pytest.approx(fastest(tiers, kinds), rel=OPTIMUM)


def test_a_memory_that_a_chip_does_not_have_changes_nothing() -> None:
    kinds = [kind(6.0, exposed=0.1, busy=3.0), kind(4.0, 0.5, written=True), kind(9.0, 0.25)]
    tiers = [memory(5.0, 1.0), memory(90.0, 3.0)]
    for absent in (memory(0.0, 0.0), memory(0.0, 0.0, read_only=True), memory(7.0, 0.0)):
        found = held(place_in_tiers([tiers[0], absent, tiers[1]], kinds))
        assert found[:, [0, 2]] == pytest.approx(held(place_in_tiers(tiers, kinds)), rel=1e-8, abs=1e-8)
        assert np.all(found[:, 1] == 0.0)


def test_a_memory_without_limit_holds_what_is_left() -> None:
    found = place_in_tiers([memory(5.0, 1.0), memory(np.inf, 100.0)], [kind(25.0), kind(1.0, written=True)])
    assert held(found).sum() == pytest.approx(26.0, rel=EXACT)
    assert one(found.excess_bytes) == -np.inf


def test_what_fits_nowhere_is_counted_and_stays_finite() -> None:
    rom = memory(50.0, 1.0, read_only=True)
    found = place_in_tiers([memory(5.0, 1.0), rom], [kind(10.0), kind(12.0, written=True)])
    assert one(found.excess_bytes) == pytest.approx(7.0, rel=EXACT)  # ROM has room, but none for KV
    assert held(found).sum(axis=1) == pytest.approx([10.0, 12.0], rel=EXACT)
    assert one(found.stream_s[1]) == pytest.approx(12.0, rel=EXACT)
    nothing = place_in_tiers([memory(0.0, 0.0), memory(0.0, 0.0)], [kind(10.0)])
    assert one(nothing.excess_bytes) == 10.0
    assert one(nothing.stream_s[0]) == 0.0


def test_room_that_costs_no_time_is_used_from_the_fastest_memory_on() -> None:
    # arithmetic takes 100 s, in which any memory brings all bytes: the fastest one takes what it can
    tiers = [memory(8.0, 1.0), memory(8.0, 2.0), memory(8.0, 3.0)]
    found = place_in_tiers(tiers, [kind(6.0, busy=100.0), kind(6.0, busy=100.0, written=True)])
    assert held(found) == pytest.approx(np.array([[6.0, 0.0, 0.0], [2.0, 4.0, 0.0]]), rel=EXACT)


def test_kinds_that_gain_alike_are_served_in_their_order() -> None:
    tiers = [memory(6.0, 1.0), memory(90.0, 3.0)]
    for reads in (1.0, 1.0 - 1e-15, 1.0 + 1e-15):
        found = place_in_tiers(tiers, [kind(8.0), kind(8.0, reads, written=True)])
        assert held(found)[0, 0] == pytest.approx(6.0, rel=EXACT)


def test_a_factor_for_each_memory_costs_little_against_the_best_placement() -> None:
    rng = np.random.default_rng(5)
    lost = []
    for _ in range(200):
        # SRAM is as fast for all kinds, DRAM is slower for KV and experts by a fifth or so
        rates = [10 ** rng.uniform(1, 2), *sorted(10 ** rng.uniform(-1, 1.3, 2), reverse=True)]
        sizes = [10 ** rng.uniform(-1, 0.7), *(10 ** rng.uniform(0.7, 2.5, 2))]
        tiers = [memory(size, 1.0 / rate) for size, rate in zip(sizes, rates, strict=True)]
        shares = rng.dirichlet([1.0, 1.0, 1.0]) * sum(sizes) * rng.uniform(0.05, 1.0)
        slows = [1.0, *(1.0 / (0.8 * rng.uniform(0.8, 1.2, 2)))]
        kinds = [
            kind(h, rng.uniform(0.05, 1.0), exposed=e, slowness=(1.0, s, s), written=k == 1)
            for k, (h, s, e) in enumerate(zip(shares, slows, (0.1, 0.0, 0.1), strict=True))
        ]
        best = fastest(tiers, kinds)
        assert best is not None
        lost.append(seconds_of(tiers, kinds) / best - 1.0)
    assert min(lost) >= -OPTIMUM
    assert np.mean(lost) < 0.001
    assert max(lost) < 0.05


def test_equal_factors_for_each_memory_are_one_factor() -> None:
    tiers = [memory(5.0, 1.0), memory(9.0, 2.0), memory(90.0, 5.0, read_only=True)]
    single = [kind(20.0, slowness=1.5), kind(6.0, 0.5, slowness=2.0, written=True)]
    each = [kind(20.0, slowness=(1.5,) * 3), kind(6.0, 0.5, slowness=(2.0,) * 3, written=True)]
    assert held(place_in_tiers(tiers, each)) == pytest.approx(held(place_in_tiers(tiers, single)), abs=ROOM)


def test_input_that_is_outside_the_domain_is_an_error() -> None:
    sram, rom = memory(5.0, 1.0), memory(5.0, 1.0, read_only=True)
    with pytest.raises(ValueError, match="one memory and one kind"):
        place_in_tiers([], [kind(1.0)])
    with pytest.raises(ValueError, match="expected one number or 2"):
        place_in_tiers([sram, rom], [kind(1.0, slowness=(1.0,))])
    with pytest.raises(ValueError, match="got 2 and 1"):
        place_in_tiers([sram, rom], [kind(1.0), kind(1.0, written=True), kind(1.0, written=True)])
