"""Mixtures of experts and latent caches where other cost models go wrong, by hand.

GenZ reads k experts at any batch, InferSim all at any batch; both are right at one end only.
"""

import factories as make
import pytest

from objectives.api import Metrics
from objectives.costmodels.roofline import RooflineCostModel

EXPERT = 3 * 4096 * 14336 * 2  # bytes of one of Mixtral's in bf16
BOX = 8 * 3.35e12


def mixtral(batch: float, tp: float = 8.0) -> Metrics:
    chips = make.h100_like(**make.IDEAL)
    context = make.context(make.mixtral_8x7b(), isl=512.0, osl=512.0)
    return RooflineCostModel().evaluate(make.design(chips, batch=batch, tp=tp), context, detail=True)


def read_experts(batch: float) -> float:
    """Experts of a layer that the routed part streams from HBM beside the activations of two visits a row."""
    each = 2 * (2 * 4096 + 3 * 14336 / 8) * 2  # in and out of an expert, and its widths, on each of 8 chips
    streamed = float(mixtral(batch).tpot_parts["routed_experts"][0]) * BOX / 32
    return (streamed - 8 * batch * each) / EXPERT


def test_a_lone_token_reads_two_experts_of_eight() -> None:
    assert read_experts(1) == pytest.approx(2.0, rel=1e-9)  # rounding


def test_a_batch_of_128_reads_all_eight_experts_and_not_two() -> None:
    assert read_experts(128) == pytest.approx(8.0, rel=1e-6)  # an expert is missed with chance 0.75^128
    assert mixtral(128).bounds["dram"] > 0.5 * mixtral(128).tpot_s


@pytest.mark.parametrize(("batch", "experts"), [(2, 3.5), (4, 8 * (1 - 0.75**4)), (8, 8 * (1 - 0.75**8))])
def test_batches_between_read_what_chance_lets_them_visit(batch: float, experts: float) -> None:
    assert read_experts(batch) == pytest.approx(experts, rel=1e-9)  # rounding


def test_all_experts_take_room_however_few_are_read() -> None:
    # 46.7e9 parameters in two bytes on one chip do not fit 80 GB; the 12.9e9 that are active would
    m = mixtral(1, tp=1)
    assert m.capacity_parts["weights"] == pytest.approx(46.7e9 * 2, rel=1e-3)
    assert not m.feasible()


def test_a_pipeline_visits_experts_with_its_micro_batch_only() -> None:
    chips, context = make.h100_like(**make.IDEAL), make.context(make.mixtral_8x7b())
    whole, cut = (
        RooflineCostModel().evaluate(make.design(chips, batch=b, pp=p), context, detail=True)
        for b, p in ((2, 1), (8, 4))
    )
    same_rows = whole.tpot_parts["routed_experts"], cut.tpot_parts["routed_experts"]
    assert same_rows[0] == pytest.approx(same_rows[1], rel=1e-9)  # rounding


@pytest.mark.parametrize("tp", [1, 8, 16])
def test_latents_are_kept_whole_on_every_chip(tp: float) -> None:
    # 61 layers of 512 + 64 elements in one byte: 35,136 B a token, for 32 sequences of 4,096 tokens
    context = make.context(make.deepseek_v3(), isl=3072.0, osl=1024.0, weights=1.0, kv=1.0)
    m = RooflineCostModel().evaluate(make.design(make.h100_like(), batch=32, tp=tp), context, detail=True)
    assert m.capacity_parts["kv_cache"] == pytest.approx(32 * 4096 * 35_136, rel=1e-9)  # rounding


def test_decode_of_latents_streams_576_elements_or_works_on_all_heads() -> None:
    # 128 heads over 8 chips: 16 x 2 x 1,088 FLOP for 576 B is 60 FLOP/B, below the 295 of an H100: HBM binds
    ideal, context = make.h100_like(**make.IDEAL), make.context(make.deepseek_v3(), weights=1.0, kv=1.0)
    cached = 64 * 1536 * 61 * 576
    evaluate = RooflineCostModel().evaluate
    split = evaluate(make.design(ideal, batch=64, tp=8), context, detail=True)
    assert split.tpot_parts["attention_core"] == pytest.approx(cached / 3.35e12, rel=1e-9)
    # on one chip it is 483 FLOP/B, and compute binds
    whole = evaluate(make.design(ideal, batch=64, tp=1), context, detail=True)
    flop = 64 * 1536 * 61 * 128 * 2 * (576 + 512)
    assert whole.tpot_parts["attention_core"] == pytest.approx(flop / 989e12, rel=1e-9)


def test_gpt_oss_reads_128_tokens_in_every_other_layer() -> None:
    ideal, context = (
        make.h100_like(**make.IDEAL),
        make.context(make.gpt_oss_20b(), isl=8192.0, osl=2.0, kv=1.0),
    )
    m = RooflineCostModel().evaluate(make.design(ideal, batch=16), context, detail=True)
    by_hand = 16 * 1024 * 12 * (8193 + 128) / 3.35e12  # 2 x 8 heads x 64 elements a token and layer
    assert m.tpot_parts["attention_core"] == pytest.approx(by_hand, rel=1e-9)  # rounding
