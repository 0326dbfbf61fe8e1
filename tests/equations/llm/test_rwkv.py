"""RWKV-6 and RWKV-7 by hand: parameters, weights of a chip, states, FLOP of a row."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from dse.bounds.attention import rwkv as second
from dse.spec.attention.rwkv import RwkvSpec
from objectives.api import Block, Ffn, Llm, Rwkv
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import rwkv
from objectives.equations.llm.mean_layer import mean_layer

HIDDEN = 2048
# RWKV-6 World 1.6B: 32 heads of 64, ranks of 32 for mixes and 64 for decays
FINCH = Rwkv(heads=32, head_dim=64, decay_latent=64, mix_latent=32, shift=4096, state_bytes=4.0)
# RWKV-7 World 1.5B: ranks of 96, 96, 64 and 256
GOOSE = Rwkv(
    heads=32,
    head_dim=64,
    decay_latent=96,
    rate_latent=96,
    value_latent=64,
    gate_latent=256,
    shift=4096,
    state_bytes=4.0,
)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_rwkv_6_has_the_tensors_of_its_class() -> None:
    d = HIDDEN
    matrices = {"receptance": d * d, "key": d * d, "value": d * d, "gate": d * d, "output": d * d}
    low = {"maa_w1": d * 5 * 32, "maa_w2": 5 * 32 * d, "decay_w1": d * 64, "decay_w2": 64 * d}
    vectors = {"maa x, w, k, v, r, g": 6 * d, "decay": d, "faaaa": d, "ln_x": 2 * d}
    weights = sum(matrices.values()) + sum(low.values())
    assert rwkv.params(FINCH, d) == weights + sum(vectors.values())
    assert rwkv.projection_elements(FINCH, d, a(1)) == weights
    assert second.weights(FINCH, d) == weights


def test_rwkv_7_has_the_tensors_of_its_class() -> None:
    d = HIDDEN
    matrices = 4 * d * d
    low = {"w": 2 * d * 96, "a": 2 * d * 96, "v": 2 * d * 64, "g": 2 * d * 256}
    # mixes of r, w, k, v, a, g; k_k, k_a, r_k; biases of w, a, v; weight and bias of g_norm
    vectors = 6 * d + 3 * d + 3 * d + 2 * d
    assert rwkv.params(GOOSE, d) == matrices + sum(low.values()) + vectors
    assert rwkv.projection_elements(GOOSE, d, a(1)) == matrices + sum(low.values())
    assert second.weights(GOOSE, d) == matrices + sum(low.values())
    # the first layer has no values to mix with
    first = replace(GOOSE, value_latent=None)
    assert rwkv.params(GOOSE, d) - rwkv.params(first, d) == low["v"] + d


def test_a_split_takes_heads_and_leaves_narrow_matrices_whole() -> None:
    d, wide = HIDDEN, 4 * 64
    ranks = 96 + 96 + 64 + 256
    assert rwkv.projection_elements(GOOSE, d, a(8)) == 4 * d * wide + ranks * (d + wide)
    # the row in and out; r, k, v and the input of the output; ranks and what comes of them
    assert rwkv.projection_traffic(GOOSE, d, a(8)) == 2 * d + 4 * wide + ranks + 4 * wide
    # both matrices of the mixes are on every chip, and so are the five rows that they make
    assert rwkv.projection_elements(FINCH, d, a(8)) == 5 * d * wide + 64 * (d + wide) + 10 * 32 * d
    assert rwkv.projection_traffic(FINCH, d, a(8)) == 2 * d + 5 * wide + 64 + wide + 5 * 32 + 5 * d


def test_a_state_is_a_matrix_for_each_head_and_two_tokens_that_every_chip_has() -> None:
    assert rwkv.state_bytes(GOOSE, a(1)) == 4 * (32 * 64 * 64 + 2 * 2048)
    assert rwkv.state_bytes(GOOSE, a(8)) == 4 * (4 * 64 * 64 + 2 * 2048)
    wide = replace(GOOSE, value_dim=128)
    assert rwkv.state_bytes(wide, a(1)) == 4 * (32 * 64 * 128 + 2 * 2048)
    assert rwkv.kv_elements(GOOSE, a(1)) == 0


def recurrence(keys: int, values: int, *, forgets: bool) -> int:
    """FLOP of one row in one head, counted while the state of random numbers is rewritten."""
    rng, count = np.random.default_rng(0), 0
    state, decay = rng.normal(size=(keys, values)), rng.uniform(size=keys)
    key, value, receptance, away, rate = (rng.normal(size=n) for n in (keys, values, keys, keys, keys))
    said = np.zeros(values)
    if forgets:
        for i in range(keys):
            said, count = said + away[i] * state[i], count + 2 * values
    for i in range(keys):
        state[i], count = state[i] * decay[i], count + values
        if forgets:
            state[i], count = state[i] + rate[i] * said, count + 2 * values
        state[i], count = state[i] + key[i] * value, count + 2 * values
    result = np.zeros(values)
    for i in range(keys):
        result, count = result + receptance[i] * state[i], count + 2 * values
    assert np.isfinite(result).all()
    return count


@pytest.mark.parametrize("layer", [FINCH, GOOSE], ids=["6", "7"])
def test_a_row_costs_what_the_recurrence_does_whatever_the_context(layer: Rwkv) -> None:
    by_hand = 32 * recurrence(64, 64, forgets=layer.rate_latent is not None)
    assert rwkv.core_flop(layer, a(1)) == rwkv.prompt_core_flop(layer, a(1)) == by_hand
    assert rwkv.core_flop(layer, a(8)) == by_hand / 8
    assert second.core_flop(layer) < by_hand
    block = Block(count=24, attention=layer, ffn=Ffn(width=8192, matrices=2))
    llm = Llm(name="r", hidden=HIDDEN, vocab=0, blocks=(block,), nominal_params=1e9)
    assert mean_layer(llm, a(1)).core_flop(a(1e6)) == by_hand


def test_decode_reads_and_writes_the_state_of_every_sequence() -> None:
    ideal = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    block = Block(count=24, attention=GOOSE, ffn=Ffn(width=8192, matrices=2))
    llm = Llm(name="r", hidden=HIDDEN, vocab=65536, blocks=(block,), nominal_params=1e9)
    m = RooflineCostModel().evaluate(make.design(ideal, batch=64), make.context(llm), detail=True)
    by_hand = 64 * 24 * 2 * 4 * (32 * 64 * 64 + 2 * 2048) / 3.35e12
    assert m.tpot_parts["attention_core"] == pytest.approx(by_hand, rel=1e-9)


def test_keys_of_a_file_make_the_layer() -> None:
    keys = {"heads": 32, "head_dim": 64, "decay_latent": 64, "mix_latent": 32, "shift": 4096}
    assert RwkvSpec.model_validate(keys).resolve() == FINCH
    assert RwkvSpec.model_validate({**keys, "state": "bf16"}).resolve() == replace(FINCH, state_bytes=2.0)
    with pytest.raises(ValueError, match="expected value_latent with rate_latent, got it without"):
        RwkvSpec.model_validate({**keys, "value_latent": 8})
