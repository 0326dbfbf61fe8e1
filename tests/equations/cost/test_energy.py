"""Energy of a token: by hand, its laws, and what servers and buildings add."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.cost.energy import drawn_per_token, metered, metered_parts

evaluate = RooflineCostModel().evaluate


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_a_token_pays_for_rest_work_servers_and_building() -> None:
    # 2 chips of 80 W at rest make 1,000 token/s in 80 % of the hours: 0.2 J. A tenth of a millisecond of
    # 400 W is 0.04 J; servers draw 1.4 times that, buildings 1.25 times what servers draw.
    work = ResourceSeconds(compute_s=a(1e-4), sram_s=a(0.0), dram_s=a(0.0), link_s=a(0.0))
    drawn = drawn_per_token(make.h100_like(), work, a(2.0), a(1000.0), make.ECONOMY, a(0.0))
    parts = metered_parts(make.ECONOMY, drawn)
    assert metered(make.ECONOMY, a(0.24)) == pytest.approx(0.24 * 1.4 * 1.25)
    assert {k: float(v[0]) for k, v in parts.items()} == pytest.approx(
        {
            "static": 0.2,
            "compute": 0.04,
            "sram": 0.0,
            "dram": 0.0,
            "link": 0.0,
            "optics": 0.0,
            "server": 0.24 * 0.4,
            "building": 0.24 * 1.4 * 0.25,
        }
    )


def test_decode_of_one_sequence_reads_every_weight_once_for_each_token() -> None:
    # LLaMA-2 7B in fp16 on one chip without derates: the weights that a token is multiplied by, 2 B each,
    # over 3.35 TB/s are seconds of DRAM at full rate, at 150 W
    context = make.context(make.llama2_7b(), isl=1.0, osl=1.0)
    design = make.design(make.h100_like(**make.IDEAL, link_w=0.0))
    m = evaluate(design, context, detail=True)
    llm = make.llama2_7b()
    weights = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008) + 32000 * llm.hidden
    read = m.energy_parts["dram"][0]
    assert read == pytest.approx(2 * weights / 3.35e12 * 150.0, rel=1e-2)  # and a little KV and activations


def test_work_costs_the_same_however_slowly_it_is_done() -> None:
    quick = make.design(make.h100_like(), batch=16, tp=8)
    slow = make.design(make.h100_like(layer_overhead_s=1.0), batch=16, tp=8)
    context = make.context()
    left, right = (evaluate(d, context, detail=True).energy_parts for d in (quick, slow))
    for part in ("compute", "sram", "dram", "link"):
        assert left[part] == pytest.approx(right[part], rel=1e-12)
    assert right["static"] > left["static"]


def test_a_chip_never_draws_more_than_all_of_its_resources_at_once() -> None:
    design = make.design(make.h100_like(), batch=256, tp=8)
    m = evaluate(design, make.context(), detail=True)
    drawn = sum(m.energy_parts[k] for k in ("compute", "sram", "dram", "link")) * m.tokens_per_s
    assert drawn <= 8 * (400.0 + 10.0 + 150.0 + 40.0)


def test_prompts_cost_energy_where_they_are_counted() -> None:
    design = make.design(make.h100_like(), batch=16, tp=8)
    decode, both = (
        evaluate(design, make.context(isl=4096.0, osl=64.0, serving=serving), detail=True)
        for serving in ("decode-only", "aggregated")
    )
    assert both.energy_parts["compute"] > 10 * decode.energy_parts["compute"]
    assert decode.usd_per_million_input_tokens == 0.0
    whole = 4096.0 * both.usd_per_million_input_tokens + 64.0 * both.usd_per_million_output_tokens
    assert whole == pytest.approx(64.0 * both.usd_per_million_tokens, rel=1e-12)


def test_activations_that_stream_through_dram_cost_its_joules() -> None:
    # what three passes add: three times what one adds, and one adds the bytes that take its seconds
    context = make.context(isl=1.0, osl=1.0)
    drawn, passed = [], []
    for passes in (0.0, 1.0, 3.0):
        chips = make.h100_like(**{**make.IDEAL, "activation_passes": passes})
        m = evaluate(make.design(chips, batch=64, tp=8), context, detail=True)
        drawn.append(float(m.energy_parts["dram"][0]))
        passed.append(float(m.tpot_parts["activation_passes"][0]))
    assert drawn[2] - drawn[0] == pytest.approx(3.0 * (drawn[1] - drawn[0]), rel=1e-9)
    assert drawn[1] - drawn[0] == pytest.approx(passed[1] * 8 * 150.0 / 64, rel=1e-9)


def test_links_carry_sums_in_sixteen_bits_at_least() -> None:
    wide, narrow = (make.context(isl=1.0, osl=1.0), make.context(isl=1.0, osl=1.0))
    narrow = replace(narrow, precision=replace(narrow.precision, activation_bytes=1.0))
    design = make.design(make.h100_like(**make.IDEAL), batch=64, tp=8)
    joules = [evaluate(design, c, detail=True).energy_parts["link"] for c in (wide, narrow)]
    assert joules[0] == pytest.approx(joules[1], rel=1e-12)


@pytest.mark.parametrize("slower", [1.0, 0.3, 0.01])
def test_a_chunk_adds_its_own_energy_however_slow_the_cores_of_decode_are(slower: float) -> None:
    """Energy is of FLOP and bytes: the efficiency of decode attention changes how long they take."""
    context = make.context(isl=50_000.0, osl=1000.0, serving="chunked")
    compute = {}
    for efficiency in (0.6, 0.6 * slower):
        chip = make.h100_like(decode_core_efficiency=efficiency)
        m = RooflineCostModel().evaluate(make.design(chip, batch=16, tp=8), context, detail=True)
        compute[efficiency] = float(m.energy_parts["compute"][0])
    assert min(compute.values()) > 0.0
    assert compute[0.6 * slower] == pytest.approx(compute[0.6], rel=1e-9)


@pytest.mark.parametrize("column", ["expert_efficiency", "decode_core_efficiency", "all_to_all_efficiency"])
def test_what_is_sustained_of_a_rate_changes_seconds_and_no_joule_of_a_resource(column: str) -> None:
    context = make.context(make.deepseek_v3(), serving="decode-only")
    parts = []
    for factor in (1.0, 0.2):
        chip = make.h100_like(**{column: factor})
        m = RooflineCostModel().evaluate(make.design(chip, batch=64, tp=1, ep=8, dp=8), context, detail=True)
        parts.append({name: float(v[0]) for name, v in m.energy_parts.items()})
    for name in ("compute", "dram", "link"):
        assert parts[0][name] == pytest.approx(parts[1][name], rel=1e-9), name
