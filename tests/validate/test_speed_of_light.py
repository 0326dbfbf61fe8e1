"""The speed of light: right by hand, never beaten by `roofline`, and loud when a cost model beats it.

Tolerances are rounding unless said.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given

from dse.bounds import encoders, first_principles, speed_of_light
from dse.bounds.attention import compressed, index, latent, linear, mamba, rwkv, short_convolution, softmax
from dse.bounds.speed_of_light import Bound, assert_within_physics
from dse.errors import BeatsPhysics
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.batches import Case, Lookup, batches
from dse.validate.measured.beyond_bounds import rows_beating
from dse.validate.measured.rows import find_table, read_rows
from objectives.api import (
    Attention,
    Block,
    Context,
    CostModel,
    Designs,
    Experts,
    Llm,
    Metrics,
    Serving,
)
from objectives.costmodels.napkin import NapkinCostModel
from objectives.costmodels.roofline import RooflineCostModel

roofline = RooflineCostModel()
BOX = 8 * 3.35e12
EMBEDDING_AND_NORMS = (32000 * 8192 + 161 * 8192) * 2  # a decode step looks up one row of the table


def bound_of(designs: Designs, context: Context | None = None) -> Bound:
    return speed_of_light.speed_of_light(designs, context or make.context())


def served(context: Context, serving: Serving) -> Context:
    return replace(context, workload=replace(context.workload, serving=serving))


def h100s(batch: float = 32.0, tp: float = 8.0, **changes: float) -> Designs:
    return make.design(make.h100_like(**changes), batch=batch, tp=tp)


def names_of(error: pytest.ExceptionInfo[BeatsPhysics]) -> str:
    return str(error.value)


# -- right by hand --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("batch", "bytes_ms"), [(1, 5.17), (8, 5.30), (32, 5.75), (128, 7.55)])
def test_decode_takes_its_bytes_over_the_bandwidth_of_the_box(batch: int, bytes_ms: float) -> None:
    # the arithmetic that all peers were held against; it counts the embedding table among the weights
    tpot_ms = bound_of(h100s(batch)).tpot_s.item() * 1e3
    assert tpot_ms + EMBEDDING_AND_NORMS / BOX * 1e3 == pytest.approx(bytes_ms, abs=0.005)  # its last digit


def test_a_prompt_takes_its_flop_over_the_peak_of_the_box() -> None:
    layer = 2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672
    rows = 2 * layer * (1023 * 79 + 80)  # of the last layer only the last of 1,024 rows
    flop = rows + 2 * 32000 * 8192 + 79 * 4 * 8192 * 1024 * 1024 / 2
    assert bound_of(h100s()).ttft_s == pytest.approx(flop / 8 / 989e12, rel=1e-9)


def test_prompts_of_a_static_batch_take_as_many_times_as_long() -> None:
    context = make.context(serving="static")
    assert bound_of(h100s(16.0), context).ttft_s == pytest.approx(16 * bound_of(h100s()).ttft_s, rel=1e-9)


def test_a_lone_token_walks_through_the_stages_of_a_pipeline_one_after_the_other() -> None:
    one, eight = (bound_of(make.design(make.h100_like(), tp=1, pp=pp)).tpot_s for pp in (1, 8))
    assert eight == pytest.approx(one, rel=1e-9)


def test_a_chip_of_scratchpads_pays_for_every_hop() -> None:
    # TP8 x PP80: 79 hops between stages, and 160 exchanges of at least one hop of 0.6 us
    bound = bound_of(make.design(make.groq_like(), tp=8, pp=80))
    assert bound.tpot_terms["hops"] == pytest.approx((79 + 160) * 0.6e-6, rel=1e-9)


def test_what_sram_cannot_hold_comes_from_dram() -> None:
    chip = make.groq_like(sram_bytes=4e9, dram_bytes=24e9, dram_bandwidth=1e12)
    bound = bound_of(make.design(chip), make.context(make.llama2_7b(), weights=1.0, isl=0.0, osl=0.0))
    weights = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008) + 32000 * 4096
    assert bound.tpot_terms["dram"] == pytest.approx((weights - 4e9) / 1e12, rel=1e-9)
    assert bound.tpot_terms["bandwidth"] == pytest.approx(weights / 81e12, rel=1e-9)


def test_a_mixture_reads_the_experts_of_one_token_and_keeps_all() -> None:
    bound = bound_of(h100s(128.0), make.context(make.mixtral_8x7b(), isl=1.0, osl=0.0))
    kv = 128 * 2 * 32 * 8 * 128 * 2
    # Jiang et al. 2024 (arXiv 2401.04088): 12.9e9 active, 46.7e9 in all, both with 0.13e9 of embeddings
    assert bound.tpot_terms["bandwidth"] * BOX == pytest.approx((12.9e9 - 0.13e9) * 2 + kv, rel=5e-3)
    assert bound.needed_bytes == pytest.approx((46.7e9 - 0.13e9) * 2 + kv, rel=5e-3)


def gpt_oss_120b() -> Llm:
    """36 layers of 128 experts, four a token (OpenAI 2025); attention left small."""
    experts = Experts(count=128, top_k=4, width=2880, matrices=3)
    block = Block(count=36, attention=Attention(heads=64, kv_heads=8, head_dim=64), experts=experts)
    return Llm(name="120b", hidden=2880, vocab=201088, blocks=(block,), nominal_params=117e9)


def test_a_chip_that_works_on_experts_reads_a_whole_one_in_every_layer() -> None:
    # one expert on each of 128 chips at 8 TB/s: 36 x 3 x 2880^2 weights of 4.25 bits take 59.5 us
    chips = make.h100_like(**{**make.IDEAL, "dram_bandwidth": 8e12, "link_domain": 128.0})
    design = make.design(chips, batch=1, tp=128, ep=128)
    context = make.context(gpt_oss_120b(), weights=0.53125, isl=1.0, osl=1.0)
    expert_s = 36 * 3 * 2880**2 * 0.53125 / 8e12
    assert expert_s == pytest.approx(59.5e-6, rel=1e-3)
    bound = bound_of(design, context)
    dense = 36 * (2 * 64 * 64 * 2880 + 2 * 8 * 64 * 2880 + 128 * 2880) + 201088 * 2880
    assert bound.tpot_s == pytest.approx(expert_s + dense / 128 * 0.53125 / 8e12, rel=1e-9)
    assert roofline.evaluate(design, context).tpot_s >= bound.tpot_s


def test_states_of_linear_attention_are_read_and_written_and_kept() -> None:
    # Qwen3-Next: 36 layers of 32 states of 128 x 128 in four bytes, for each of 64 sequences
    few, many = (bound_of(h100s(b), make.context(make.qwen3_next(), isl=0.0, osl=0.0)) for b in (1.0, 65.0))
    state = 36 * 32 * 128 * 128 * 4
    assert many.needed_bytes - few.needed_bytes == pytest.approx(64 * state, rel=1e-9)
    read = (many.tpot_terms["bandwidth"] - few.tpot_terms["bandwidth"]) * BOX
    assert read == pytest.approx(64 * 2 * state, rel=1e-6)  # a difference of larger ones


def test_activations_of_experts_hide_behind_their_arithmetic() -> None:
    # Mixtral, 2,048 rows to two of eight experts, no losses: FLOP over peak, and not a byte more
    designs = make.design(make.h100_like(**make.IDEAL, dram_bytes=200e9))
    found = roofline.evaluate(designs, make.context(make.mixtral_8x7b(), isl=2048.0), detail=True)
    flop = 32 * 2 * 2048 * 2 * 3 * 4096 * 14336
    assert found.ttft_parts["routed_experts"] == pytest.approx(flop / 989e12, rel=1e-9)
    # the router alone: 2,048 rows in and out of a layer, and its 8 columns
    moved = 32 * (2048 * 2 * 4096 + 8 * 4096) * 2
    assert found.ttft_parts["ffn"] == pytest.approx(moved / 3.35e12, rel=1e-9)


def test_latents_are_counted_once_and_windows_end() -> None:
    latent = bound_of(h100s(64.0), make.context(make.deepseek_v3(), isl=4096.0, osl=0.0, kv=1.0))
    empty = bound_of(h100s(64.0), make.context(make.deepseek_v3(), isl=0.0, osl=0.0, kv=1.0))
    assert latent.needed_bytes - empty.needed_bytes == pytest.approx(64 * 4096 * 61 * 576, rel=1e-6)
    oss = make.context(make.gpt_oss_20b(), isl=8192.0, osl=0.0)
    none = make.context(make.gpt_oss_20b(), isl=0.0, osl=0.0)
    read = (bound_of(h100s(), c).tpot_terms["bandwidth"] * BOX for c in (oss, none))
    by_hand = 32 * 2 * 1024 * 12 * (8192 + 128)  # every other layer sees 128 tokens
    assert next(read) - next(read) == pytest.approx(by_hand, rel=1e-6)  # a difference of larger ones


# -- never beaten by the cost model ---------------------------------------------------------------------


@pytest.mark.parametrize("serving", make.SERVING_MODES)
def test_roofline_never_beats_physics(serving: Serving) -> None:
    @LAW
    @given(design=make.designs(), context=make.contexts())
    def law(design: Designs, context: Context) -> None:
        asked = served(context, serving)
        assert_within_physics(design, asked, roofline.evaluate(design, asked))

    law()


@LAW
@given(design=make.designs(), context=make.contexts())
def test_roofline_never_beats_physics_without_any_loss(design: Designs, context: Context) -> None:
    chips = design.chips
    kept = ("link_latency", "scale_out_latency", "usable_capacity")
    ideal = {k: np.full_like(chips.compute.peak_flops, v) for k, v in make.IDEAL.items() if k not in kept}
    free = design.replace(chips=chips.replace(**ideal))
    assert_within_physics(free, context, roofline.evaluate(free, context))


@pytest.mark.parametrize("batch", [1, 8, 32, 128])
def test_the_bound_is_close_enough_to_catch_something(batch: int) -> None:
    # a chip without losses: what is left is activations, collectives and groups that do not overlap
    designs = h100s(batch, **make.IDEAL)
    found, bound = roofline.evaluate(designs, make.context()), bound_of(designs)
    assert found.tpot_s < 1.3 * bound.tpot_s
    assert found.ttft_s < 1.4 * bound.ttft_s


# -- loud when beaten -----------------------------------------------------------------------------------


@dataclass
class Broken:
    """`roofline` with a mistake."""

    mistake: Callable[[Metrics], Metrics]
    name: str = "broken"
    requires: tuple[str, ...] = ()

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        return self.mistake(roofline.evaluate(designs, context, detail=detail))


def hundred_times_too_fast(m: Metrics) -> Metrics:
    return replace(m, tpot_s=m.tpot_s / 100)


MISTAKES = {
    "tpot_s": hundred_times_too_fast,
    "ttft_s": lambda m: replace(m, ttft_s=0.0 * m.ttft_s),
    "tokens_per_s": lambda m: replace(m, tokens_per_s=100 * m.tokens_per_s),
}


@pytest.mark.parametrize("metric", MISTAKES)
@pytest.mark.parametrize("serving", make.SERVING_MODES)
def test_a_broken_cost_model_is_caught_by_name(metric: str, serving: Serving) -> None:
    model: CostModel = Broken(MISTAKES[metric])
    context = make.context(serving=serving)
    designs = make.design(make.h100_like(), batch=[1, 512], tp=[8, 8], pp=[1, 2], dp=[1, 3])
    with pytest.raises(BeatsPhysics) as caught:
        assert_within_physics(designs, context, model.evaluate(designs, context), names=["h100-sxm"])
    said = names_of(caught)
    assert "chip h100-sxm, batch " in said
    assert any(f"tp 8, pp {n}, ep 1, dp {m}: {metric}: expected" in said for n, m in ((2, 3), (1, 1)))
    assert {name for name in MISTAKES if f" {name}: " in said} == {metric}


def test_the_error_says_by_how_much_and_why() -> None:
    designs, context = h100s(1.0, **make.IDEAL), make.context()
    fast = hundred_times_too_fast(roofline.evaluate(designs, context))
    with pytest.raises(BeatsPhysics) as caught:
        assert_within_physics(designs, context, fast)
    factor = (bound_of(designs).tpot_s / fast.tpot_s).item()
    assert f"{factor:.4g} times too fast" in names_of(caught)
    assert "989 TFLOP/s" in names_of(caught)  # the facts of a chip that has no name
    assert "(bandwidth)" in names_of(caught)


def test_a_design_that_cannot_hold_its_bytes_is_not_feasible_whoever_says_so() -> None:
    designs, context = make.design(make.groq_like(), tp=8), make.context()
    found = roofline.evaluate(designs, context)
    assert_within_physics(designs, context, found)  # it says itself that nothing fits
    claimed = replace(found, violations={"capacity": 0.0 * found.tpot_s})
    with pytest.raises(BeatsPhysics, match="capacity: called feasible: expected room for"):
        assert_within_physics(designs, context, claimed)


def test_what_is_not_a_number_is_caught() -> None:
    designs, context = h100s(), make.context()
    found = roofline.evaluate(designs, context)
    with pytest.raises(BeatsPhysics, match="tpot_s"):
        assert_within_physics(designs, context, replace(found, tpot_s=np.nan * found.tpot_s))


def test_rounding_alone_beats_nothing() -> None:
    designs, context = h100s(), make.context()
    bound, found = bound_of(designs), roofline.evaluate(designs, context)
    for share, beaten in ((1 - 1e-10, False), (1 - 1e-8, True)):
        near = replace(found, tpot_s=bound.tpot_s * share)
        if beaten:
            with pytest.raises(BeatsPhysics):
                speed_of_light.check(near, bound)
        else:
            speed_of_light.check(near, bound)


def test_the_articles_arithmetic_beats_physics() -> None:
    # 500 token/s for each of 128 users, and no time at all for their prompts
    article = make.context(isl=4096.0, osl=1.0, weights=1.0, kv=1.0)
    designs = make.design(make.groq_like(), batch=128, tp=8, pp=80)
    with pytest.raises(BeatsPhysics, match=r"ttft_s: .* no time at all"):
        assert_within_physics(designs, article, NapkinCostModel().evaluate(designs, article))


def test_only_the_rows_asked_for_are_held_against_physics() -> None:
    grid = Designs.of(
        chips=make.h100_like(dram_bandwidth=[3.35e12, 4.8e12]),
        deployments=make.deployments([1, 8, 64], [8] * 3, [1] * 3, [1] * 3).reshape(3, 1),
    )
    context, names = make.context(), ["slow", "fast"]
    found = roofline.evaluate(grid, context)
    cheat = np.array(np.broadcast_to(found.tpot_s, (3, 2)))
    cheat[2, 1] /= 100  # the flat index is 5
    cheated = replace(found, tpot_s=cheat)
    assert_within_physics(grid, context, cheated, indices=[0, 1, 4], names=names)
    with pytest.raises(BeatsPhysics, match="chip fast, batch 64, tp 8"):
        assert_within_physics(grid, context, cheated, indices=[0, 5], names=names)


# -- on its own -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "module",
    [
        speed_of_light,
        first_principles,
        encoders,
        softmax,
        latent,
        linear,
        index,
        compressed,
        short_convolution,
        mamba,
        rwkv,
    ],
    ids=lambda m: m.__name__,
)
def test_the_bound_shares_no_code_with_cost_models(module: object) -> None:
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))  # type: ignore[attr-defined]
    nodes = list(ast.walk(tree))
    imported = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    imported |= {f"{n.module}.{a.name}" for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names}
    ours = {name for name in imported if name.startswith(("objectives", "dse"))}
    # a type, a safe quotient, an error, and of a serving mode one fact: whether a batch starts together
    allowed = {"objectives.api", "dse.errors.BeatsPhysics", "dse.arrays.Floats", "dse.arrays.over"}
    allowed.add("objectives.equations.serving.registry.serving_mode")
    # the second counts by class, and the classes
    allowed.add("dse.spec.attention.registered.second_count_of")
    allowed.add("dse.spec.attention.registered.point_of")
    allowed.add("dse.spec.attention.kind.kv_visited")
    kinds = (
        "Attention",
        "LatentAttention",
        "LinearAttention",
        "Index",
        "CompressedAttention",
        "ShortConvolution",
        "Mamba",
        "Rwkv",
    )
    allowed |= {f"objectives.api.{kind}" for kind in kinds}
    of_mode = [
        n.attr for n in nodes if isinstance(n, ast.Attribute) and "serving_mode(" in ast.unparse(n.value)
    ]
    assert set(of_mode) <= {"starts_together"}
    # what names a broken plug-in computes nothing
    free = ("dse.bounds.first_principles", "dse.bounds.encoders", "dse.plugins.")
    assert all(n in allowed or n.startswith(free) for n in ours), ours


# -- published measurements -----------------------------------------------------------------------------

KNOWN = {
    # llama.cpp accumulates in fp16, at twice the peak that the chip's file gives for fp16 with fp32 sums
    ("RTX4080-16GB", "llama3-8b", "prefill_ms"): 1.02,
    # 2.5 bits a weight, as its notes say; the format of the table stands for 2.5 to 6 and counts as 3.6
    ("RTX3090Ti-24GB", "llama2-70b", "tok_s_user"): 1.01,
}


def test_published_measurements_are_within_physics_but_for_known_errors() -> None:
    catalog = Catalog()
    lookup = Lookup(catalog)
    cases = [c for r in read_rows(find_table("published", catalog)) if isinstance(c := lookup.case(r), Case)]
    assert len(cases) > 2000
    found = rows_beating(batches(cases, catalog))
    told = {(b.row.chip, b.row.llm, b.row.metric): b.factor for b in found}
    assert told == {key: pytest.approx(factor, abs=0.005) for key, factor in KNOWN.items()}
    assert len(found) == len(KNOWN)


def test_a_row_that_is_too_good_is_told_with_its_place() -> None:
    catalog = Catalog()
    lookup = Lookup(catalog)
    rows = read_rows(find_table("published", catalog))[:40]
    cases = [c for r in rows if isinstance(c := lookup.case(r), Case)]
    slip = replace(cases[0], row=replace(cases[0].row, metric="tpot_ms", value=1e-3))  # seconds for ms
    found = rows_beating(batches([slip, *cases[1:]], catalog))
    assert [b.row.where for b in found] == [cases[0].row.where]
    assert str(found[0]).startswith("published.csv:2: B200-SXM-180GB, deepseek-r1: tpot_ms: expected at ")
