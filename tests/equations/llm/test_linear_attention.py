"""Linear attention by hand: a state instead of a KV cache, whatever the context."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from objectives.api import LinearAttention
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import linear
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.llm.parameters import params

EXACT = 1e-12  # rounding of a few floating-point operations
DELTA = make.qwen3_next().blocks[0].attention
assert isinstance(DELTA, LinearAttention)
LIGHTNING = LinearAttention(
    heads=64, key_heads=64, key_dim=128, value_dim=128, gate=True, delta=False, state_bytes=4.0
)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_qwen3_next_has_eighty_billion_parameters() -> None:
    # the model card says 80B; the layer for multi-token prediction is not counted
    assert params(make.qwen3_next()) == pytest.approx(80e9, rel=0.01)


def test_projections_have_the_sizes_of_the_matrices() -> None:
    # queries and keys of 16 x 128; values, gate and output of 32 x 128
    assert linear.projection_elements(DELTA, 2048, a(1)) == 2048 * (2 * 2048 + 4096 + 4096) + 4096 * 2048
    # qkv_proj 6144 x 24576, output_gate 6144 x 8192, out_proj 8192 x 6144, as MiniMax-Text-01 prints itself
    assert linear.projection_elements(LIGHTNING, 6144, a(1)) == 6144 * (24576 + 8192) + 8192 * 6144
    assert linear.projection_elements(DELTA, 2048, a(8)) == 2048 * (2 * 256 + 3 * 512)


def test_what_is_left_out_of_the_matrices_is_below_a_percent() -> None:
    for attention, hidden in ((DELTA, 2048), (LIGHTNING, 6144)):
        counted = float(linear.projection_elements(attention, hidden, a(1))[0])
        assert counted <= linear.params(attention, hidden) <= 1.01 * counted


def test_a_state_is_two_mebibytes_in_fp32_and_split_by_heads() -> None:
    # 32 heads of 128 x 128 in four bytes, and three tokens that the convolution reaches back to
    assert linear.state_bytes(DELTA, a(1)) == 4 * (32 * 128 * 128 + 3 * (2 * 2048 + 4096))
    assert linear.state_bytes(LIGHTNING, a(1)) == 4 * 64 * 128 * 128
    assert linear.state_bytes(LIGHTNING, a(8)) == 4 * 8 * 128 * 128


def test_the_delta_rule_works_once_more_over_the_state() -> None:
    one = replace(DELTA, delta=False)
    assert linear.core_flop(one, a(1)) == 4 * 32 * 128 * 128
    assert linear.core_flop(DELTA, a(1)) == 6 * 32 * 128 * 128


def test_only_softmax_layers_keep_and_read_a_context() -> None:
    layer = mean_layer(make.qwen3_next(), a(1))
    # 12 layers of 48 with 2 KV heads of 256
    assert 48 * layer.kv_kept(1000.0) == pytest.approx(12 * 2 * 2 * 256 * 1000, rel=EXACT)
    assert layer.state_bytes is not None
    assert 48 * layer.state_bytes == pytest.approx(36 * linear.state_bytes(DELTA, a(1)), rel=EXACT)
    grown = 48 * (layer.kept_bytes(2000.0, 2.0) - layer.kept_bytes(1000.0, 2.0))
    assert grown == pytest.approx(12 * 2 * 2 * 256 * 1000 * 2, rel=EXACT)


def test_decode_reads_and_writes_the_state_of_every_sequence() -> None:
    ideal = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    context = make.context(make.qwen3_next(), isl=1.0, osl=2.0, mean_context=0.0)
    m = RooflineCostModel().evaluate(make.design(ideal, batch=64), context, detail=True)
    by_hand = 64 * 36 * 2 * float(linear.state_bytes(DELTA, a(1))[0]) / 3.35e12
    assert m.tpot_parts["attention_core"] == pytest.approx(by_hand, rel=1e-9)


def test_a_long_context_costs_a_hybrid_a_quarter_of_its_layers() -> None:
    llm = make.qwen3_next()
    whole = replace(llm, blocks=(replace(llm.blocks[1], count=48),))
    context = make.context(llm, isl=262_144.0, osl=2.0)
    design = make.design(make.h100_like(), batch=4, tp=8)
    kept = {}
    for name, one in (("hybrid", llm), ("softmax", whole)):
        m = RooflineCostModel().evaluate(design, replace(context, llm=one), detail=True)
        kept[name] = float(m.capacity_parts["kv_cache"][0])
    assert kept["hybrid"] / kept["softmax"] == pytest.approx(0.25, rel=0.02)  # the states are the rest
