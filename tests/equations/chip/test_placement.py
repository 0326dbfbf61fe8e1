"""Where bytes go, by hand: shares of SRAM, seconds per byte, and what fits nowhere."""

import numpy as np
import pytest
from factories import LAW, groq_like, h100_like
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from objectives.api import Chips
from objectives.arrays import inverse
from objectives.equations.chip.placement import PinningValue, Placement, place, seconds_per_byte

EXACT = 1e-12  # rounding of a few floating-point operations


def b(value: float) -> np.ndarray:
    return np.array([value])


def demand(
    size: float,
    seconds: np.ndarray,
    busy: float = 0.0,
    reads: float = 1.0,
    port: float = 0.0,
    exposed: float = 0.0,
) -> PinningValue:
    return PinningValue(
        held_bytes=b(size),
        reads=b(reads),
        dram_s_per_byte=seconds,
        busy_s_per_byte=b(busy),
        port_s_per_byte=b(port),
        activation_s_per_byte=b(0.0),
        exposed_share=b(exposed),
    )


def placed_on(
    chips: Chips,
    weights: float,
    kv: float,
    prompt_kv: float = 0.0,
    activations: float = 0.0,
    hidden: float = 0.0,
    kv_hidden: float = 0.0,
    kv_reads: float = 1.0,
) -> Placement:
    t = seconds_per_byte(chips)
    wanted = demand(weights, t.dram, hidden), demand(kv, t.kv_dram, kv_hidden, kv_reads)
    return place(chips, t, wanted, b(prompt_kv), b(activations))


def test_everything_that_fits_in_a_scratchpad_lives_there() -> None:
    placed = placed_on(groq_like(), 100e6, 50e6, 1e6, 10e6)
    assert placed.weight_share == placed.kv_share == placed.prompt_kv_share == 1.0
    assert placed.excess_bytes == pytest.approx(160e6 - 230e6, rel=EXACT)


def test_what_a_chip_without_dram_cannot_hold_is_counted_in_bytes() -> None:
    placed = placed_on(groq_like(), 200e6, 50e6)
    assert placed.excess_bytes == pytest.approx(20e6, rel=EXACT)
    assert placed.weight_share == placed.kv_share == 1.0  # read at SRAM speed, so that it stays finite


HYBRID = {"dram_bytes": 10e9, "dram_bandwidth": 20e12}  # a byte of SRAM takes a quarter of one of DRAM


def test_a_hybrid_pins_weights_before_kv_that_is_no_slower_to_read() -> None:
    placed = placed_on(groq_like(**HYBRID), 460e6, 50e6)
    assert placed.weight_share == pytest.approx(0.5, rel=EXACT)
    assert placed.kv_share == 0.0


def test_no_more_is_pinned_than_lets_both_tiers_end_together() -> None:
    # 80 and 20 TB/s stream at once: four bytes of five from SRAM. 230 less 104 MB are left for 400 MB of KV
    placed = placed_on(groq_like(**HYBRID), 130e6, 400e6, 126e6 / 0.7)
    assert placed.weight_share == pytest.approx(0.8, rel=EXACT)
    assert placed.kv_share == pytest.approx(126 / 400, rel=EXACT)
    assert placed.prompt_kv_share == pytest.approx(0.7, rel=EXACT)
    assert placed_on(groq_like(**HYBRID), 130e6, 400e6, 1e6).prompt_kv_share == pytest.approx(0.8, rel=EXACT)


def test_kv_is_balanced_at_the_rate_at_which_dram_reads_it() -> None:
    # KV at half of the DRAM's speed: 80 to 10 TB/s, eight bytes of nine
    placed = placed_on(groq_like(**HYBRID, kv_efficiency=0.5), 1e6, 1e6)
    assert placed.weight_share == pytest.approx(4 / 5, rel=EXACT)
    assert placed.kv_share == pytest.approx(8 / 9, rel=EXACT)


def test_what_gains_most_by_it_comes_first() -> None:
    # KV from DRAM takes twice as long a byte as weights: its eight bytes of nine first, weights what is left
    chips = groq_like(**HYBRID, kv_efficiency=0.5)
    placed = placed_on(chips, 460e6, 225e6)
    assert placed.kv_share == pytest.approx(8 / 9, rel=EXACT)
    assert placed.weight_share == pytest.approx((230 - 200) / 460, rel=EXACT)
    # but a pass that reads a quarter of it gains half as much as with a weight
    placed = placed_on(chips, 460e6, 225e6, kv_reads=0.25)
    assert placed.weight_share == pytest.approx(0.5, rel=EXACT)
    assert placed.kv_share == 0.0


def test_what_hides_behind_arithmetic_leaves_its_place_to_what_does_not() -> None:
    # matrices are busy for half of what DRAM takes, so half of the weights may stay there: 115 of 230 MB
    placed = placed_on(groq_like(**HYBRID), 230e6, 230e6, hidden=0.5 / 20e12)
    assert placed.weight_share == pytest.approx(0.5, rel=EXACT)
    assert placed.kv_share == pytest.approx(0.5, rel=EXACT)


def test_room_that_nobody_needs_is_used_all_the_same() -> None:
    # both hide behind arithmetic, and a byte from SRAM takes less energy
    placed = placed_on(groq_like(**HYBRID), 100e6, 100e6, hidden=1.0, kv_hidden=1.0)
    assert placed.weight_share == placed.kv_share == 1.0


def test_what_dram_cannot_hold_goes_where_it_slows_a_pass_least() -> None:
    # 80 TB/s and 100 TB/s end together at 4/9. Of 400 MB DRAM holds 100, so 122.2 MB more go to SRAM: a byte
    # of weights costs the exposed tenth, units are busy for longer, and one of KV the half that is read
    chips = groq_like(sram_bytes=310e6, dram_bytes=100e6, dram_bandwidth=100e12)
    t = seconds_per_byte(chips)
    demands = demand(200e6, t.dram, busy=2.0 / 80e12, exposed=0.1), demand(200e6, t.kv_dram, reads=0.5)
    placed = place(chips, t, demands, b(0.0), b(0.0))
    assert placed.weight_share == pytest.approx(1.0, rel=EXACT)
    assert placed.kv_share == pytest.approx(0.5, rel=EXACT)


def seconds_of(d: PinningValue, share: float, sram: float) -> float:
    """Seconds of one kind of bytes: the longer of compute and streams, and a share of the shorter."""
    size, e, port = d.held_bytes.item() * d.reads.item(), d.exposed_share.item(), d.port_s_per_byte.item()
    streams = max(share * sram, (1.0 - share) * d.dram_s_per_byte.item(), port)
    return size * (max(d.busy_s_per_byte.item(), streams) + e * min(d.busy_s_per_byte.item(), streams))


def best_by_linear_program(chips: Chips, demands: tuple[PinningValue, ...]) -> float:
    """Least seconds of kinds that share one SRAM, found by scipy: share, streams and longest of each kind."""
    s, sram, dram = seconds_per_byte(chips).sram.item(), chips.sram.bytes.item(), chips.dram.bytes.item()
    n, total = len(demands), sum(d.held_bytes.item() for d in demands)
    unit = sum(
        d.held_bytes.item() * d.reads.item() * d.dram_s_per_byte.item() for d in demands
    )  # so that all is near 1
    cost, rows, limits, fixed = [], [], [], 0.0
    for i, d in enumerate(demands):
        amount, e = d.held_bytes.item() * d.reads.item() / unit, d.exposed_share.item()
        # time = e x (streams + busy) + (1 - e) x longest
        cost += [0.0, e, 1.0 - e]
        fixed += e * amount * d.busy_s_per_byte.item()
        for share, streams, longest, least in (
            (amount * s, -1.0, 0.0, 0.0),
            (-amount * d.dram_s_per_byte.item(), -1.0, 0.0, -amount * d.dram_s_per_byte.item()),
            (0.0, -1.0, 0.0, -amount * d.port_s_per_byte.item()),
            (0.0, 1.0, -1.0, 0.0),
            (0.0, 0.0, -1.0, -amount * d.busy_s_per_byte.item()),
        ):
            row = [0.0] * (3 * n)
            row[3 * i : 3 * i + 3] = [share, streams, longest]
            rows.append(row)
            limits.append(least)
    for sign, limit in ((1.0 / sram, 1.0), (-1.0 / dram, 1.0 - total / dram)):
        rows.append([x for d in demands for x in (sign * d.held_bytes.item(), 0.0, 0.0)])
        limits.append(limit)
    found = linprog(
        cost,
        A_ub=rows,
        b_ub=limits,
        bounds=[(0, 1), (0, None), (0, None)] * n,
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0, found.message
    return (float(found.fun) + fixed) * unit


SIZE, SHARE = st.floats(1e8, 1e10), st.floats(0.0, 2.0)


@LAW
@given(
    sizes=st.tuples(SIZE, SIZE, SIZE),
    sram=SIZE,
    dram=SIZE,
    dram_bandwidth=st.floats(1e12, 1e14),
    efficiency=st.floats(0.2, 1.0),
    busy=st.tuples(SHARE, SHARE, SHARE),
    port=st.floats(0.0, 0.5),
    reads=st.tuples(st.just(1.0), st.floats(0.05, 1.0), st.floats(0.01, 1.0)),
    exposed=st.floats(0.0, 0.5),
    mixture=st.booleans(),
    scarce=st.booleans(),
)
def test_no_other_placement_is_faster(
    sizes: tuple[float, ...],
    sram: float,
    dram: float,
    dram_bandwidth: float,
    efficiency: float,
    busy: tuple[float, ...],
    port: float,
    reads: tuple[float, ...],
    exposed: float,
    mixture: bool,
    scarce: bool,
) -> None:
    kinds = 3 if mixture else 2  # dense weights, KV cache, and experts by hit rate
    if scarce:  # both tiers together just hold it, so that SRAM takes more than saves time
        dram = max(1e8, sum(sizes[:kinds]) / 0.999 - sram)
    assume(sum(sizes[:kinds]) <= 0.999 * (sram + dram))
    chips = groq_like(
        sram_bytes=sram, dram_bytes=dram, dram_bandwidth=dram_bandwidth, kv_efficiency=efficiency
    )
    t = seconds_per_byte(chips)
    rates = (t.dram, t.kv_dram, t.dram)
    demands = tuple(
        demand(
            sizes[i],
            rates[i],
            max(busy[i], port * (i != 1)) * rates[i].item(),
            reads[i],
            0.0 if i == 1 else port * rates[i].item(),
            0.0 if i == 1 else exposed,
        )
        for i in range(kinds)
    )
    placed = place(chips, t, demands, b(0.0), b(0.0))
    shares = [s.item() for s in placed.shares]
    pinned = sum(size * s for size, s in zip(sizes, shares, strict=False))
    assert pinned <= sram * (1 + EXACT)
    assert sum(sizes[:kinds]) - pinned <= dram * (1 + 1e-9)
    took = sum(seconds_of(d, s, t.sram.item()) for d, s in zip(demands, shares, strict=True))
    assert took == pytest.approx(best_by_linear_program(chips, demands), rel=1e-9)  # of the solver


def test_dense_weights_come_before_experts_that_are_read_now_and_then() -> None:
    # 150 and 400 MB, half of the experts read: 4/5 of the dense weights, and what is left of 230 MB
    chips = groq_like(**HYBRID)
    t = seconds_per_byte(chips)
    demands = demand(150e6, t.dram), demand(1e6, t.kv_dram, reads=0.1), demand(400e6, t.dram, reads=0.5)
    placed = place(chips, t, demands, b(0.0), b(0.0))
    assert placed.weight_share == pytest.approx(0.8, rel=EXACT)
    assert placed.expert_share == pytest.approx((230 - 120) / 400, rel=EXACT)
    assert placed.kv_share == 0.0


def test_a_cache_keeps_nothing_from_one_step_to_the_next() -> None:
    placed = placed_on(h100_like(sram_bytes=50e6, sram_bandwidth=5e12), 10e6, 10e6, 10e6)
    assert placed.weight_share == placed.kv_share == placed.prompt_kv_share == 0.0


def test_usable_capacity_shrinks_both_tiers() -> None:
    chips = groq_like(dram_bytes=1e9, dram_bandwidth=1e12, usable_capacity=0.5)
    placed = placed_on(chips, 1e9, 0.0)
    assert placed.weight_share == pytest.approx(0.115, rel=EXACT)
    assert placed.excess_bytes == pytest.approx(1e9 - 115e6 - 500e6, rel=EXACT)


SIZES = st.just(0.0) | st.floats(1.0, 1e12)


@LAW
@given(
    weights=st.floats(1e6, 1e12),
    kv=SIZES,
    prompt_kv=SIZES,
    activations=st.floats(0.0, 1e9),
    sram=st.floats(1e6, 1e12),
    more=st.floats(0.0, 1e12),
    dram_bandwidth=st.floats(1e10, 1e15),
)
def test_excess_falls_byte_for_byte_and_more_sram_never_lowers_a_share(
    weights: float,
    kv: float,
    prompt_kv: float,
    activations: float,
    sram: float,
    more: float,
    dram_bandwidth: float,
) -> None:
    chips = groq_like(dram_bytes=8e9, dram_bandwidth=dram_bandwidth)
    sizes = (weights, kv, prompt_kv, activations)
    few = placed_on(chips.replace(sram_bytes=b(sram)), *sizes)
    many = placed_on(chips.replace(sram_bytes=b(sram + more)), *sizes)
    # 4e12 B in double precision are good to about 1e-3 B
    assert few.excess_bytes - many.excess_bytes == pytest.approx(more, abs=1e-2)
    names = ("weight_share", "kv_share", *(() if few.excess_bytes > 0.0 else ("prompt_kv_share",)))
    for share in names:  # where nothing is left for prompts, theirs is no placement
        assert getattr(many, share) >= getattr(few, share) * (1 - EXACT)
        assert 0.0 <= getattr(few, share) <= 1.0
    pinned = weights * few.weight_share + kv * few.kv_share
    assert pinned <= sram * (1 + EXACT)  # shares are of bytes that exist


def test_what_is_not_pinned_fits_in_dram() -> None:
    # 40 GB of SRAM at 80 TB/s and 1 MB of DRAM as fast: half of 20 GB would be in one megabyte
    chips = groq_like(sram_bytes=40e9, dram_bytes=1e6, dram_bandwidth=80e12)
    placed = placed_on(chips, 20e9, 0.0)
    assert placed.excess_bytes < 0.0
    assert (1.0 - placed.weight_share) * 20e9 <= 1e6 * (1 + EXACT)


def test_a_rate_of_zero_is_an_absent_tier() -> None:
    assert inverse(np.array([0.0, 4.0])).tolist() == [0.0, 0.25]


def test_seconds_per_byte_follow_sustained_bandwidth() -> None:
    t = seconds_per_byte(
        groq_like(sram_efficiency=0.5, dram_bandwidth=1e12, dram_efficiency=0.25, dram_bytes=1e9)
    )
    assert t.sram == pytest.approx(1 / 40e12, rel=EXACT)
    assert t.dram == pytest.approx(1 / 0.25e12, rel=EXACT)


def test_weights_enter_the_matrix_unit_at_its_own_rate() -> None:
    t = seconds_per_byte(groq_like(weight_load_bandwidth=9.216e12, sram_efficiency=0.5))
    assert t.load == pytest.approx(1 / 4.608e12, rel=EXACT)
    assert t.sram == pytest.approx(1 / 40e12, rel=EXACT)  # KV is not stationary
    assert seconds_per_byte(groq_like(weight_load_bandwidth=0.0)).load == 0.0  # no limit


def test_kv_is_read_from_dram_at_its_own_efficiency() -> None:
    t = seconds_per_byte(h100_like(dram_efficiency=0.8, kv_efficiency=0.5))
    assert t.dram == pytest.approx(1 / 2.68e12, rel=EXACT)
    assert t.kv_dram == pytest.approx(1 / 1.675e12, rel=EXACT)


def test_activations_stream_through_sram_where_its_speed_is_known() -> None:
    known, unknown = seconds_per_byte(h100_like(sram_bandwidth=5e12)), seconds_per_byte(h100_like())
    assert (known.activation_sram, known.activation_dram) == (pytest.approx(1 / 5e12, rel=EXACT), 0.0)
    assert (unknown.activation_sram, unknown.activation_dram) == (0.0, pytest.approx(1 / 2.68e12, rel=EXACT))
