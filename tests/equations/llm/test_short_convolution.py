"""Short convolutions by hand: parameters, weights of a chip, what a sequence keeps, FLOP."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from dse.bounds.attention import short_convolution as second
from dse.spec.attention.short_convolution import ShortConvolutionSpec
from objectives.api import Block, Ffn, Llm, ShortConvolution
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import short_convolution
from objectives.equations.llm.context_parallel import split_over
from objectives.equations.llm.mean_layer import mean_layer

# LFM2 1.2B: 2,048 channels of three taps
LFM2 = ShortConvolution(width=2048, taps=3, state_bytes=2.0)
LAYER = Block(count=10, attention=LFM2, ffn=Ffn(width=8192, matrices=3))
LLM = Llm(name="conv", hidden=2048, vocab=65536, blocks=(LAYER,), nominal_params=1e9)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_it_has_the_tensors_of_its_class() -> None:
    # in_proj 6144 x 2048, conv 2048 x 1 x 3, out_proj 2048 x 2048
    assert short_convolution.params(LFM2, 2048) == 6144 * 2048 + 2048 * 3 + 2048 * 2048
    biased = replace(LFM2, bias=True)
    assert short_convolution.params(biased, 2048) - short_convolution.params(LFM2, 2048) == 6144 + 2048 + 2048
    assert short_convolution.projection_elements(LFM2, 2048, a(1)) == 8192 * 2048
    assert second.weights(LFM2, 2048) == 8192 * 2048


def test_a_split_takes_channels() -> None:
    # 256 channels on each of eight chips, every projection of them
    assert short_convolution.projection_elements(LFM2, 2048, a(8)) == 4 * 2048 * 256
    # reads the row, writes three projections, reads what is left of them, writes the row
    assert short_convolution.projection_traffic(LFM2, 2048, a(8)) == 2048 + 3 * 256 + 256 + 2048
    assert short_convolution.state_bytes(LFM2, a(8)) == 2 * 256 * 2
    assert short_convolution.state_bytes(LFM2, a(3)) == 2 * 683 * 2


def test_a_sequence_keeps_the_tokens_that_the_taps_reach_back_to() -> None:
    assert short_convolution.state_bytes(LFM2, a(1)) == 2 * 2048 * 2
    assert short_convolution.state_bytes(replace(LFM2, taps=1), a(1)) == 0
    assert short_convolution.kv_elements(LFM2, a(1)) == 0
    layer = mean_layer(LLM, a(1))
    assert layer.kept_bytes(100.0, 2.0) == layer.kept_bytes(100_000.0, 2.0) == 2 * 2048 * 2


def test_a_row_costs_its_taps_and_two_gates_whatever_the_context() -> None:
    by_hand = 2048 * (3 * 2 + 1 + 1)
    layer = mean_layer(LLM, a(1))
    assert layer.core_flop(a(10)) == layer.core_flop(a(1e6)) == by_hand
    assert layer.prompt_core_flop(a(1000)) == by_hand
    assert second.core_flop(LFM2) == 2048 * 3 * 2


def test_decode_reads_and_writes_what_every_sequence_keeps() -> None:
    ideal = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    m = RooflineCostModel().evaluate(make.design(ideal, batch=64), make.context(LLM), detail=True)
    by_hand = 64 * 10 * 2 * (2 * 2048 * 2) / 3.35e12
    assert m.tpot_parts["attention_core"] == pytest.approx(by_hand, rel=1e-9)


def test_no_tokens_are_split_over_chips() -> None:
    cp = split_over(2.0)
    assert cp == 2.0
    layer = mean_layer(LLM, 1.0, cp=cp)
    assert layer.exchanges == 0.0
    # channels are split over all chips in their place
    assert layer.state_bytes == 2 * 1024 * 2


def test_keys_of_a_file_make_the_layer() -> None:
    assert ShortConvolutionSpec.model_validate({"width": 2048, "taps": 3}).resolve() == LFM2
    wide = ShortConvolutionSpec.model_validate({"width": 2048, "taps": 3, "state": "fp32"}).resolve()
    assert wide == replace(LFM2, state_bytes=4.0)
    for wrong in ({"width": 2048}, {"width": 2048, "taps": 0}, {"width": 2048, "taps": 3, "kernel": 4}):
        with pytest.raises(ValueError, match=r"taps|kernel"):
            ShortConvolutionSpec.model_validate(wrong)
