"""Mamba-1 by hand: parameters, weights of a chip, state, FLOP of a row, and what its chips add up."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from dse.bounds.attention import mamba as second
from dse.spec.attention.mamba import MambaSpec
from objectives.api import Attention, Block, Ffn, Llm, Mamba
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import mamba
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.llm.parameters import params

# Falcon Mamba 7B: 8,192 channels of 16 numbers on a stream of 4,096, time steps of 256
FALCON = Mamba(inner=8192, state_dim=16, step_rank=256, conv=4, state_bytes=4.0)
HIDDEN = 4096
LAYER = Block(count=64, attention=FALCON)
LLM = Llm(name="m", hidden=HIDDEN, vocab=65024, blocks=(LAYER,), nominal_params=7e9)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_it_has_the_tensors_of_its_class() -> None:
    tensors = {
        "in_proj.weight": 16384 * 4096,
        "conv1d.weight": 8192 * 1 * 4,
        "conv1d.bias": 8192,
        "x_proj.weight": (256 + 16 + 16) * 8192,
        "dt_proj.weight": 8192 * 256,
        "dt_proj.bias": 8192,
        "A_log": 8192 * 16,
        "D": 8192,
        "out_proj.weight": 4096 * 8192,
    }
    assert mamba.params(FALCON, HIDDEN) == sum(tensors.values())
    matrices = ("in_proj.weight", "x_proj.weight", "dt_proj.weight", "out_proj.weight")
    assert mamba.projection_elements(FALCON, HIDDEN, a(1)) == sum(tensors[name] for name in matrices)
    assert second.weights(FALCON, HIDDEN) == sum(tensors[name] for name in matrices)


def test_norms_and_biases_of_other_classes_are_counted() -> None:
    plain = mamba.params(FALCON, HIDDEN)
    # dt_layernorm, b_layernorm, c_layernorm of Jamba
    assert mamba.params(replace(FALCON, norms=True), HIDDEN) - plain == 256 + 16 + 16
    # in_proj.bias, out_proj.bias
    assert mamba.params(replace(FALCON, bias=True), HIDDEN) - plain == 16384 + 4096
    assert plain - mamba.params(replace(FALCON, conv_bias=False), HIDDEN) == 8192


def test_falcon_mamba_has_the_elements_that_transformers_creates() -> None:
    # `FalconMambaForCausalLM` of Transformers 5.24 on a device without memory
    assert params(LLM) == 7_272_665_088


def test_a_split_takes_channels_and_adds_up_what_all_of_them_make() -> None:
    # in and out, values to steps, keys and queries, and steps to values
    by_hand = 3 * 4096 * 1024 + 1024 * (256 + 32) + 256 * 1024
    assert mamba.projection_elements(FALCON, HIDDEN, a(8)) == by_hand
    # row in, two of values out; values in, 288 out; 256 in, steps out; values in, row out
    moved = 4096 + 2 * 1024 + 1024 + 288 + 256 + 1024 + 1024 + 4096
    assert mamba.projection_traffic(FALCON, HIDDEN, a(8)) == moved
    layer = mean_layer(LLM, a(8))
    # one all-reduce after the layer, and one of 288 elements inside: a reduce-scatter and an all-gather
    assert (layer.all_reduces, layer.all_gathers, layer.gathered) == (1, 2, 2 * 288)


def test_an_attention_has_no_such_sum() -> None:
    block = Block(count=4, attention=Attention(heads=32, kv_heads=8, head_dim=128))
    layer = mean_layer(Llm(name="a", hidden=4096, vocab=0, blocks=(block,), nominal_params=1e9), a(8))
    assert (layer.all_gathers, layer.gathered) == (0, 0)


def test_a_state_is_of_all_channels_whatever_the_context() -> None:
    assert mamba.state_bytes(FALCON, a(1)) == 8192 * (16 + 3) * 4
    assert mamba.state_bytes(FALCON, a(8)) == 1024 * (16 + 3) * 4
    assert mamba.state_bytes(replace(FALCON, conv_bytes=2.0), a(1)) == 8192 * (16 * 4 + 3 * 2)
    assert mamba.state_bytes(replace(FALCON, conv=0), a(1)) == 8192 * 16 * 4
    layer = mean_layer(LLM, a(1))
    assert layer.kept_bytes(10.0, 2.0) == layer.kept_bytes(1e6, 2.0) == 8192 * 19 * 4


def scanned(layer: Mamba) -> int:
    """FLOP of a row, counted while it is computed: the recurrence of the paper, one number at a time."""
    count = 0
    for _channel in range(layer.inner):
        count += 2 * layer.conv  # taps
        count += 1  # step times value
        for _number in range(layer.state_dim):
            count += 2  # step times decay, and its exponential
            count += 1  # times key
            count += 2  # state decayed, and added to
            count += 2  # times query, and added up
        count += 2  # the skip
        count += 1  # the gate
    return count


def test_a_row_costs_what_the_recurrence_does() -> None:
    small = replace(FALCON, inner=8)
    assert mamba.core_flop(small, a(1)) == scanned(small)
    assert mamba.prompt_core_flop(small, a(1)) == scanned(small)
    assert scanned(replace(small, inner=2)) == mamba.core_flop(small, a(4))
    layer = mean_layer(LLM, a(1))
    assert layer.core_flop(a(10)) == layer.core_flop(a(1e6)) == mamba.core_flop(FALCON, a(1))


def test_decode_reads_and_writes_the_state_of_every_sequence() -> None:
    ideal = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    m = RooflineCostModel().evaluate(make.design(ideal, batch=64), make.context(LLM), detail=True)
    by_hand = 64 * 64 * 2 * (8192 * 19 * 4) / 3.35e12
    assert m.tpot_parts["attention_core"] == pytest.approx(by_hand, rel=1e-9)


def test_more_chips_pay_for_the_sum_inside_a_layer() -> None:
    context = make.context(LLM)
    design = make.design(make.h100_like(), batch=16, tp=8)
    whole = RooflineCostModel().evaluate(design, context, detail=True)
    alone = replace(LLM, blocks=(replace(LAYER, attention=None, ffn=Ffn(width=8192, matrices=3)),))
    other = RooflineCostModel().evaluate(design, replace(context, llm=alone), detail=True)
    assert whole.tpot_parts["collectives"] > 1.5 * other.tpot_parts["collectives"]


def test_keys_of_a_file_make_the_layer() -> None:
    keys = {"inner": 8192, "state_dim": 16, "step_rank": 256, "conv": 4}
    assert MambaSpec.model_validate(keys).resolve() == FALCON
    wide = MambaSpec.model_validate({**keys, "state": "bf16", "conv_state": "bf16", "norms": True}).resolve()
    assert wide == replace(FALCON, state_bytes=2.0, conv_bytes=2.0, norms=True)
    # nothing is convolved, so nothing has a bias
    assert not MambaSpec.model_validate({**keys, "conv": 0}).resolve().conv_bias
    with pytest.raises(ValueError, match="expected conv_state with conv, got it without"):
        MambaSpec.model_validate({**keys, "conv": 0, "conv_state": "bf16"})
