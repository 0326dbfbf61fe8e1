"""FFNs beside experts, narrow and idle experts, matrices beside, weights used again, tables: all by hand."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from networks import longcat, looped

from dse.bounds import first_principles
from dse.bounds.speed_of_light import assert_within_physics
from objectives.api import (
    Attention,
    Block,
    Context,
    Designs,
    Experts,
    Ffn,
    Llm,
    Lookup,
    Matrix,
)
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm import experts as moe
from objectives.equations.llm.expert_parallel import expert_load, rows_sent, spread
from objectives.equations.llm.launches import of_experts, of_layers
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.llm.parameters import params
from objectives.equations.llm.parts import attention_part, ffn_part

EXACT = 1e-12  # rounding of a few floating-point operations
ROOFLINE = RooflineCostModel()
GQA = Attention(heads=8, kv_heads=2, head_dim=16)
"""128 x (2 x 8 + 2 x 2) x 16 = 40,960 weights at a hidden size of 128."""
IDLE = Experts(count=6, top_k=4, width=32, matrices=3, zero=2)
NARROW = Experts(count=8, top_k=2, width=32, matrices=2, shared_width=48, latent=64)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def small(*blocks: Block, **changes: object) -> Llm:
    return replace(
        Llm(name="small", hidden=128, vocab=256, blocks=blocks, nominal_params=1e6),
        **changes,  # type: ignore[arg-type]
    )


def everything() -> Llm:
    """All parts at once."""
    beside = (Matrix(inputs=128, outputs=64), Matrix(inputs=64, outputs=128))
    blocks = (
        Block(count=6, distinct=2, attention=GQA, ffn=Ffn(width=256, matrices=3), experts=NARROW),
        Block(count=4, attention=GQA, experts=replace(IDLE, shared_width=16), matrices=beside),
        Block(count=2, distinct=1, matrices=beside),
    )
    return small(*blocks, lookup=(Lookup(entries=1000, width=24),))


# -- experts --------------------------------------------------------------------------------------------


def test_longcat_has_its_published_parameters() -> None:
    # published: 562B in total, 18.6B to 31.3B active, 27B on average
    assert params(longcat()) == pytest.approx(562e9, rel=0.01)
    n = first_principles.count(longcat(), make.context(longcat()).workload)
    assert n.layers + n.head == pytest.approx(27e9, rel=0.01)
    each = 28 * 3 * 6144 * 2048
    idle = n.layers + n.head - 8 * each
    assert idle == pytest.approx(18.6e9, rel=0.01)
    assert idle + 12 * each == pytest.approx(31.3e9, rel=0.01)


def test_a_token_visits_real_experts_as_often_as_chance_draws_them() -> None:
    # 4 of 8, six of them real: 3 on average; of two tokens each misses one with 1/2, both with 1/4
    assert IDLE.mean_top_k == 3.0
    assert moe.visited_experts(IDLE, a(1)) == pytest.approx(3.0, rel=EXACT)
    assert moe.visited_experts(IDLE, a(2)) == pytest.approx(6 * 0.75, rel=EXACT)


def test_idle_experts_are_those_of_drawn_routings() -> None:
    rng, experts = np.random.default_rng(3), Experts(count=64, top_k=6, width=1, matrices=3, zero=32)
    load = expert_load(spread(experts, a(1), a(8)), a(32), a(1))  # eight replicas of 32 rows
    sent = rows_sent(spread(experts, a(1), a(8)), a(32), a(1))
    most, copies, seen = [], [], []
    for _ in range(200):
        chosen = np.argpartition(rng.random((256, 96)), 6, axis=1)[:, :6]
        real = np.bincount(chosen[chosen < 64], minlength=64)
        most.append(real.reshape(8, 8).sum(axis=1).max())
        seen.append((real.reshape(8, 8) > 0).sum(axis=1).max())
        # of the rows of the first replica, to the chips other than its own
        copies.append(sum(len({e // 8 for e in row if e < 64} - {0}) for row in chosen[:32]))
    assert load.rows == pytest.approx(np.mean(most), rel=0.05)
    assert load.visited == pytest.approx(np.mean(seen), rel=0.05)
    assert sent == pytest.approx(np.mean(copies), rel=0.05)


def test_the_router_is_as_wide_as_all_that_it_chooses_from() -> None:
    assert moe.shared_elements(IDLE, 128, a(4)) == 128 * 8
    block = Block(count=1, experts=IDLE)
    assert params(small(block)) == 6 * 3 * 128 * 32 + 128 * 8 + 128 + 2 * 256 * 128 + 128


def test_narrow_experts_see_the_latent_width() -> None:
    # an expert is 2 x 64 x 32; down and up are 128 x 64 each, whole on every chip, and so is the router
    assert moe.expert_elements(NARROW, 128, a(1)) == 2 * 64 * 32
    assert moe.shared_elements(NARROW, 128, a(4)) == 2 * 128 * 12 + 128 * 8 + 2 * 128 * 64
    assert moe.visit_traffic(NARROW, 128, a(1)) == 2 * 64 + 2 * 32
    assert moe.shared_traffic(NARROW, 128, a(1)) == 2 * 128 + 2 * (128 + 64) + 2 * 48
    whole = 2 * (8 * 64 * 32 + 128 * 48) + 128 * 8 + 2 * 128 * 64 + 128
    assert params(small(Block(count=1, experts=NARROW))) == whole + 2 * 256 * 128 + 128


def test_rows_travel_to_narrow_experts_in_their_own_width() -> None:
    wide = small(Block(count=1, attention=GQA, experts=replace(NARROW, latent=None)))
    narrow = small(Block(count=1, attention=GQA, experts=NARROW))
    one = make.design(make.h100_like(), batch=4096, tp=1, ep=8, dp=8)
    seconds = {}
    for llm in (wide, narrow):
        found = ROOFLINE.evaluate(one, make.context(llm), detail=True)
        seconds[llm.blocks[0].experts] = float(found.tpot_parts["all_to_all"][0])
    # the same latency, and half of the bytes
    fixed = 2 * seconds[NARROW] - seconds[replace(NARROW, latent=None)]
    assert 0.0 <= fixed < seconds[NARROW]
    assert mean_layer(narrow, a(1), a(8)).routed[0].width == 64.0


# -- beside ---------------------------------------------------------------------------------------------


def test_an_ffn_beside_experts_adds_its_weights_and_no_all_reduce() -> None:
    ffn = Ffn(width=256, matrices=3)
    both = mean_layer(small(Block(count=1, attention=GQA, ffn=ffn, experts=IDLE)), a(1))
    alone = mean_layer(small(Block(count=1, attention=GQA, experts=IDLE)), a(1))
    assert both.weights() - alone.weights() == 3 * 128 * 256
    assert both.ffn_traffic - alone.ffn_traffic == 2 * 128 + 3 * 256
    assert both.all_reduces == alone.all_reduces == 2
    # rows that come back from other replicas are whole, the sum of the FFN is not
    assert (both.routed[0].all_reduces, alone.routed[0].all_reduces) == (0.0, 1.0)


def test_matrices_beside_are_weights_and_gathers_of_the_layer() -> None:
    two = (Matrix(inputs=128, outputs=64), Matrix(inputs=64, outputs=128))
    layer = Block(count=1, attention=GQA, ffn=Ffn(width=256, matrices=3))
    plain, more = small(layer), small(replace(layer, matrices=two))
    before, after = mean_layer(plain, a(2)), mean_layer(more, a(2))
    assert after.weights() - before.weights() == 128 * 32 + 64 * 64
    assert after.ffn_traffic - before.ffn_traffic == 128 + 32 + 64 + 64
    assert (after.all_gathers, after.gathered, after.all_reduces) == (2, 192, 2)
    assert params(more) - params(plain) == 2 * 128 * 64
    # nine kernels and two more; an FFN beside experts has four of its own
    assert of_layers(more) == pytest.approx(11 / 9, rel=EXACT)
    beside = small(replace(layer, experts=NARROW))
    assert of_layers(beside) == pytest.approx(13 / 9, rel=EXACT)
    assert of_experts(beside) == pytest.approx(1 + 1 + 0.5, rel=EXACT)


def test_both_parts_of_a_split_have_all_weights() -> None:
    llm = everything()
    held, fed = attention_part(llm), ffn_part(llm)
    # norms are counted by the parts that have them, and the last one by the part with the vocabulary
    assert params(held) + params(fed) == params(llm)
    assert held.lookup and not fed.lookup
    assert not attention_part(small(Block(count=1, matrices=(Matrix(inputs=8, outputs=8),)))).blocks


# -- weights that are used again, and tables -------------------------------------------------------------


def test_looped_layers_are_stored_once_and_computed_each_time() -> None:
    llm = replace(looped(), lookup=())
    layer = 4 * 2048 * 2048 + 3 * 2048 * 5632
    assert params(llm) == 24 * (layer + 2 * 2048) + 2 * 49152 * 2048 + 2048
    mean = mean_layer(llm, a(1))
    # one stage, two of 48, four of 24, eight of 12
    for stages, kept in ((1, 24), (2, 24), (4, 24), (8, 12)):
        assert mean.stage_weights(a(96 / stages)) == pytest.approx(kept * layer, rel=EXACT)
    n = first_principles.count(llm, make.context(llm).workload)
    assert n.layers == 96 * layer
    assert (n.once, n.stored) == (24 * layer, 24 * layer)
    found = ROOFLINE.evaluate(make.design(make.h100_like(), batch=1), make.context(llm), detail=True)
    whole = replace(llm, blocks=(replace(llm.blocks[0], distinct=None),))
    other = ROOFLINE.evaluate(make.design(make.h100_like(), batch=1), make.context(whole), detail=True)
    # all memory of this chip is DRAM, so that what is stored once is read as often
    assert found.tpot_s == other.tpot_s
    freed = other.capacity_parts["weights"] - found.capacity_parts["weights"]
    assert freed == pytest.approx(72 * layer * 2.0, rel=EXACT)
    assert found.capacity_parts["kv_cache"] == other.capacity_parts["kv_cache"]


def test_experts_of_shared_layers_are_stored_once() -> None:
    block = Block(count=6, distinct=2, attention=GQA, experts=IDLE)
    mean = mean_layer(small(block), a(1))
    dense, experts = 40960 + 128 * 8, 6 * 3 * 128 * 32
    assert mean.stage_weights(a(6)) == pytest.approx(2 * (dense + experts), rel=EXACT)
    assert mean.stage_experts(a(6)) == pytest.approx(2 * experts, rel=EXACT)
    assert mean.stage_experts(a(1)) == experts


def test_tables_take_room_and_one_row_of_traffic() -> None:
    # per-layer embeddings of Gemma 3n E4B: 262,144 rows of 256 in each of 35 layers
    table = Lookup(entries=262144, width=256 * 35)
    plain = make.llama2_7b()
    llm = replace(plain, lookup=(table,))
    assert params(llm) - params(plain) == 262144 * 8960
    for tp in (1.0, 8.0):
        one, four = (make.design(make.h100_like(), batch=8, tp=tp, pp=pp) for pp in (1, 4))
        for where in (one, four):
            new, old = (ROOFLINE.evaluate(where, make.context(m), detail=True) for m in (llm, plain))
            more = new.capacity_parts["weights"] - old.capacity_parts["weights"]
            assert more == pytest.approx(262144 * 8960 / tp * 2.0, rel=1e-9)
            assert new.tpot_s >= old.tpot_s
    assert mean_layer(llm, a(8)).looked_up == 1120
    n, was = (first_principles.count(m, make.context(m).workload) for m in (llm, plain))
    assert n.stored - was.stored == 262144 * 8960
    assert n.layers == was.layers


# -- physics --------------------------------------------------------------------------------------------


@LAW
@given(one=make.designs(), context=make.contexts(), llm=st.sampled_from((longcat(), looped(), everything())))
def test_the_speed_of_light_is_never_beaten(one: Designs, context: Context, llm: Llm) -> None:
    asked = replace(context, llm=llm)
    assert_within_physics(one, asked, ROOFLINE.evaluate(one, asked))
