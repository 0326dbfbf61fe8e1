"""Elements, bytes and FLOP against arithmetic by hand. Counts are integers, so they must be exact."""

import numpy as np
import pytest
from factories import deepseek_v3, dnn, gpt_j_6b, gpt_oss_20b, llama2_7b, llama2_13b, llama2_70b, mixtral_8x7b

from objectives.api import Attention, Block, Ffn, Llm, Matrix
from objectives.equations.llm.attention import softmax
from objectives.equations.llm.feed_forward import (
    ffn_elements,
    ffn_traffic,
    head_elements,
    matrix_elements,
    matrix_traffic,
)
from objectives.equations.llm.parameters import params

ONE = np.array([1.0])
GIB = 2.0**30

# d x dh x (2 Hq + 2 Hkv) and 3 x d x dff, by hand from the model cards.
LAYERS = [
    (llama2_7b(), 4 * 4096 * 4096, 3 * 4096 * 11008),  # 67,108,864 and 135,266,304
    (llama2_13b(), 4 * 5120 * 5120, 3 * 5120 * 13824),  # 104,857,600 and 212,336,640
    (llama2_70b(), 2 * 8192 * 8192 + 2 * 8192 * 1024, 3 * 8192 * 28672),  # 150,994,944 and 704,643,072
]
NAMES = ["7b", "13b", "70b"]


def _attention(llm: Llm) -> Attention:
    attention = llm.blocks[0].attention
    assert isinstance(attention, Attention)
    return attention


def _ffn(llm: Llm) -> Ffn:
    ffn = llm.blocks[0].ffn
    assert ffn is not None
    return ffn


@pytest.mark.parametrize(("llm", "projections", "ffn"), LAYERS, ids=NAMES)
def test_a_llama_layer_has_the_elements_counted_by_hand(llm: Llm, projections: int, ffn: int) -> None:
    assert softmax.projection_elements(_attention(llm), llm.hidden, ONE) == projections
    assert ffn_elements(_ffn(llm), llm.hidden, ONE) == ffn


# Tables 1 and 2 of the model cards give two to four digits: 6.74, 13.02, 68.98 billion.
PUBLISHED = [(llama2_7b(), 6.74e9), (llama2_13b(), 13.02e9), (llama2_70b(), 68.98e9)]


@pytest.mark.parametrize(("llm", "published"), PUBLISHED, ids=NAMES)
def test_llama_parameters_are_the_published_ones(llm: Llm, published: float) -> None:
    assert params(llm) == pytest.approx(published, abs=0.005e9)


MIXTRAL = (
    32 * (2 * 4096 * 4096 + 2 * 4096 * 1024)  # query and output, key and value
    + 32 * (8 * 3 * 4096 * 14336 + 4096 * 8)  # eight experts and the router
    + 2 * 32000 * 4096
    + (2 * 32 + 1) * 4096  # norms
)
MLA = (
    7168 * 1536
    + 1536
    + 1536 * 128 * (128 + 64)  # queries down, norm, up
    + 7168 * (512 + 64)
    + 512
    + 512 * 128 * (128 + 128)  # keys and values down, norm, up
    + 128 * 128 * 7168  # output
)
V3 = (
    61 * MLA
    + 3 * (3 * 7168 * 18432)
    + 58 * (257 * 3 * 7168 * 2048 + 7168 * 256)  # 256 experts and a shared one, the router
    + 2 * 129280 * 7168
    + (2 * 61 + 1) * 7168
)


def test_a_mixture_has_the_parameters_counted_by_hand_and_published() -> None:
    assert params(mixtral_8x7b()) == MIXTRAL == 46_702_792_704  # 46.7 billion on the card
    assert params(deepseek_v3()) == V3
    assert pytest.approx(671e9, abs=0.5e9) == V3  # the report's 671 billion, without multi-token prediction


@pytest.mark.parametrize(("llm", "published"), [(gpt_oss_20b(), 20.91e9), (gpt_j_6b(), 6.053e9)])
def test_windows_and_parallel_blocks_weigh_what_is_published(llm: Llm, published: float) -> None:
    assert params(llm) == pytest.approx(published, rel=1e-3)  # biases that are not counted


def test_a_tied_embedding_is_counted_once() -> None:
    block = Block(count=1, ffn=Ffn(width=10, matrices=2))
    both = {"name": "x", "hidden": 4, "vocab": 100, "blocks": (block,), "nominal_params": 1.0}
    # 2 matrices of 4 x 10, a norm of 4, embedding and head of 400 each, final norm of 4
    assert params(Llm(**both)) == 80 + 4 + 800 + 4  # type: ignore[arg-type]
    assert params(Llm(**both, tied_embedding=True)) == 80 + 4 + 400 + 4  # type: ignore[arg-type]


def test_biases_and_learned_positions_are_counted() -> None:
    block = Block(count=3, attention=Attention(heads=2, kv_heads=1, head_dim=5, bias=True))
    llm = Llm(name="x", hidden=7, vocab=0, blocks=(block,), learned_positions=11, nominal_params=1.0)
    layer = 7 * 5 * (2 * 2 + 2 * 1) + 5 * (2 + 1 + 1) + 7  # projections, biases of q, k, v, one norm
    assert params(llm) == 3 * layer + 11 * 7


@pytest.mark.parametrize(("kv_heads", "gib"), [(8, 0.625), (64, 5.0)])
def test_4096_tokens_of_70b_keep_the_kv_bytes_of_the_article(kv_heads: int, gib: float) -> None:
    llm = llama2_70b(kv_heads)
    int8 = 1.0
    assert 80 * 4096 * int8 * softmax.kv_elements(_attention(llm), ONE) / GIB == gib


def test_more_tp_than_kv_heads_replicates_them() -> None:
    attention = _attention(llama2_70b())
    tp = np.array([1.0, 4.0, 8.0, 16.0, 64.0])
    assert softmax.kv_elements(attention, tp).tolist() == [2048.0, 512.0, 256.0, 256.0, 256.0]
    # 64 query heads split on; key and value stay one head each: 8192 x 128 x (2 ceil(64/TP) + 2 ceil(8/TP))
    expected = [2 * 8192 * 128 * (q + kv) for q, kv in [(64, 8), (16, 2), (8, 1), (4, 1), (1, 1)]]
    assert softmax.projection_elements(attention, 8192, tp).tolist() == expected


def test_tp_that_does_not_divide_costs_its_ceiling() -> None:
    tp = np.array([3.0])
    assert ffn_elements(Ffn(width=10, matrices=3), 4, tp) == 3 * 4 * 4  # ceil(10/3) = 4
    assert head_elements(llama2_70b(), tp) == 8192 * 10667  # ceil(32000/3)
    assert softmax.core_flop(_attention(llama2_70b()), tp) == 4 * 128 * 22  # ceil(64/3)


def test_a_dnn_is_its_matrices_and_nothing_else() -> None:
    llm = dnn(inputs=1000, outputs=3000, layers=8)
    assert params(llm) == 8 * 1000 * 3000
    assert matrix_elements(llm.blocks[0], np.array([1.0, 4.0])).tolist() == [3_000_000.0, 750_000.0]
    assert head_elements(llm, ONE) == 0.0
    several = Block(count=1, matrices=(Matrix(inputs=3, outputs=5), Matrix(inputs=5, outputs=7)))
    assert matrix_elements(several, ONE) == 3 * 5 + 5 * 7


def test_attention_core_works_two_flop_per_element_of_two_products() -> None:
    # QK and PV: 2 x 128 FLOP each per head and token of context, 64 heads
    assert softmax.core_flop(_attention(llama2_70b()), ONE) == 64 * (2 * 128 + 2 * 128)


def test_a_row_moves_its_activations_once_in_and_once_out_of_every_matrix() -> None:
    attention, ffn = Attention(heads=4, kv_heads=2, head_dim=3), Ffn(width=11, matrices=3)
    # in 10; q 12, k 6, v 6 out; 12 in to the output projection; 10 out
    assert softmax.projection_traffic(attention, 10, ONE) == 10 + 12 + 6 + 6 + 12 + 10
    assert ffn_traffic(ffn, 10, ONE) == 10 + 11 + 11 + 11 + 10  # gate and up out, their product in
    assert matrix_traffic(Block(count=1, matrices=(Matrix(inputs=3, outputs=5),)), ONE) == 8
