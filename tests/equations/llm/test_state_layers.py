"""Mamba-2 and Kimi Delta Attention by hand: parameters, weights of a chip, states, FLOP of chunks."""

from dataclasses import replace

import factories as make
import jax.numpy as jnp
import numpy as np
import pytest

from dse.bounds import first_principles
from dse.bounds.attention import linear as second
from dse.spec.attention.linear import LinearAttentionSpec
from objectives.api import Block, LinearAttention, Llm
from objectives.equations.llm.attention import linear
from objectives.equations.llm.mean_layer import mean_layer

HIDDEN = 2688
# Nemotron 3 Nano: 64 heads of 64, 8 groups of a state of 128, four taps
SSD = LinearAttention(
    heads=64,
    key_heads=8,
    key_dim=128,
    value_dim=64,
    gate=True,
    delta=False,
    state_bytes=4.0,
    conv=4,
    step=True,
)
# Kimi Linear: 32 heads of 128, each low rank that of a head
KDA = LinearAttention(
    heads=32,
    key_heads=32,
    key_dim=128,
    value_dim=128,
    gate=False,
    delta=True,
    state_bytes=4.0,
    conv=4,
    decay_latent=128,
    gate_latent=128,
)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_mamba2_has_the_tensors_of_its_class() -> None:
    # in_proj to z, x, B, C and steps; conv1d with a bias; A, D and dt_bias; a gated norm; out_proj
    inner, groups = 64 * 64, 8 * 128
    in_proj = HIDDEN * (2 * inner + 2 * groups + 64)
    conv1d = (inner + 2 * groups) * 4 + (inner + 2 * groups)
    assert linear.params(SSD, HIDDEN) == in_proj + conv1d + 3 * 64 + inner + inner * HIDDEN
    assert linear.projection_elements(SSD, HIDDEN, a(1)) == in_proj + inner * HIDDEN
    assert second.weights(SSD, HIDDEN) == in_proj + inner * HIDDEN


def test_kimi_delta_attention_has_the_tensors_of_its_class() -> None:
    # q, k, v, o; f_a, f_b, g_a, g_b; b_proj; A_log; dt_bias; three convolutions; o_norm
    hidden, wide = 2304, 32 * 128
    low = 2 * (hidden * 128 + 128 * wide)
    matrices = 4 * hidden * wide + low + hidden * 32
    assert linear.params(KDA, hidden) == matrices + 32 + wide + 3 * wide * 4 + 128
    assert linear.projection_elements(KDA, hidden, a(1)) == matrices
    assert second.weights(KDA, hidden) == matrices


def test_a_split_keeps_the_narrow_matrices_whole_and_splits_the_rest_by_heads() -> None:
    hidden, wide = 2304, 4 * 128
    # f_a and g_a are on every chip
    by_hand = 4 * hidden * wide + 2 * (hidden * 128 + 128 * wide) + hidden * 4
    assert linear.projection_elements(KDA, hidden, a(8)) == by_hand
    # reads d, writes d; q, k, v and the input of o; two ranks and what comes of them; b
    moved = 2 * hidden + 4 * wide + 2 * (128 + wide) + 4
    assert linear.projection_traffic(KDA, hidden, a(8)) == moved
    assert linear.projection_traffic(SSD, HIDDEN, a(8)) == 2 * HIDDEN + 2 * 128 + 3 * 512 + 8


def test_the_convolution_may_be_kept_in_another_format() -> None:
    back = 3 * (2 * 8 * 128 + 64 * 64)
    assert linear.state_bytes(SSD, a(1)) == 4 * 64 * 64 * 128 + 4 * back
    assert linear.state_bytes(replace(SSD, conv_bytes=2.0), a(1)) == 4 * 64 * 64 * 128 + 2 * back
    assert linear.state_bytes(replace(SSD, conv_bytes=2.0), a(8)) == 4 * 8 * 64 * 128 + 2 * back / 8


def products(c: int, dk: int, dv: int, *, delta: bool) -> float:
    """FLOP of one chunk in one head, counted over its rows: the algorithm of the papers, step by step."""
    total = 0.0
    for row in range(c):
        # row sees what came before; a row with itself is half of a step at this size
        before = row + 0.5
        total += 2 * before * (dk + dv)  # with keys, then with values
        total += 2 * dk * dv  # the state that the chunk was given, with the query
        total += 2 * dk * dv  # what the row adds to the state
        if delta:
            total += 2 * before * dk  # keys with keys
            total += sum(2 * (row - j) for j in range(row))  # its row of the inverse of the triangle
            total += 2 * before * (dk + dv)  # the inverse with keys and with values
            total += 2 * dk * dv  # what the state says of the key
    return total


@pytest.mark.parametrize("layer", [SSD, KDA], ids=["ssd", "kda"])
def test_chunks_cost_what_a_count_row_by_row_says(layer: LinearAttention) -> None:
    c, one = 256, replace(layer, heads=4, key_heads=4, chunk=256)
    by_row = products(c, one.key_dim, one.value_dim, delta=one.delta) / c
    # substitution takes c^2 / 3 with its smaller terms
    assert linear.prompt_core_flop(one, a(1)) == pytest.approx(4 * by_row, rel=0.01)
    # decode knows no chunks
    assert linear.core_flop(one, a(1)) == linear.core_flop(replace(one, chunk=0), a(1))
    assert linear.prompt_core_flop(replace(one, chunk=0), a(1)) == linear.core_flop(one, a(1))


def _multiplied(chunk: int, keys: int, values: int) -> float:
    """FLOP a row of SSD in chunks, one head: products with masked halves are counted pair by pair."""
    pairs = sum(1 for i in range(chunk) for j in range(chunk) if j < i) + chunk / 2  # half of the diagonal
    scores, outputs = 2 * pairs * keys, 2 * pairs * values
    into_state, out_of_state = 2 * chunk * keys * values, 2 * chunk * keys * values
    return (scores + outputs + into_state + out_of_state) / chunk


def test_a_prompt_in_chunks_multiplies_each_row_with_those_before_it() -> None:
    one = replace(SSD, heads=1, key_heads=1, chunk=64)
    assert linear.prompt_core_flop(one, a(1)) == pytest.approx(_multiplied(64, 128, 64), rel=1e-12)
    # decode is one row after the other, and without chunks so is a prompt
    assert linear.core_flop(one, a(1)) == 4 * 128 * 64
    assert linear.prompt_core_flop(SSD, a(1)) == linear.core_flop(SSD, a(1))


def test_groups_share_the_products_of_queries_with_keys() -> None:
    one = replace(SSD, chunk=128)
    state = 4 * 128 * 64 * 64
    assert linear.prompt_core_flop(one, a(1)) == state + 8 * 128 * 128 + 64 * 128 * 64
    assert linear.prompt_core_flop(one, a(8)) == (state + 8 * 128 * 128 + 64 * 128 * 64) / 8


@pytest.mark.parametrize("layer", [SSD, KDA, replace(KDA, chunk=64)], ids=["ssd", "kda", "chunks"])
def test_jax_counts_the_same(layer: LinearAttention) -> None:
    ways = [1.0, 2.0, 8.0]
    for count in (linear.state_bytes, linear.core_flop, linear.prompt_core_flop):
        assert np.allclose(count(layer, jnp.asarray(ways)), count(layer, np.asarray(ways)), rtol=1e-6)
    for of in (linear.projection_elements, linear.projection_traffic):
        there, here = of(layer, HIDDEN, jnp.asarray(ways)), of(layer, HIDDEN, np.asarray(ways))
        assert np.allclose(there, here, rtol=1e-6)


@pytest.mark.parametrize("layer", [SSD, KDA, replace(KDA, chunk=64)], ids=["ssd", "kda", "chunks"])
def test_a_whole_network_is_bounded_by_the_independent_count(layer: LinearAttention) -> None:
    llm = Llm(name="s", hidden=HIDDEN, vocab=0, blocks=(Block(count=3, attention=layer),), nominal_params=1e9)
    work = make.context(llm, isl=1000.0, osl=10.0, mean_context=1005.0).workload
    found, mean = first_principles.count(llm, work), mean_layer(llm, a(1))
    assert found.layers == 3 * mean.weights()
    assert mean.state_bytes is not None
    assert found.state_bytes <= 3 * mean.state_bytes
    assert found.core_flop <= 3 * mean.core_flop(a(1005))
    assert found.prompt_core_flop <= 3 * 1000 * mean.prompt_core_flop(a(1000))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"gate": True, "gate_latent": 8}, "expected either gate or gate_latent, got both"),
        ({"delta": True, "step": True}, "expected either delta or step, got both"),
        ({"decay_latent": 8}, "expected decay_latent with delta, got it without"),
        ({"conv_state": "bf16"}, "expected conv_state with conv, got it without"),
    ],
)
def test_keys_that_exclude_each_other_are_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        LinearAttentionSpec.model_validate({"heads": 4, "key_heads": 4, "key_dim": 8, "value_dim": 8, **keys})


def test_a_layer_without_the_new_keys_is_written_as_before() -> None:
    keys = {"heads": 4, "key_heads": 4, "key_dim": 8, "value_dim": 8}
    written = set(LinearAttentionSpec.model_validate(keys).model_dump())
    assert written == {*keys, "gate", "delta", "conv", "state"}
