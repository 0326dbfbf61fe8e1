"""Networks of layers with a state of every kind: the cost model in the strict namespace, and its laws."""

from dataclasses import replace

import array_api_strict
import factories as make
import numpy as np
import pytest

from dse.bounds.speed_of_light import check, speed_of_light
from dse.testing.checks import table
from objectives.api import AttentionLayer, Block, Chips, Deployments, Designs, Ffn, Llm, Mamba, Rwkv
from objectives.api import ShortConvolution as Convolution
from objectives.costmodels.roofline import RooflineCostModel

LAYERS: dict[str, AttentionLayer] = {
    "convolution": Convolution(width=2048, taps=3, state_bytes=2.0),
    "mamba": Mamba(inner=4096, state_dim=16, step_rank=128, conv=4, state_bytes=4.0),
    "rwkv-6": Rwkv(heads=32, head_dim=64, decay_latent=64, mix_latent=32, shift=4096, state_bytes=4.0),
    "rwkv-7": Rwkv(
        heads=32, head_dim=64, decay_latent=96, gate_latent=256, rate_latent=96, value_latent=64, shift=4096,
        state_bytes=4.0,
    ),
}  # fmt: skip
MODES = ("decode-only", "aggregated", "chunked", "disaggregated", "static")


def network(layer: AttentionLayer) -> Llm:
    """24 layers of it, each with an FFN."""
    block = Block(count=24, attention=layer, ffn=Ffn(width=8192, matrices=3))
    return Llm(name="state", hidden=2048, vocab=65536, blocks=(block,), nominal_params=1.5e9)


@pytest.fixture(params=LAYERS.values(), ids=LAYERS)
def llm(request: pytest.FixtureRequest) -> Llm:
    return network(request.param)


def strict(design: Designs) -> Designs:
    def columns(struct: Chips | Deployments) -> dict[str, object]:
        return {name: array_api_strict.asarray(column) for name, column in struct.columns().items()}

    return Designs.of(
        chips=Chips.of(**columns(design.chips)), deployments=Deployments(**columns(design.deployments))
    )


evaluate = RooflineCostModel().evaluate


@pytest.mark.parametrize("serving", MODES)
def test_the_strict_namespace_agrees(llm: Llm, serving: str) -> None:
    design, context = make.design(make.h100_like(), batch=16, tp=8, pp=2), make.context(llm, serving=serving)
    left, right = evaluate(design, context, detail=True), evaluate(strict(design), context, detail=True)
    assert type(right.tpot_s) is type(array_api_strict.asarray(0.0))
    rows = table(left, design.shape), table(right, design.shape)
    for name, here in rows[0].items():
        np.testing.assert_allclose(rows[1][name], here, rtol=1e-9, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("serving", MODES)
def test_nothing_is_faster_than_the_bound(llm: Llm, serving: str) -> None:
    for tp in (1, 4, 64):
        design, context = make.design(make.h100_like(), batch=32, tp=tp), make.context(llm, serving=serving)
        check(evaluate(design, context), speed_of_light(design, context))


def test_a_longer_context_costs_decode_nothing(llm: Llm) -> None:
    design = make.design(make.h100_like(), batch=16, tp=2)
    short, long = (
        evaluate(design, make.context(llm, isl=isl, mean_context=isl, max_context=2 * isl), detail=True)
        for isl in (1_000.0, 100_000.0)
    )
    assert float(short.tpot_s[0]) == float(long.tpot_s[0])
    assert float(short.capacity_parts["kv_cache"][0]) == float(long.capacity_parts["kv_cache"][0]) > 0.0


def test_prompts_grow_with_their_tokens_and_states_with_sequences(llm: Llm) -> None:
    design = make.design(make.h100_like(), batch=16, tp=2)
    # both lengths fill the matrix units, so that twice the tokens take twice the time
    ttft = [
        float(evaluate(design, make.context(llm, isl=isl, serving="aggregated"), detail=True).ttft_s[0])
        for isl in (16_384.0, 32_768.0)
    ]
    assert 1.5 < ttft[1] / ttft[0] < 2.5
    many = make.design(make.h100_like(), batch=32, tp=2)
    kept = [
        float(evaluate(d, make.context(llm), detail=True).capacity_parts["kv_cache"][0])
        for d in (design, many)
    ]
    assert kept[1] == pytest.approx(2.0 * kept[0], rel=1e-12)


def test_a_hybrid_keeps_both(llm: Llm) -> None:
    both = replace(llm, blocks=(*make.llama2_7b().blocks[:1], *llm.blocks), hidden=4096)
    m = evaluate(make.design(make.h100_like(), batch=4, tp=2), make.context(both), detail=True)
    assert np.isfinite(m.tpot_s).all()
    assert float(m.tpot_parts["attention_core"][0]) > 0.0
