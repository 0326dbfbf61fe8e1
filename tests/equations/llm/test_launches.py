"""Kernels of a layer and replicas that step together, against counts and draws."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from objectives.api import LinearAttention
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.expert_parallel import longest_over_mean
from objectives.equations.llm.launches import of_experts, of_layers


def test_dense_attention_by_heads_is_what_times_of_a_layer_are_quoted_for() -> None:
    assert of_layers(make.llama2_70b()) == 1.0
    assert of_experts(make.llama2_70b()) == 0.0
    assert of_layers(make.mixtral_8x7b()) == 1.0
    assert of_experts(make.mixtral_8x7b()) == 1.0


def test_latent_attention_and_shared_experts_launch_more() -> None:
    """Of 61 layers of DeepSeek-V3 58 have experts, with one that every token visits."""
    assert of_layers(make.deepseek_v3()) == pytest.approx(14.0 / 9.0)
    assert of_experts(make.deepseek_v3()) == pytest.approx(2.0 * 58.0 / 61.0)


def test_a_layer_with_a_state_launches_one_more() -> None:
    llm = make.qwen3_next()
    linear = sum(b.count for b in llm.blocks if isinstance(b.attention, LinearAttention))
    assert of_layers(llm) == pytest.approx((linear * 10.0 / 9.0 + llm.layers - linear) / llm.layers)


def test_time_of_a_layer_is_paid_for_each_kernel() -> None:
    chip = make.h100_like(layer_overhead_s=9e-6, expert_overhead_s=4e-6)
    found = RooflineCostModel().evaluate(
        make.design(chip, batch=1, tp=8), make.context(make.deepseek_v3()), detail=True
    )
    by_hand = 61 * 14e-6 + 58 * 8e-6  # 14 kernels of 1 us a layer, and twice four of routing
    assert float(found.tpot_parts["layer_overhead"][0]) == pytest.approx(by_hand)


@pytest.mark.parametrize("replicas", [2, 8, 32, 72])
@pytest.mark.parametrize("sequences", [1, 4, 64])
def test_the_longest_contexts_are_those_of_draws(replicas: int, sequences: int) -> None:
    """Replicas hold sequences at any stage of 1,000 output tokens after 1,000 of the prompt."""
    drawn = np.random.default_rng(0).uniform(1000.0, 2000.0, size=(4000, replicas, sequences))
    measured = float(np.mean(drawn.mean(axis=2).max(axis=1))) / 1500.0
    n, b = np.array([float(replicas)]), np.array([float(sequences)])
    assert float(longest_over_mean(n, b, 1500.0, 1000.0)[0]) == pytest.approx(measured, rel=0.03)


def test_one_replica_waits_for_none_and_a_static_batch_is_at_one_stage() -> None:
    one = np.array([1.0])
    assert float(longest_over_mean(one, 4.0 * one, 1500.0, 1000.0)[0]) == 1.0
    context = make.context(make.deepseek_v3(), isl=1000.0, osl=1000.0, serving="static")
    open_loop = replace(context, workload=replace(context.workload, serving="decode-only"))
    joined = make.design(make.h100_like(), batch=16, tp=1, ep=8, dp=8)
    cores = [
        float(RooflineCostModel().evaluate(joined, c, detail=True).tpot_parts["attention_core"][0])
        for c in (context, open_loop)
    ]
    mean, osl = np.array([context.workload.mean_context]), context.workload.osl
    ratio = float(longest_over_mean(8.0 * one, 16.0 * one, mean, osl)[0])
    assert cores[1] / cores[0] == pytest.approx(ratio)


def test_a_second_micro_batch_hides_an_all_to_all_and_reads_weights_again() -> None:
    context = make.context(make.deepseek_v3(), serving="decode-only")
    parts = []
    for overlap in (0.0, 1.0):
        chip = make.h100_like(overlap=overlap, exposed_share=0.0)
        design = make.design(chip, batch=256, tp=1, ep=8, dp=8)
        m = RooflineCostModel().evaluate(design, context, detail=True)
        parts.append({name: float(v[0]) for name, v in m.tpot_parts.items()})
    plain, hidden = parts
    operators = ("attention_projections", "attention_core", "ffn", "routed_experts")
    # at most what the other operators of a layer take is hidden
    rest = sum(hidden[name] for name in operators)
    assert hidden["all_to_all"] == pytest.approx(max(plain["all_to_all"] - rest, 0.0), abs=1e-12)
    # experts wait for DRAM here: twice the bytes take up to twice the time
    assert 1.5 < hidden["routed_experts"] / plain["routed_experts"] <= 2.0


def test_without_joined_replicas_nothing_is_hidden_or_read_again() -> None:
    context = make.context(make.deepseek_v3(), serving="decode-only")
    times = [
        float(
            RooflineCostModel()
            .evaluate(make.design(make.h100_like(overlap=o), batch=16, tp=8, ep=8), context)
            .tpot_s[0]
        )
        for o in (0.0, 1.0)
    ]
    assert times[0] == times[1]


def test_one_row_is_no_two_micro_batches() -> None:
    context = make.context(make.deepseek_v3(), serving="decode-only")
    times = [
        float(
            RooflineCostModel()
            .evaluate(make.design(make.h100_like(overlap=o), batch=1, tp=1, ep=8, dp=8), context)
            .tpot_s[0]
        )
        for o in (0.0, 1.0)
    ]
    assert times[0] == times[1]
