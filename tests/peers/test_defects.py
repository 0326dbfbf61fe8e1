"""Mistakes that other cost models make (found by running them), each shown to be absent from ours.

An optimiser that stands on a cost model finds its mistakes first, so each of these would be the "best chip".
"""

import factories as make
import numpy as np
import pytest

from objectives.api import Designs
from objectives.costmodels.roofline import RooflineCostModel

evaluate = RooflineCostModel().evaluate

BATCHES = [1.0, 8.0, 32.0, 128.0]
H100 = make.h100_like()
CHAT = make.context(isl=1024.0, osl=1024.0)


def boxes(batch: list[float] | float, tp: float = 8.0, pp: float = 1.0) -> Designs:
    n = len(batch) if isinstance(batch, list) else 1
    return Designs.of(chips=H100, deployments=make.deployments(batch, [tp] * n, [pp] * n, [1.0] * n))


def test_dollars_per_token_are_divided_by_the_batch_once() -> None:
    # ReaLLM divides twice: reported/true is 1, 8, 32, 128. The system and its dollars a second stay the same.
    m = evaluate(boxes(BATCHES), CHAT, detail=True)
    parts = m.running_parts
    usd_per_second = (parts["capital"] + parts["upkeep"] + parts["building"]) * m.tokens_per_s
    np.testing.assert_allclose(usd_per_second, usd_per_second[0], rtol=1e-12)  # rounding
    # by hand: chip 26,000, host 4,000, rack 1,000 and switches 2,000; no NICs inside a domain of eight
    np.testing.assert_allclose(m.usd_per_token_per_s * m.tokens_per_s, 8 * 33_000.0, rtol=1e-12)
    np.testing.assert_allclose(m.tokens_per_s, np.array(BATCHES) / m.tpot_s, rtol=1e-12)


@pytest.mark.parametrize("kv_heads", [8, 64])
def test_kv_bandwidth_knows_how_many_kv_heads_there_are(kv_heads: int) -> None:
    # ReaLLM and LLM-Viewer read the same KV with 8 heads as with 64. Bytes by hand:
    # 2 x 80 layers x heads x 128 x 2 B, for 128 sequences at 1,536 tokens, over 8 chips of 3.35 TB/s
    ideal = make.h100_like(**make.IDEAL)
    context = make.context(make.llama2_70b(kv_heads))
    m = evaluate(make.design(ideal, batch=128, tp=8), context, detail=True)
    by_hand = 2 * 80 * kv_heads * 128 * 2 * 128 * 1536 / 8 / 3.35e12
    assert m.tpot_parts["attention_core"] == pytest.approx(by_hand, rel=1e-9)  # bandwidth binds; rounding


def test_capacity_holds_the_kv_of_every_sequence_in_flight() -> None:
    # GenZ and Epoch hold one micro-batch only. 1,280 sequences over 80 stages are 16 in a micro-batch.
    article = make.context(isl=1024.0, osl=1024.0, weights=1.0, kv=1.0, activations=1.0)
    design = make.design(make.groq_like(), batch=1280, tp=8, pp=80)
    held = evaluate(design, article, detail=True).capacity_parts
    a_layer_of_a_chip = 2 * 1 * 128  # K and V of one of the 8 heads, int8
    assert held["kv_cache"] == 1280 * 2048 * a_layer_of_a_chip


@pytest.mark.parametrize(("batch", "pp"), [(1280, 80), (1024, 44)])
def test_more_sequences_than_the_srams_hold_do_not_fit(batch: int, pp: int) -> None:
    # GenZ takes 1,280 sequences of 391 GB on 640 LPUs of 147 GB, Epoch 1,024 of 327 GB on 352 of 81 GB.
    article = make.context(isl=1024.0, osl=1024.0, weights=1.0, kv=1.0, activations=1.0)
    m = evaluate(make.design(make.groq_like(), batch=batch, tp=8, pp=pp), article)
    assert not m.feasible()
    kv = batch * 2048 * 163_840  # bytes in int8, without weights
    excess_of_all = m.violations["capacity"] * 8 * pp
    assert excess_of_all >= kv - 8 * pp * 230e6


def test_weights_are_read_once_for_a_batch_so_throughput_grows_with_it() -> None:
    # LLM-Para reports 195.76 token/s at every batch, and re-reads the weights for every sequence.
    m = evaluate(boxes(BATCHES), CHAT)
    assert (np.diff(m.tokens_per_s) > 0.0).all()
    bandwidth_bound = m.tokens_per_s[1] / m.tokens_per_s[0]
    assert bandwidth_bound > 0.9 * 8  # KV and collectives take the rest; 1 if weights were re-read


def test_nine_gigabytes_do_not_fit_a_quarter_of_one() -> None:
    # AIConfigurator: "9.40 GB" on a chip of 0.23 GB, no error. Weights alone are 68.4 GB / 8.
    int8 = make.context(isl=1024.0, osl=1024.0, weights=1.0, kv=1.0)
    m = evaluate(make.design(make.groq_like(), tp=8), int8)
    assert not m.feasible()
    assert m.violations["capacity"] > 68.4e9 / 8 - 0.23e9


def test_a_single_chip_that_is_too_small_is_never_feasible_however_large_the_system() -> None:
    replicas = make.deployments(batch=1, tp=1, pp=1, dp=1000)
    assert not evaluate(Designs.of(chips=make.groq_like(), deployments=replicas), CHAT).feasible()


@pytest.mark.parametrize(("tp", "pp"), [(8, 1), (1, 8), (4, 2), (2, 4)])
def test_a_replica_may_use_every_chip_of_its_domain(tp: int, pp: int) -> None:
    # GenZ leaves TP x PP = N out of its search
    alone = make.h100_like(scale_out_bandwidth=0.0)
    context = make.context(isl=128.0, osl=128.0)
    assert evaluate(make.design(alone, tp=tp, pp=pp), context).feasible()
    assert not evaluate(make.design(alone, tp=tp, pp=2 * pp), context).feasible()


def test_more_stages_than_sequences_are_allowed_and_cost_no_empty_turns() -> None:
    # Epoch forbids PP above the batch, and so makes a lone user 2 to 5 times too slow on 640 LPUs.
    int8 = make.context(isl=1024.0, osl=1024.0, weights=1.0, kv=1.0, activations=1.0)
    m = evaluate(make.design(make.groq_like(), batch=1, tp=8, pp=80), int8, detail=True)
    assert m.feasible()
    assert m.tpot_parts["pipeline_wait"] == 0.0
    crowd = evaluate(make.design(make.groq_like(), batch=80, tp=8, pp=80), int8)
    assert crowd.tpot_s < 2 * m.tpot_s  # 80 sequences in 80 stages share the walk


def test_a_full_pipeline_is_not_filled_and_drained_at_every_token() -> None:
    # GenZ 0.0.16: 12,355 token/s where the steady state is 24,555. Full: B sequences per B slowest stages.
    int8 = make.context(isl=1024.0, osl=1024.0, weights=1.0, kv=1.0, activations=1.0)
    lone = evaluate(make.design(make.groq_like(), batch=1, tp=8, pp=80), int8)
    full = evaluate(make.design(make.groq_like(), batch=80, tp=8, pp=80), int8)
    # 80 equal stages would give 80 times one user; the last one also has the LM head and its gather
    assert full.tokens_per_s > 0.6 * 80 * lone.tokens_per_s


def test_the_sram_chip_case_lies_between_bytes_and_the_slowest_peer() -> None:
    # 640 LPUs, TP8 x PP80, int8, one user. Bytes: 68.4e9 / 8 / 80 TB/s = 0.107 ms. Hops by hand: 160
    # all-reduces of at least 0.9 + 0.6 us, 80 hops of 0.6 us, 0.29 ms. Peers: 3.26 (GenZ), 2.2 to 16.8
    # (Epoch), 3.71 ms (ReaLLM, fp16), all with slower collectives than a statically scheduled chip.
    int8 = make.context(isl=1024.0, osl=1024.0, weights=1.0, kv=1.0, activations=1.0)
    chip = make.groq_like(link_bandwidth=165e9)
    m = evaluate(make.design(chip, batch=1, tp=8, pp=80), int8)
    assert m.feasible()
    assert m.chips == 640
    assert 68.4e9 / 8 / 80e12 + 160 * 1.5e-6 + 80 * 0.6e-6 <= m.tpot_s <= 3.26e-3


def test_collective_latency_rules_the_sram_chip() -> None:
    # ReaLLM: TP64 x PP10 takes 30 ms where TP8 x PP80 takes 3.7: wide rings pay for every hop
    int8 = make.context(isl=1024.0, osl=1024.0, weights=1.0, kv=1.0, activations=1.0)
    ring = make.groq_like(link_topology=1.0)
    narrow = evaluate(make.design(ring, tp=8, pp=80), int8, detail=True)
    wide = evaluate(make.design(ring, tp=64, pp=10), int8, detail=True)
    assert wide.tpot_s > narrow.tpot_s
    assert wide.tpot_parts["collectives"] > 0.5 * wide.tpot_s
