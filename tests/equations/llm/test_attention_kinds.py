"""Latent, windowed, chunked and parallel layers against arithmetic by hand."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW, deepseek_v3, gpt_j_6b, gpt_oss_20b, llama4_scout
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Attention, Block, LatentAttention, Llm
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import latent as mla
from objectives.equations.llm.attention import softmax
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.llm.parameters import params

EXACT = 1e-12  # rounding of a few floating-point operations
TP = np.array([1.0, 8.0, 128.0])
SLIDING = Attention(heads=64, kv_heads=8, head_dim=64, window=128)
CHUNKED = Attention(heads=40, kv_heads=8, head_dim=128, window=8192, chunked=True)
PLAIN = Attention(heads=64, kv_heads=8, head_dim=64)
WINDOWS = st.builds(
    Attention, heads=st.just(8), kv_heads=st.just(8), head_dim=st.just(64), window=st.integers(1, 10_000)
)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def latent(llm: Llm) -> LatentAttention:
    attention = llm.blocks[0].attention
    assert isinstance(attention, LatentAttention)
    return attention


def test_mla_keeps_576_elements_a_token_and_layer_however_wide_tp_is() -> None:
    assert mla.kv_elements(latent(deepseek_v3()), TP).tolist() == [576.0, 576.0, 576.0]  # 512 + 64
    assert mean_layer(deepseek_v3(), TP).kv_read(1000.0).tolist() == pytest.approx([576e3] * 3, rel=EXACT)


def test_mla_decodes_on_latents_and_prefills_on_heads() -> None:
    # scores over 512 + 64, values over 512, 128 heads; a prompt: scores over 128 + 64, values over 128
    decode = [2 * (576 + 512) * heads for heads in (128, 16, 1)]
    assert mla.core_flop(latent(deepseek_v3()), TP).tolist() == decode  # 278,528 on one chip
    prompt = [2 * (192 + 128) * heads for heads in (128, 16, 1)]
    assert mla.prompt_core_flop(latent(deepseek_v3()), TP).tolist() == prompt


def test_mla_splits_what_belongs_to_heads_and_repeats_what_all_heads_share() -> None:
    down = 7168 * (1536 + 512 + 64)
    head = 1536 * 192 + 512 * 256 + 128 * 7168
    got = mla.projection_elements(latent(deepseek_v3()), 7168, TP).tolist()
    assert got == [down + head * heads for heads in (128, 16, 1)]


def test_queries_of_mla_may_be_projected_directly() -> None:
    direct = LatentAttention(heads=16, latent=512, rope=64, nope=128, value=128, query_latent=None)
    # DeepSeek-V2-Lite: 2048 x (512 + 64) down; 2048 x 192 queries, 512 x 256 up and 128 x 2048 out, 16 heads
    expected = 2048 * 576 + 16 * (2048 * 192 + 512 * 256 + 128 * 2048)
    assert mla.projection_elements(direct, 2048, a(1)) == expected


def test_half_of_the_layers_of_gpt_oss_keep_128_tokens() -> None:
    # 2 x 8 heads x 64 elements a token: 12 layers keep 131,072 tokens, 12 keep 128
    kept = 24 * mean_layer(gpt_oss_20b(), a(1)).kv_read(131_072.0)
    assert kept == pytest.approx(1024 * 12 * (131_072 + 128), rel=EXACT)
    short = 24 * mean_layer(gpt_oss_20b(), a(1)).kv_read(100.0)
    assert short == pytest.approx(1024 * 24 * 100, rel=EXACT)


def test_a_window_is_seen_in_full_and_never_more() -> None:
    contexts = np.array([1.0, 128.0, 129.0, 1e6])
    assert softmax.seen(SLIDING, contexts).tolist() == [1.0, 128.0, 128.0, 128.0]
    assert softmax.seen(PLAIN, contexts).tolist() == contexts.tolist()
    assert softmax.seen(CHUNKED, 1e6) == 4096.0  # anywhere in its chunk with equal chance


def test_a_row_in_the_first_chunk_sees_everything_before_it() -> None:
    assert softmax.seen(CHUNKED, 1536.0) == 1536.0


def test_a_cache_has_room_for_a_whole_chunk() -> None:
    # 36 layers fill 8,192 tokens before they start again, 12 keep all 131,072
    kept = 48 * mean_layer(llama4_scout(), a(1)).kv_kept(131_072.0)
    assert kept >= 2 * 8 * 128 * (36 * 8192 + 12 * 131_072)


@LAW
@given(attention=WINDOWS, isl=st.integers(1, 3000))
def test_a_prompt_sees_the_band_under_its_diagonal(attention: Attention, isl: int) -> None:
    w = attention.window
    assert w is not None
    band = sum(min(row, w) for row in range(1, isl + 1)) / isl  # row i sees itself and w - 1 before it
    assert softmax.seen_by_prompt(attention, float(isl)) == pytest.approx(
        band, abs=0.5
    )  # half a token: the diagonal


def test_a_window_as_long_as_its_prompt_sees_half_and_a_short_one_all_of_itself() -> None:
    assert softmax.seen_by_prompt(PLAIN, 1000.0) == 500.0
    for isl in (1.0, 64.0, 128.0):
        assert softmax.seen_by_prompt(SLIDING, isl) == pytest.approx(isl / 2, rel=EXACT)
    assert softmax.seen_by_prompt(SLIDING, 256.0) == pytest.approx(
        96.0, rel=EXACT
    )  # half see 64 on average, half 128
    assert softmax.seen_by_prompt(SLIDING, 1e9) == pytest.approx(
        128.0, rel=1e-6
    )  # the limit, less w / (2 isl)


def test_whole_chunks_of_a_prompt_are_triangles() -> None:
    for chunks in (1, 2, 5):
        assert softmax.seen_by_prompt(CHUNKED, 8192.0 * chunks) == pytest.approx(4096.0, rel=EXACT)
    assert softmax.seen_by_prompt(CHUNKED, 100.0) == pytest.approx(50.0, rel=EXACT)


def test_a_broken_chunk_is_a_smaller_triangle() -> None:
    # one and a half chunks: (8192^2 / 2 + 4096^2 / 2) / 12288 rows
    assert softmax.seen_by_prompt(CHUNKED, 12288.0) == pytest.approx(
        (8192**2 + 4096**2) / 2 / 12288, rel=EXACT
    )


@pytest.mark.parametrize("attention", [PLAIN, SLIDING, CHUNKED])
def test_lengths_may_be_arrays(attention: Attention) -> None:
    lengths = np.array([0.0, 1.0, 128.0, 5000.0, 1e6])
    for function in (softmax.seen, softmax.seen_by_prompt):
        one_by_one = [float(function(attention, x)) for x in lengths.tolist()]
        assert function(attention, lengths).tolist() == one_by_one


def test_a_parallel_layer_reduces_once_and_weighs_the_same() -> None:
    parallel, serial = mean_layer(gpt_j_6b(), TP), mean_layer(gpt_j_6b(parallel=False), TP)
    assert (parallel.all_reduces, serial.all_reduces) == (1.0, 2.0)
    assert parallel.weights().tolist() == serial.weights().tolist()
    assert params(gpt_j_6b()) == params(gpt_j_6b(parallel=False))


def test_values_may_be_narrower_than_keys() -> None:
    # MiMo-V2-Flash: 64 query and 4 KV heads, keys of 192 and values of 128, hidden 4,096
    mimo = Attention(heads=64, kv_heads=4, head_dim=192, value_dim=128)
    matrices = 4096 * (64 * 192 + 4 * 192 + 4 * 128) + 64 * 128 * 4096
    assert softmax.params(mimo, 4096) == softmax.projection_elements(mimo, 4096, a(1)) == matrices
    assert softmax.kv_elements(mimo, a(1)) == 4 * (192 + 128)
    assert softmax.core_flop(mimo, a(1)) == 64 * (2 * 192 + 2 * 128)


def test_queries_of_one_kv_head_may_come_from_a_latent() -> None:
    # Step-3: 64 heads of 256 from a latent of 2,048 with a norm, hidden 7,168
    step = Attention(heads=64, kv_heads=1, head_dim=256, query_latent=2048)
    matrices = 7168 * 2048 + 2048 * 64 * 256 + 2 * 7168 * 256 + 64 * 256 * 7168
    assert softmax.projection_elements(step, 7168, a(1)) == matrices
    assert softmax.params(step, 7168) == matrices + 2048


def test_a_layer_that_reads_the_kv_cache_of_another_stores_none_and_reads_as_much() -> None:
    lent = Attention(heads=8, kv_heads=2, head_dim=256, kv="shared")
    assert softmax.params(lent, 2048) == 2 * 2048 * 8 * 256  # queries and output alone
    two = Llm(
        name="two",
        hidden=2048,
        vocab=100,
        nominal_params=1e6,
        blocks=tuple(Block(count=1, attention=x) for x in (replace(lent, kv="own"), lent)),
    )
    layer = mean_layer(two, a(1))
    # of two layers one stores and both read
    assert 2 * layer.kv_kept(a(1000)) == 1000 * 2 * 2 * 256
    assert 2 * layer.kv_read(a(1000)) == 2 * 1000 * 2 * 2 * 256


def test_keys_that_are_values_are_projected_once_and_stored_twice() -> None:
    # a layer of Gemma 4 31B that sees everything: 32 heads of 512, 4 KV heads, hidden 5,376
    same = Attention(heads=32, kv_heads=4, head_dim=512, kv="key_is_value")
    assert softmax.params(same, 5376) == 5376 * 512 * (32 + 4) + 32 * 512 * 5376
    assert softmax.kv_elements(same, a(1)) == 2 * 4 * 512


def test_decode_reads_what_an_earlier_layer_has_left_and_finds_room_for_it_once() -> None:
    lent = Attention(heads=8, kv_heads=8, head_dim=128, kv="shared")
    own = replace(lent, kv="own")
    ideal = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    parts = {}
    for name, pair in (("own", (own, own)), ("lent", (own, lent))):
        blocks = tuple(Block(count=4, attention=x) for x in pair)
        llm = Llm(name=name, hidden=1024, vocab=0, nominal_params=1e6, blocks=blocks)
        context = make.context(llm, isl=1.0, osl=2.0, mean_context=4096.0)
        m = RooflineCostModel().evaluate(make.design(ideal, batch=64), context, detail=True)
        parts[name] = m.tpot_parts["attention_core"], m.capacity_parts["kv_cache"]
        by_hand = 64 * 8 * 2 * 8 * 128 * 4096 * context.precision.kv_bytes / 3.35e12
        # one token more is written, of the layers that store
        assert parts[name][0] == pytest.approx(by_hand, rel=1e-3)
    assert parts["lent"][1] == pytest.approx(parts["own"][1] / 2, rel=EXACT)
