"""One operator group by hand: the slowest of compute, SRAM and DRAM, and who gets the credit."""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.equations.chip.formats import FORMATS, arithmetic
from objectives.equations.chip.operator_time import OperatorTime, add_bounds, padded_rows

SECONDS = st.floats(0.0, 1e3)


def group(compute: float, sram: float, dram: float) -> OperatorTime:
    return OperatorTime(compute_s=np.array([compute]), sram_s=np.array([sram]), dram_s=np.array([dram]))


def credited(g: OperatorTime) -> dict[str, float]:
    return {k: float(v[0]) for k, v in g.bound().items()}


@pytest.mark.parametrize(
    ("times", "binds"),
    [
        ((3, 2, 1), "compute"),
        ((1, 3, 2), "sram"),
        ((1, 2, 3), "dram"),
        ((2, 2, 2), "compute"),
        ((1, 2, 2), "sram"),
    ],
)
def test_the_slowest_resource_binds_and_ties_go_in_order(times: tuple[int, int, int], binds: str) -> None:
    g = group(*times)
    assert g.seconds() == max(times)
    assert credited(g) == {k: float(max(times)) if k == binds else 0.0 for k in ("compute", "sram", "dram")}


@LAW
@given(compute=SECONDS, sram=SECONDS, dram=SECONDS)
def test_a_group_is_never_below_any_of_its_terms_and_credits_every_second_once(
    compute: float, sram: float, dram: float
) -> None:
    g = group(compute, sram, dram)
    assert g.seconds() == max(compute, sram, dram)
    assert sum(credited(g).values()) == max(compute, sram, dram)


@pytest.mark.parametrize(
    ("rows", "tile", "padded"), [(1, 8, 8), (8, 8, 8), (9, 8, 16), (7, 1, 7), (129, 128, 256)]
)
def test_rows_fill_whole_tiles(rows: float, tile: float, padded: float) -> None:
    assert padded_rows(np.array([float(rows)]), np.array([float(tile)])) == padded


def test_credits_add_key_by_key() -> None:
    one, two = np.array([1.0]), np.array([2.0])
    assert add_bounds([{"a": one}, {"a": two, "b": two}, {}]) == {"a": 3.0, "b": 2.0}


def test_four_bits_carry_their_scales() -> None:
    # one 2-byte scale per 128; one byte per 16; one byte per 32
    assert (FORMATS["int4"], FORMATS["nvfp4"], FORMATS["mxfp4"]) == (0.515625, 0.5625, 0.53125)


def test_the_wider_format_is_multiplied_and_a_chip_without_it_upcasts() -> None:
    assert arithmetic("int4", "fp16") == ("fp16", "fp32")  # weight-only quantisation
    assert arithmetic("fp8", "fp8") == ("fp8", "fp16", "fp32")
    assert arithmetic("bf16", "fp8")[0] == "fp16"
