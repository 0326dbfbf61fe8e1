"""Where bytes go, by hand: shares of SRAM, seconds per byte, and what fits nowhere."""

import numpy as np
import pytest
from factories import LAW, groq_like, h100_like
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from objectives.api import Chips
from objectives.equations.placement import Placement, Reads, inverse, place, tiers

EXACT = 1e-12  # rounding of a few floating-point operations


def b(value: float) -> np.ndarray:
    return np.array([value])


def placed_on(
    chips: Chips, weights: float, kv: float, prompt_kv: float = 0.0, activations: float = 0.0,
    hidden: float = 0.0, kv_hidden: float = 0.0, kv_reads: float = 1.0,
) -> Placement:  # fmt: skip
    reads = Reads(hidden=b(hidden), kv_hidden=b(kv_hidden), kv=b(kv_reads))
    return place(chips, tiers(chips), reads, b(weights), b(kv), b(prompt_kv), b(activations))


def test_everything_that_fits_in_a_scratchpad_lives_there() -> None:
    placed = placed_on(groq_like(), 100e6, 50e6, 1e6, 10e6)
    assert placed.weight_share == placed.kv_share == placed.prompt_kv_share == 1.0
    assert placed.excess == pytest.approx(160e6 - 230e6, rel=EXACT)


def test_what_a_chip_without_dram_cannot_hold_is_counted_in_bytes() -> None:
    placed = placed_on(groq_like(), 200e6, 50e6)
    assert placed.excess == pytest.approx(20e6, rel=EXACT)
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


def best_by_linear_program(
    chips: Chips, weights: float, kv: float, hidden: float, kv_hidden: float, kv_reads: float
) -> float:
    """Least seconds of two groups that share one SRAM, found by scipy: x, y, time of weights, time of KV."""
    t, sram, dram = tiers(chips), chips.sram_bytes.item(), chips.dram_bytes.item()
    w_s, w_d = weights * t.sram.item(), weights * t.dram.item()
    k_s, k_d = kv_reads * kv * t.sram.item(), kv_reads * kv * t.kv_dram.item()
    unit = w_d + k_d  # so that everything is near 1
    rows = [
        ([w_s / unit, 0.0, -1.0, 0.0], 0.0),
        ([-w_d / unit, 0.0, -1.0, 0.0], -w_d / unit),
        ([0.0, 0.0, -1.0, 0.0], -weights * hidden / unit),
        ([0.0, k_s / unit, 0.0, -1.0], 0.0),
        ([0.0, -k_d / unit, 0.0, -1.0], -k_d / unit),
        ([0.0, 0.0, 0.0, -1.0], -kv_reads * kv * kv_hidden / unit),
        ([weights / sram, kv / sram, 0.0, 0.0], 1.0),
        ([-weights / dram, -kv / dram, 0.0, 0.0], 1.0 - (weights + kv) / dram),
    ]
    found = linprog(
        [0.0, 0.0, 1.0, 1.0], A_ub=[r for r, _ in rows], b_ub=[c for _, c in rows],
        bounds=[(0, 1), (0, 1), (0, None), (0, None)],
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    assert found.status == 0, found.message
    return float(found.fun) * unit


@LAW
@given(
    weights=st.floats(1e8, 1e10), kv=st.floats(1e8, 1e10), sram=st.floats(1e8, 1e10),
    dram=st.floats(1e8, 1e10), dram_bandwidth=st.floats(1e12, 1e14), efficiency=st.floats(0.2, 1.0),
    hidden=st.floats(0.0, 2.0), kv_hidden=st.floats(0.0, 2.0), kv_reads=st.floats(0.05, 1.0),
)  # fmt: skip
def test_no_other_placement_is_faster(
    weights: float, kv: float, sram: float, dram: float, dram_bandwidth: float, efficiency: float,
    hidden: float, kv_hidden: float, kv_reads: float,
) -> None:  # fmt: skip
    assume(weights + kv <= 0.999 * (sram + dram))
    chips = groq_like(
        sram_bytes=sram, dram_bytes=dram, dram_bandwidth=dram_bandwidth, kv_efficiency=efficiency
    )
    t = tiers(chips)
    behind = hidden * t.dram.item(), kv_hidden * t.kv_dram.item(), kv_reads
    placed = placed_on(chips, weights, kv, 0.0, 0.0, *behind)
    x, y = placed.weight_share.item(), placed.kv_share.item()
    assert weights * x + kv * y <= sram * (1 + EXACT)
    assert weights * (1 - x) + kv * (1 - y) <= dram * (1 + 1e-9)
    took = weights * max(behind[0], x * t.sram.item(), (1 - x) * t.dram.item()) + kv_reads * kv * max(
        behind[1], y * t.sram.item(), (1 - y) * t.kv_dram.item()
    )
    best = best_by_linear_program(chips, weights, kv, *behind)
    assert took == pytest.approx(best, rel=1e-6)  # of the solver


def test_a_cache_keeps_nothing_from_one_step_to_the_next() -> None:
    placed = placed_on(h100_like(sram_bytes=50e6, sram_bandwidth=5e12), 10e6, 10e6, 10e6)
    assert placed.weight_share == placed.kv_share == placed.prompt_kv_share == 0.0


def test_usable_capacity_shrinks_both_tiers() -> None:
    chips = groq_like(dram_bytes=1e9, dram_bandwidth=1e12, usable_capacity=0.5)
    placed = placed_on(chips, 1e9, 0.0)
    assert placed.weight_share == pytest.approx(0.115, rel=EXACT)
    assert placed.excess == pytest.approx(1e9 - 115e6 - 500e6, rel=EXACT)


SIZES = st.just(0.0) | st.floats(1.0, 1e12)


@LAW
@given(
    weights=st.floats(1e6, 1e12), kv=SIZES, prompt_kv=SIZES, activations=st.floats(0.0, 1e9),
    sram=st.floats(1e6, 1e12), more=st.floats(0.0, 1e12), dram_bandwidth=st.floats(1e10, 1e15),
)  # fmt: skip
def test_excess_falls_byte_for_byte_and_more_sram_never_lowers_a_share(
    weights: float, kv: float, prompt_kv: float, activations: float, sram: float, more: float,
    dram_bandwidth: float,
) -> None:  # fmt: skip
    chips = groq_like(dram_bytes=8e9, dram_bandwidth=dram_bandwidth)
    sizes = (weights, kv, prompt_kv, activations)
    few = placed_on(chips.replace(sram_bytes=b(sram)), *sizes)
    many = placed_on(chips.replace(sram_bytes=b(sram + more)), *sizes)
    # 4e12 B in double precision are good to about 1e-3 B
    assert few.excess - many.excess == pytest.approx(more, abs=1e-2)
    names = ("weight_share", "kv_share", *(() if few.excess > 0.0 else ("prompt_kv_share",)))
    for share in names:  # where nothing is left for prompts, theirs is no placement
        assert getattr(many, share) >= getattr(few, share) * (1 - EXACT)
        assert 0.0 <= getattr(few, share) <= 1.0
    pinned = weights * few.weight_share + kv * few.kv_share
    assert pinned <= sram * (1 + EXACT)  # shares are of bytes that exist


def test_what_is_not_pinned_fits_in_dram() -> None:
    # 40 GB of SRAM at 80 TB/s beside 1 MB of DRAM as fast: half of 20 GB would lie in one megabyte
    chips = groq_like(sram_bytes=40e9, dram_bytes=1e6, dram_bandwidth=80e12)
    placed = placed_on(chips, 20e9, 0.0)
    assert placed.excess < 0.0
    assert (1.0 - placed.weight_share) * 20e9 <= 1e6 * (1 + EXACT)


def test_a_rate_of_zero_is_an_absent_tier() -> None:
    assert inverse(np.array([0.0, 4.0])).tolist() == [0.0, 0.25]


def test_seconds_per_byte_follow_sustained_bandwidth() -> None:
    t = tiers(groq_like(sram_efficiency=0.5, dram_bandwidth=1e12, dram_efficiency=0.25, dram_bytes=1e9))
    assert t.sram == pytest.approx(1 / 40e12, rel=EXACT)
    assert t.dram == pytest.approx(1 / 0.25e12, rel=EXACT)


def test_weights_enter_the_matrix_unit_at_its_own_rate() -> None:
    t = tiers(groq_like(weight_load_bandwidth=9.216e12, sram_efficiency=0.5))
    assert t.load == pytest.approx(1 / 4.608e12, rel=EXACT)
    assert t.sram == pytest.approx(1 / 40e12, rel=EXACT)  # KV is not stationary
    assert tiers(groq_like(weight_load_bandwidth=0.0)).load == 0.0  # no limit


def test_kv_is_read_from_dram_at_its_own_efficiency() -> None:
    t = tiers(h100_like(dram_efficiency=0.8, kv_efficiency=0.5))
    assert t.dram == pytest.approx(1 / 2.68e12, rel=EXACT)
    assert t.kv_dram == pytest.approx(1 / 1.675e12, rel=EXACT)


def test_activations_stream_through_sram_where_its_speed_is_known() -> None:
    known, unknown = tiers(h100_like(sram_bandwidth=5e12)), tiers(h100_like())
    assert (known.activation_sram, known.activation_dram) == (pytest.approx(1 / 5e12, rel=EXACT), 0.0)
    assert (unknown.activation_sram, unknown.activation_dram) == (0.0, pytest.approx(1 / 2.68e12, rel=EXACT))
