"""An index and compressed entries by hand: what is stored, read and scored are three numbers."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from objectives.api import Attention, Block, CompressedAttention, Index, LatentAttention, Llm
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import compressed, index, latent, softmax
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.llm.parameters import params

EXACT = 1e-12  # rounding of a few floating-point operations
MLA = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536, top_k=2048)
V32 = Index(heads=64, dim=128, inputs=1536)
"""DeepSeek-V3.2 (its `config.json`)."""
M3 = Index(heads=4, dim=128, weighted=False)
V4 = Attention(
    heads=64,
    kv_heads=1,
    head_dim=512,
    window=128,
    kv="one",
    query_latent=1024,
    output_groups=8,
    output_latent=1024,
)
FEW = CompressedAttention(heads=64, dim=512, ratio=4, overlap=True, top_k=512)
MANY = CompressedAttention(heads=64, dim=512, ratio=128)
FEW_INDEX = Index(heads=64, dim=128, ratio=4, overlap=True, inputs=1024)
"""DeepSeek-V4-Flash (its `config.json`)."""


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def one(*mixers: object, hidden: int = 7168, count: int = 4) -> Llm:
    first, *others = mixers
    block = Block(count=count, attention=first, beside=tuple(others))  # type: ignore[arg-type]
    return Llm(name="one", hidden=hidden, vocab=0, blocks=(block,), nominal_params=1e9)


def test_an_index_has_the_tensors_of_its_checkpoint() -> None:
    tensors = {
        "wq_b": 1536 * 64 * 128,
        "wk": 7168 * 128,
        "weights_proj": 7168 * 64,
        "k_norm": 2 * 128,
    }
    assert index.params(V32, 7168) == sum(tensors.values())
    # MiniMax-M3: q_proj, k_proj, q_norm, k_norm
    assert index.params(M3, 6144) == 6144 * 4 * 128 + 6144 * 128 + 2 * 128


def test_compressors_have_the_tensors_of_their_checkpoint() -> None:
    # kv_proj and gate_proj of two series, position_bias, kv_norm
    assert compressed.params(FEW, 4096) == 2 * 4096 * 1024 + 4 * 1024 + 512
    assert compressed.params(MANY, 4096) == 2 * 4096 * 512 + 128 * 512 + 512
    q_b, kv_and_gate, weights = 1024 * 64 * 128, 2 * 4096 * 256, 4096 * 64
    assert index.params(FEW_INDEX, 4096) == q_b + kv_and_gate + weights + 4 * 256 + 128


def test_attention_of_deepseek_v4_has_the_tensors_of_its_checkpoint() -> None:
    tensors = {
        "q_a_proj": 4096 * 1024,
        "q_a_norm": 1024,
        "q_b_proj": 1024 * 64 * 512,
        "kv_proj": 4096 * 512,
        "o_a_proj": 64 * 512 * 1024,
        "o_b_proj": 8 * 1024 * 4096,
    }
    assert softmax.params(V4, 4096) == sum(tensors.values())
    assert softmax.kv_elements(V4, a(8)) == 512  # key and value at once, on every chip


def test_what_is_stored_what_is_read_and_what_is_scored_are_three_numbers() -> None:
    layer = mean_layer(one(MLA, V32), a(1))
    context = 65_536.0
    assert layer.kv_kept(a(context)) == context * (576 + 128)
    assert layer.kv_read(a(context)) == 2048 * 576 + context * 128
    # 2,048 latents in 128 heads, and 64 products of 128 with a weight each for every token
    assert layer.core_flop(a(context)) == 2048 * 2 * 128 * (576 + 512) + context * 2 * 64 * 129


def test_compressed_layers_keep_a_quarter_and_visit_512_entries() -> None:
    layer = mean_layer(one(V4, FEW, FEW_INDEX, hidden=4096), a(1))
    context = 65_536.0
    assert layer.kv_kept(a(context)) == 128 * 512 + context * (512 + 128) / 4
    assert layer.kv_read(a(context)) == 128 * 512 + 512 * 512 + context * 128 / 4
    per_row = 4 * 64 * 512 * (128 + 512) + context / 4 * 2 * 64 * 129
    assert layer.core_flop(a(context)) == pytest.approx(per_row, rel=EXACT)
    # 128 tokens in one entry, all of which are visited
    layer = mean_layer(one(V4, MANY, hidden=4096), a(1))
    assert layer.kv_kept(a(context)) == layer.kv_read(a(context)) == 128 * 512 + context * 512 / 128


def test_short_contexts_are_visited_whole() -> None:
    plain = replace(MLA, top_k=None)
    for context in (1.0, 2048.0):
        assert latent.seen(MLA, a(context)) == latent.seen(plain, a(context))
        assert latent.seen_by_prompt(MLA, a(context)) == latent.seen_by_prompt(plain, a(context))


def test_a_long_prompt_is_worked_on_as_latents() -> None:
    isl = 131_072
    by_hand = sum(min(row + 0.5, 2048.0) for row in range(isl)) * 2 * 128 * (576 + 512)
    masked = isl * isl / 2 * 2 * 128 * (192 + 128)
    got = float(isl * (latent.seen_by_prompt(MLA, a(isl)) * latent.prompt_core_flop(MLA, a(1)))[0])
    assert by_hand < masked
    assert got == pytest.approx(by_hand, rel=1e-9)


def test_every_chip_has_an_index_whose_heads_choose_together() -> None:
    assert index.projection_elements(V32, 7168, a(8)) == index.projection_elements(V32, 7168, a(1))
    assert index.core_flop(V32, a(8)) == index.core_flop(V32, a(1))
    # those of MiniMax-M3 choose each for its KV head
    assert index.core_flop(M3, a(4)) == index.core_flop(M3, a(1)) / 4


def test_decode_reads_the_best_of_the_cache_and_all_of_the_index() -> None:
    ideal = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    llm = one(MLA, V32)
    context = make.context(llm, isl=1.0, osl=2.0, mean_context=65_536.0)
    m = RooflineCostModel().evaluate(make.design(ideal, batch=16), context, detail=True)
    read = 16 * 4 * (2048 * 576 + 65_536 * 128) * context.precision.kv_bytes
    # one row of 704 elements is written
    assert m.tpot_parts["attention_core"] == pytest.approx(read / 3.35e12, rel=1e-3)


def test_parameters_are_those_of_all_that_stands_in_a_layer() -> None:
    both, alone = params(one(MLA, V32)), params(one(MLA))
    assert both - alone == 4 * index.params(V32, 7168)
