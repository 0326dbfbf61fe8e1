"""An encoder and cross attention by hand: parameters, FLOP, bytes, capacity and TTFT."""

from dataclasses import replace
from importlib.metadata import EntryPoint

import factories as make
import numpy as np
import pytest
from factories import SERVING_MODES
from networks import pictured, whisper
from systems import pairs

from dse.bounds.first_principles import count
from dse.bounds.speed_of_light import speed_of_light
from dse.errors import SpecError
from dse.plugins.checked_cost_model import CheckedCostModel
from dse.testing.checks import ROUNDING
from objectives.api import (
    Attention,
    Block,
    Context,
    CrossAttention,
    Designs,
    Encoder,
    EncoderMatrices,
    Llm,
    Matrix,
    Metrics,
    reads_encoders,
)
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.held_weights import encoder_weights
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.llm.parameters import params

evaluate = RooflineCostModel().evaluate
D, T = 1280, 1500
SQUARE = D * D
STEM = 240 * D, 3 * SQUARE
ENCODER = 32 * (4 * SQUARE + 8 * SQUARE)
"""Weights of the layers of the encoder of Whisper large."""
KEYS = 32 * 2 * SQUARE
"""Those of the keys and values of its cross attention."""
DECODER = 32 * (4 * SQUARE + 2 * SQUARE + 8 * SQUARE)
"""Those that each of its decoded rows is multiplied by."""
HEAD = 51865 * D


def without(llm: Llm) -> Llm:
    return replace(llm, encoder=None, blocks=(llm.blocks[0],))


def test_parameters_are_those_that_are_published() -> None:
    tables = (1500 + 448) * D
    norms = D * (2 * 32 + 1) + D * (3 * 32 + 1)
    by_hand = sum(STEM) + ENCODER + KEYS + DECODER + HEAD + tables + norms
    assert params(whisper()) == by_hand
    # arXiv 2212.04356, table 1
    assert by_hand == pytest.approx(1550e6, rel=0.01)


def test_keys_of_the_rows_are_kept_whatever_the_context() -> None:
    layer = mean_layer(whisper(), np.ones(1))
    own, rows = 2 * 20 * 64, 1500 * 2 * 20 * 64
    # of 64 layers half have self attention, half cross attention
    assert 64 * layer.kv_kept(np.array([448.0])) == 32 * (448 * own + rows)
    assert 64 * layer.kv_kept(np.array([1.0])) == 32 * (own + rows)
    assert 64 * layer.kv_read(np.array([100.0])) == 32 * (100 * own + rows)
    assert 64 * layer.core_flop(np.array([100.0])) == 32 * 4 * 20 * 64 * (100 + 1500)


def test_a_chip_holds_the_encoder_and_the_keys_of_cross_attention() -> None:
    held = evaluate(make.design(make.h100_like(), batch=4), make.context(whisper()), detail=True)
    by_hand = 2.0 * (sum(STEM) + ENCODER + 1500 * D + KEYS + DECODER + HEAD)
    assert held.capacity_parts["weights"] == pytest.approx(by_hand, rel=ROUNDING)
    kept = 2.0 * 4 * 32 * 2 * 20 * 64 * (2048 + 1500)
    assert held.capacity_parts["kv_cache"] == pytest.approx(kept, rel=ROUNDING)
    split = encoder_weights(whisper(), np.array([4.0]), None, np.array([4.0]))
    assert split is not None
    # nine of 33 layers, one of which is a convolution; heads and columns in four; stem and positions whole
    mean = (ENCODER + STEM[1]) / 33
    assert split[0] == pytest.approx((9 * mean + STEM[0] + 1500 * D) / 4, rel=ROUNDING)


def test_a_first_token_waits_for_the_products_of_all_rows() -> None:
    free = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, link_bandwidth=1e30)
    m = evaluate(make.design(free), make.context(whisper(), isl=100.0), detail=True)
    products = 3000 * STEM[0] + T * (STEM[1] + ENCODER + KEYS)
    cores = 32 * 4 * D * T * T
    assert m.ttft_parts["encoder"] == pytest.approx((2 * products + cores) / 989e12, rel=ROUNDING)
    prompt = 2 * (100 * DECODER + HEAD) + 32 * 4 * D * 100 * (50 + 1500)
    assert m.ttft_s == pytest.approx((2 * products + cores + prompt) / 989e12, rel=ROUNDING)


def test_an_encoder_of_few_rows_waits_for_its_weights() -> None:
    llm = whisper()
    assert llm.encoder is not None
    few = replace(llm, encoder=replace(llm.encoder, tokens=1, before=None), blocks=(llm.blocks[0],))
    fast = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    m = evaluate(make.design(fast), make.context(few, isl=100.0), detail=True)
    # activations of a row: widths in and out, heads, the inside of the FFN; its keys; a row of the table
    rows = 32 * (2 * D + 4 * D + 2 * D + 2 * 4 * D) + 4 * D + D
    size = 2.0 * (ENCODER + STEM[1] + rows + 32 * 2 * D)
    assert m.ttft_parts["encoder"] == pytest.approx(size / 3.35e12, rel=1e-3)


def test_pictures_see_themselves_and_layers_of_the_projector_see_its_rows() -> None:
    free = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, link_bandwidth=1e30)
    m = evaluate(make.design(free), make.context(pictured(), isl=100.0), detail=True)
    layers = 32 * (4 * 1280 * 1280 + 2 * 1280 * 5120)
    keys = 8 * 2 * 4096 * 1024
    flop = 2 * 4096 * (layers + 7680 * 4096 + keys) + 32 * 4 * 1280 * 4096 * 1024
    assert m.ttft_parts["encoder"] == pytest.approx(flop / 989e12, rel=ROUNDING)


@pytest.mark.parametrize("llm", [whisper(), pictured()], ids=["whisper", "pictured"])
@pytest.mark.parametrize("serving", SERVING_MODES)
def test_it_costs_in_every_way_of_serving_that_has_prompts(llm: Llm, serving: str) -> None:
    design = make.design(make.h100_like(), batch=16, tp=2, pp=2, dp=2)
    context = make.context(llm, isl=64.0, osl=128.0, serving=serving)
    small = replace(llm, encoder=replace(llm.encoder, tokens=1, before=None, after=None))  # type: ignore[type-var]
    m, less = (
        evaluate(design, context, detail=True),
        evaluate(design, replace(context, llm=small), detail=True),
    )
    assert m.ttft_parts["encoder"] > less.ttft_parts["encoder"]
    assert sum(m.ttft_parts.values()) == pytest.approx(m.ttft_s, rel=ROUNDING)
    assert m.ttft_s > less.ttft_s
    if serving == "decode-only":
        assert m.tokens_per_s == less.tokens_per_s
    else:
        # of pools the one that prefills grows instead
        assert m.tokens_per_s <= less.tokens_per_s
        assert m.usd_per_million_tokens > less.usd_per_million_tokens


def test_the_second_count_has_the_same_products_and_weights() -> None:
    n = count(whisper(), make.context(whisper(), isl=100.0).workload)
    assert n.encoder.products == 3000 * STEM[0] + T * (STEM[1] + ENCODER + KEYS)
    assert n.encoder.core_flop == 32 * 4 * D * T * T
    assert n.encoder.read == sum(STEM) + ENCODER + KEYS
    assert n.stored == sum(STEM) + ENCODER + KEYS + DECODER + 1500 * D
    assert n.kv_kept == 32 * 2 * D * (1124 + 1500)
    ideal = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, link_bandwidth=1e30)
    context = make.context(whisper(), isl=100.0)
    bound = speed_of_light(make.design(ideal), context)
    assert bound.ttft_s <= evaluate(make.design(ideal), context).ttft_s
    assert bound.ttft_s > 0.9 * evaluate(make.design(ideal), context).ttft_s


FACTS = [
    {"tokens": 750},
    {"hidden": 640},
    {"lookup": ()},
    {"before": None},
    {"after": EncoderMatrices(tokens=1500, matrices=(Matrix(inputs=1280, outputs=1280),))},
    {"blocks": whisper().encoder.blocks[:1]},  # type: ignore[union-attr]
]


@pytest.mark.parametrize("changes", FACTS, ids=[next(iter(fact)) for fact in FACTS])
def test_every_fact_of_an_encoder_moves_some_output(changes: dict[str, object]) -> None:
    llm, design = whisper(), make.design(make.h100_like(), batch=16, tp=4, pp=2)
    other = replace(llm, encoder=replace(llm.encoder, **changes))  # type: ignore[type-var, arg-type]
    one, two = (evaluate(design, make.context(x, serving="aggregated")) for x in (llm, other))
    assert (one.ttft_s, one.violations["capacity"]) != (two.ttft_s, two.violations["capacity"])


@pytest.mark.parametrize(
    "changes",
    [{"heads": 40}, {"kv_heads": 10}, {"head_dim": 128}, {"shared": True}, {"tokens": 1}, {"inputs": 640}],
)
def test_every_fact_of_cross_attention_moves_some_output(changes: dict[str, object]) -> None:
    llm, design = whisper(), make.design(make.h100_like(), batch=16, tp=2)
    own, crossed = llm.blocks
    other = replace(crossed, attention=replace(crossed.attention, **changes))  # type: ignore[type-var, arg-type]
    results = [
        evaluate(design, make.context(x, serving="aggregated"))
        for x in (llm, replace(llm, blocks=(own, other)))
    ]
    one, two = ((m.ttft_s, m.tpot_s, m.violations["capacity"]) for m in results)
    assert one != two


def test_pools_hold_the_encoder_where_prompts_run() -> None:
    gpu, d = make.h100_like(), make.deployments(batch=16, tp=2)
    weights = 2.0 * (sum(STEM) + ENCODER + 1500 * D)
    for roles, keeper in ((("prefill", "decode"), "prefill"), (("attention", "ffn"), "attention")):
        context = pairs.serving(make.context(whisper(), isl=64.0, osl=128.0), roles)
        small = replace(context, llm=replace(whisper(), encoder=None))
        system = pairs.system(pairs.link(50e9, 1e-6), **dict.fromkeys(roles, (gpu, d)))
        m, less = (pairs.evaluate(system, each, detail=True) for each in (context, small))
        more = {
            role: m.capacity_parts[f"{role}.weights"] - less.capacity_parts[f"{role}.weights"]
            for role in roles
        }
        # heads and columns in two; stem and positions too
        assert more.pop(keeper) == pytest.approx(weights / 2, rel=1e-9)
        assert not any(np.any(rest) for rest in more.values())
        assert m.ttft_parts["encoder"] > 0.0
        assert sum(m.ttft_parts.values()) == pytest.approx(m.ttft_s, rel=ROUNDING)
        assert np.array_equal(m.tpot_s, less.tpot_s) or roles[0] == "attention"


def test_rows_of_projections_that_are_shared_are_computed_and_not_stored() -> None:
    own = Attention(heads=8, kv_heads=4, head_dim=64)
    lent = CrossAttention(heads=8, kv_heads=4, head_dim=64, shared=True, tokens=100, inputs=512)
    encoder = Encoder(tokens=100, hidden=512, blocks=(Block(count=4, attention=own),))
    block = Block(count=4, attention=own, beside=(lent,))
    llm = Llm(name="2", hidden=512, vocab=1000, blocks=(block,), encoder=encoder, nominal_params=1e7)
    alone = replace(llm, blocks=(replace(block, beside=()),))
    assert params(llm) == params(alone)
    n, less = (count(x, make.context(x).workload).encoder for x in (llm, alone))
    assert n.products - less.products == 100 * 4 * 2 * 512 * 256
    assert n.stored == less.stored
    free = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, link_bandwidth=1e30)
    took = [
        evaluate(make.design(free), make.context(x), detail=True).ttft_parts["encoder"] for x in (llm, alone)
    ]
    assert took[0] - took[1] == pytest.approx(2 * 100 * 4 * 2 * 512 * 256 / 989e12, rel=1e-9)


def test_rows_that_wait_for_their_turn_in_a_layer_have_room() -> None:
    # 4,096 rows, of which the stack works on 2,048 at once: their projections and their FFN
    design = make.design(make.h100_like(), batch=1)
    m = evaluate(design, make.context(pictured(), isl=64.0, serving="aggregated"), detail=True)
    worked = 2 * 1280 + 4 * 1280 + 2 * 1280 + 2 * 5120
    by_hand = 2.0 * 2048 * (worked + 1280 + 2 * 1280)
    assert m.capacity_parts["activations"] == pytest.approx(by_hand, rel=1e-9)
    llm = pictured()
    twice = replace(llm, encoder=replace(llm.encoder, tokens=8192))  # type: ignore[type-var]
    more = evaluate(design, make.context(twice, isl=64.0, serving="aggregated"), detail=True)
    added = more.capacity_parts["activations"] - m.capacity_parts["activations"]
    assert added == pytest.approx(2.0 * 4096 * 3 * 1280, rel=1e-9)


class Before:
    """A cost model of before: it reads layers alone."""

    name = "before"
    requires: tuple[str, ...] = ()

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        return evaluate(designs, context, detail=detail)


def test_a_cost_model_that_does_not_read_an_encoder_refuses_it() -> None:
    point = EntryPoint(name="before", value="x:Before", group="dse.cost_models")
    model, design = CheckedCostModel(point, Before()), make.design(make.h100_like())
    assert np.all(model.evaluate(design, make.context()).tpot_s > 0.0)
    with pytest.raises(
        SpecError, match="expected an LLM without an encoder, which it does not read, got whisper"
    ):
        model.evaluate(design, make.context(whisper()))
    assert reads_encoders(RooflineCostModel()) and not reads_encoders(Before())
