"""A format for each part of the weights: bytes, reads and times by hand, and laws against one format."""

from dataclasses import fields, replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.backends import compiler
from dse.bounds import first_principles
from dse.bounds.speed_of_light import assert_within_physics, speed_of_light
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from objectives.api import (
    Attention,
    Block,
    Chips,
    Context,
    Deployments,
    Designs,
    Experts,
    Ffn,
    Llm,
    Lookup,
    Matrix,
    Metrics,
)
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.expert_parallel import expert_load
from objectives.equations.llm.mean_layer import mean_layer
from objectives.parts import PEAKS_OF_PARTS, Parts

ROOFLINE = RooflineCostModel()
NAMES = [f.name for f in fields(Parts)]
GQA = Attention(heads=8, kv_heads=2, head_dim=16)
"""128 x (2 x 8 + 2 x 2) x 16 = 40,960 weights at a hidden size of 128."""
MIXED = Experts(count=8, top_k=2, width=32, matrices=3, shared_width=48, latent=64)


def small(**changes: object) -> Llm:
    """Every part: layers with both an FFN and experts, others with matrices, a table."""
    blocks = (
        Block(count=4, attention=GQA, ffn=Ffn(width=256, matrices=3), experts=MIXED),
        Block(count=2, attention=GQA, matrices=(Matrix(inputs=128, outputs=64),)),
    )
    llm = Llm(
        name="small",
        hidden=128,
        vocab=256,
        blocks=blocks,
        lookup=(Lookup(entries=100, width=24),),
        nominal_params=1e6,
    )
    return replace(llm, **changes)  # type: ignore[arg-type]


BY_HAND = {
    "experts": 4 * 8 * 3 * 64 * 32,
    "shared": 4 * 3 * 128 * 48,
    "dense": 4 * 3 * 128 * 256 + 4 * 2 * 128 * 64 + 2 * 128 * 64,
    "attention": 6 * 40_960,
    "embedding": 256 * 128 + 100 * 24,
    "head": 256 * 128,
    "router": 4 * 128 * 8,
}
"""Weights of the parts of `small` on one chip."""
BYTES = dict(zip(NAMES, (0.5, 1.0, 0.75, 2.0, 4.0, 3.0, 1.5), strict=True))


def with_parts(context: Context, parts: dict[str, float]) -> Context:
    return replace(context, precision=replace(context.precision, parts=Parts(**parts)))


def evaluated(context: Context, chips: Chips, deployments: Deployments) -> Metrics:
    designs = Designs.of(chips=chips, deployments=deployments)
    found = ROOFLINE.evaluate(designs, context, detail=True)
    assert_within_physics(designs, context, found)
    return found


# -- capacity -------------------------------------------------------------------------------------------


def test_each_part_is_held_in_its_own_format_on_one_chip() -> None:
    context = with_parts(make.context(small()), BYTES)
    found = evaluated(context, make.h100_like(), make.deployments(4)).capacity_parts
    for part, elements in BY_HAND.items():
        assert found[f"{part}_weights"][0] == pytest.approx(elements * BYTES[part]), part
    assert "weights" not in found
    n = first_principles.count(context.llm, context.workload, Parts(**BYTES))
    whole = sum(found[f"{part}_weights"][0] for part in NAMES)
    # of the embedding the second count has the tables alone
    assert whole - 256 * 128 * BYTES["embedding"] == pytest.approx(n.stored + n.head)


def test_a_matrix_that_is_both_embedding_and_head_has_the_format_of_the_head() -> None:
    context = with_parts(make.context(small(tied_embedding=True)), BYTES)
    found = evaluated(context, make.h100_like(), make.deployments(4)).capacity_parts
    assert found["head_weights"][0] == pytest.approx(256 * 128 * BYTES["head"])
    assert found["embedding_weights"][0] == pytest.approx(100 * 24 * BYTES["embedding"])


@pytest.mark.parametrize("head", [1.0, 9.0])
def test_of_two_stages_the_one_with_the_larger_edge_is_the_fullest(head: float) -> None:
    context = with_parts(make.context(small()), {**BYTES, "head": head})
    found = evaluated(context, make.h100_like(), make.deployments(4, pp=2)).capacity_parts
    edge = max((256 * 128 + 100 * 24) * BYTES["embedding"], 256 * 128 * head)
    assert found["head_weights"][0] + found["embedding_weights"][0] == pytest.approx(edge)


def _llama_405b() -> Llm:
    gqa = Attention(heads=128, kv_heads=8, head_dim=128)
    block = Block(count=126, attention=gqa, ffn=Ffn(width=53248, matrices=3))
    return Llm(name="405b", hidden=16384, vocab=128256, blocks=(block,), nominal_params=405e9)


def test_llama_405b_in_fp8_holds_what_is_measured_on_each_of_eight_chips() -> None:
    # measured: 62.01 GB a chip (TensorRT-LLM and vLLM on eight H100). Its config.json leaves attention, head
    # and embedding out of fp8; the MLPs of the first and the last layer too, which are 0.66 GB a chip more
    parts = dict.fromkeys(NAMES, 1.0) | dict.fromkeys(("attention", "embedding", "head"), 2.0)
    context = with_parts(make.context(_llama_405b(), weights=1.0), parts)
    found = evaluated(context, make.h100_like(), make.deployments(1, tp=8)).capacity_parts
    each = sum(found[f"{part}_weights"][0] for part in NAMES)
    assert each == pytest.approx(62.01e9, rel=0.03)
    assert each + 2 * 3 * 16384 * 53248 / 8 == pytest.approx(60.90e9, rel=0.001)
    plain = make.context(_llama_405b(), weights=1.0)
    one_format = evaluated(plain, make.h100_like(), make.deployments(1, tp=8))
    assert one_format.capacity_parts["weights"][0] == pytest.approx(50.7e9, rel=0.001)


def test_gpt_oss_20b_holds_the_size_of_its_files() -> None:
    # the files of openai/gpt-oss-20b have 13.76 GB: mxfp4 experts, all else in 16 bits
    parts = dict.fromkeys(NAMES, 2.0) | {"experts": 0.5 + 1 / 32}
    context = with_parts(make.context(make.gpt_oss_20b()), parts)
    found = evaluated(context, make.h100_like(), make.deployments(1)).capacity_parts
    assert sum(found[f"{part}_weights"][0] for part in NAMES) == pytest.approx(13.76e9, rel=0.03)


# -- reads ----------------------------------------------------------------------------------------------


def _read_of_a_token(context: Context) -> float:
    """Bytes of weights that one row reads, by the first count."""
    llm = context.llm
    assert context.precision.parts is not None
    layer = mean_layer(llm, np.ones(1), by=context.precision.parts)
    visited = sum(p.share * expert_load(p.spread, 1.0, 1.0, 1.0).visited * p.elements for p in layer.routed)
    return float((llm.layers * (layer.projection + layer.ffn + visited) + layer.head)[0])


def test_kimi_k25_reads_32_gb_for_a_token() -> None:
    # int4 experts with a scale for 32, all else bf16: 61 layers of MLA, one dense, 60 of 384 experts
    llm = Catalog.of(None).get(LlmSpec, "kimi-k2.5").resolve()
    parts = dict.fromkeys(NAMES, 2.0) | {"experts": 0.5 + 2 / 128}
    context = with_parts(make.context(llm), parts)
    experts = 60 * 8 * 3 * 7168 * 2048 * parts["experts"]
    n = first_principles.count(llm, context.workload)
    others = (n.layers + n.head - 60 * 8 * 3 * 7168 * 2048) * 2.0
    assert _read_of_a_token(context) == pytest.approx(experts + others, rel=1e-9)
    assert _read_of_a_token(context) == pytest.approx(32e9, rel=0.03)


def test_both_counts_read_the_same_of_every_part() -> None:
    context = with_parts(make.context(small()), BYTES)
    n = first_principles.count(context.llm, context.workload, Parts(**BYTES))
    assert _read_of_a_token(context) == pytest.approx(n.layers + n.head)


# -- compute --------------------------------------------------------------------------------------------

PEAKS = dict(zip(PEAKS_OF_PARTS, (4e15, 3e15, 2e15, 5e14, 8e14, 6e14), strict=True))


def test_each_part_is_computed_at_the_peak_of_its_own_format() -> None:
    columns = {PEAKS_OF_PARTS[part]: peak for part, peak in PEAKS.items()}
    chip = make.h100_like(**columns)
    context = with_parts(make.context(small(), osl=2.0), BYTES)
    designs = make.design(chip, 1)
    n = first_principles.count(context.llm, context.workload)
    # experts of a token and their way, per layer
    flop = {part: 2.0 * elements for part, elements in BY_HAND.items() if part != "embedding"}
    flop["experts"] *= 2 / 8
    assert sum(flop.values()) == pytest.approx(2.0 * (n.layers + n.head))
    bound = speed_of_light(designs, context).tpot_terms["compute"][0]
    core = n.core_flop / chip.compute.attention_flops[0]
    assert bound == pytest.approx(sum(flop[p] / PEAKS[p] for p in flop) + core)


def test_a_part_at_another_peak_costs_compute_time_alone() -> None:
    context = with_parts(make.context(small()), BYTES)
    plain = ROOFLINE.evaluate(make.design(make.h100_like(), 4096), context)
    for part, column in PEAKS_OF_PARTS.items():
        peak = float(make.H100_LIKE["peak_flops"])
        same = ROOFLINE.evaluate(make.design(make.h100_like(**{column: peak}), 4096), context)
        slow = ROOFLINE.evaluate(make.design(make.h100_like(**{column: peak / 1e4}), 4096), context)
        assert same.tpot_s == pytest.approx(plain.tpot_s, rel=1e-12)
        assert slow.tpot_s[0] > plain.tpot_s[0], part
        assert slow.capex_usd == pytest.approx(plain.capex_usd)


# -- laws -----------------------------------------------------------------------------------------------


@LAW
@given(designs=make.designs(), context=make.contexts())
def test_parts_of_one_format_are_that_format(designs: Designs, context: Context) -> None:
    alike = with_parts(context, dict.fromkeys(NAMES, context.precision.weight_bytes))
    one, other = (ROOFLINE.evaluate(designs, c, detail=True) for c in (context, alike))
    for name in ("tpot_s", "ttft_s", "tokens_per_s", "usd_per_million_tokens", "energy_per_token_j"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-9, err_msg=name)
    held = sum(size for name, size in other.capacity_parts.items() if name.endswith("_weights"))
    np.testing.assert_allclose(held, one.capacity_parts["weights"], rtol=1e-12)


@LAW
@given(
    designs=make.designs(),
    context=make.contexts(),
    sizes=st.tuples(*(st.sampled_from((0.5, 1.0, 2.0)) for _ in NAMES)),
    peaks=st.tuples(*(st.sampled_from((0.5, 1.0, 4.0)) for _ in PEAKS_OF_PARTS)),
)
def test_no_design_beats_physics(
    designs: Designs, context: Context, sizes: tuple[float, ...], peaks: tuple[float, ...]
) -> None:
    of_parts = dict(zip(PEAKS_OF_PARTS.values(), peaks, strict=True))
    chips = designs.chips.replace(**{c: designs.chips.compute.peak_flops * x for c, x in of_parts.items()})
    mixed = with_parts(context, dict(zip(NAMES, sizes, strict=True)))
    designs = designs.replace(chips=chips)
    assert_within_physics(designs, mixed, ROOFLINE.evaluate(designs, mixed))


@LAW
@given(designs=make.designs(), context=make.contexts(), part=st.sampled_from(NAMES))
def test_wider_weights_of_a_part_fill_that_part_alone(designs: Designs, context: Context, part: str) -> None:
    sizes = dict.fromkeys(NAMES, 1.0)
    less, more = (
        ROOFLINE.evaluate(designs, with_parts(context, {**sizes, part: size}), detail=True).capacity_parts
        for size in (1.0, 0.5)
    )
    for name in (n for n in less if n not in (f"{part}_weights", "head_weights", "embedding_weights")):
        np.testing.assert_allclose(more[name], less[name], rtol=1e-9, err_msg=name)
    # of two stages that with the larger edge counts, so a narrower head may bring in the embedding
    whole = [sum(m[f"{n}_weights"] for n in NAMES) for m in (less, more)]
    assert np.all(whole[1] <= whole[0] * (1.0 + 1e-12))


def test_jax_agrees() -> None:
    compile = compiler("jax", fused=False)
    assert compile is not None
    columns = {PEAKS_OF_PARTS[part]: peak for part, peak in PEAKS.items()}
    designs = make.design(make.h100_like(**columns), 32, tp=2, pp=2)
    context = with_parts(make.context(small()), BYTES)

    def results(chips: dict[str, np.ndarray], ways: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        m = ROOFLINE.evaluate(
            Designs.of(chips=Chips.of(**chips), deployments=Deployments(**ways)), context, detail=True
        )
        return {"tpot": m.tpot_s, "energy": m.energy_per_token_j, **m.capacity_parts}

    inputs = designs.chips.columns(), designs.deployments.columns()
    plain, fast = results(*inputs), compile(results)(*inputs)
    assert plain.keys() == fast.keys()
    for name, column in plain.items():
        np.testing.assert_allclose(fast[name], column, rtol=1e-9, err_msg=name)
