"""More of a resource never slows a design: on any kind of chip, with any stack, for any kind of LLM.

Whole classes of random designs are evaluated at once, each with one resource after the other enlarged.
"""

from collections.abc import Mapping

import factories as make
import numpy as np
import pytest

from dse.bounds.speed_of_light import assert_within_physics
from dse.search.bound.corners import SLACK, STAGES
from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Designs, Llm
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.interconnect.topology import TOPOLOGIES

CASES = 200
Columns = dict[str, np.ndarray]

KINDS = ("sram-only", "dram-only", "hybrid")
LLMS: Mapping[str, Llm] = {
    "dense": make.llama2_70b(),
    "moe": make.mixtral_8x7b(),
    "mla": make.deepseek_v3(),
    "windowed": make.gpt_oss_20b(),
    "linear": make.qwen3_next(),
}
RATES = (
    "peak_flops",
    "attention_flops",
    "sram_bandwidth",
    "weight_load_bandwidth",
    "dram_bandwidth",
    "link_bandwidth",
    "scale_out_bandwidth",
)
SHARES = (
    "compute_efficiency",
    "core_efficiency",
    "decode_core_efficiency",
    "expert_efficiency",
    "all_to_all_efficiency",
    "kv_efficiency",
    "dram_efficiency",
    "sram_efficiency",
    "link_efficiency",
    "usable_capacity",
)
CAPACITIES = ("sram_bytes", "dram_bytes")
DELAYS = ("link_latency", "scale_out_latency", "collective_overhead_s", "layer_overhead_s", "step_overhead_s")


def between(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Log-uniform."""
    return np.exp(rng.uniform(np.log(low), np.log(high), CASES))


def stack(name: str, rng: np.random.Generator) -> Columns:
    """A stack of a class: without losses, scheduled ahead, or of kernels whose ends stay exposed."""
    if name == "ideal":
        return {k: np.full(CASES, v) for k, v in make.IDEAL.items() if not k.endswith("latency")}
    shares = {s: rng.uniform(0.2, 1.0, CASES) for s in SHARES}
    if name == "dataflow":
        none = ("layer_overhead_s", "step_overhead_s", "exposed_share", "activation_passes")
        return {
            **shares,
            **dict.fromkeys(none, np.zeros(CASES)),
            "tile_rows": np.ones(CASES),
            "collective_overhead_s": between(rng, 1e-7, 1e-5),
        }
    return {
        **shares,
        "tile_rows": rng.choice([8.0, 64.0, 128.0], CASES),
        "layer_overhead_s": between(rng, 1e-7, 3e-5),
        "step_overhead_s": between(rng, 1e-6, 3e-3),
        "collective_overhead_s": between(rng, 1e-7, 1e-5),
        "exposed_share": rng.uniform(0.0, 0.5, CASES),
        "activation_passes": rng.uniform(0.0, 3.0, CASES),
    }


def chips(kind: str, software: str, rng: np.random.Generator) -> Chips:
    pinned, dram = kind != "dram-only", kind != "sram-only"
    columns = {k: np.full(CASES, v) for k, v in make.GROQ_LIKE.items()} | {
        "peak_flops": between(rng, 1e13, 1e16),
        "attention_flops": between(rng, 1e12, 1e16),
        "sram_pinned": np.full(CASES, float(pinned)),
        "sram_bytes": between(rng, 1e7, 1e11),
        "sram_bandwidth": between(rng, 1e12, 1e15),
        "weight_load_bandwidth": between(rng, 1e12, 1e14),
        "dram_bytes": between(rng, 1e9, 1e12) * dram,
        "dram_bandwidth": between(rng, 1e11, 3e13) * dram,
        "link_bandwidth": between(rng, 1e10, 1e13),
        "link_latency": between(rng, 1e-8, 1e-5),
        "link_topology": rng.choice(sorted(map(float, TOPOLOGIES.values())), CASES),
        "link_domain": rng.choice([8.0, 64.0, 4096.0], CASES),
        "link_group": np.full(CASES, 8.0),
        "scale_out_bandwidth": between(rng, 1e9, 1e11),
        "scale_out_latency": between(rng, 1e-6, 1e-5),
    }
    if not pinned:
        columns["weight_load_bandwidth"] = np.zeros(CASES)
    return Chips.of(**{**columns, **stack(software, rng)})


def designs(kind: str, software: str, rng: np.random.Generator) -> Designs:
    tp = rng.choice([1.0, 2.0, 8.0, 16.0], CASES)
    layout = make.deployments(
        batch=np.round(between(rng, 1, 512)),
        tp=tp,
        pp=rng.choice([1.0, 2.0, 4.0, 12.0, 24.0], CASES),
        ep=tp * rng.choice([1.0, 8.0], CASES),
        dp=np.full(CASES, 8.0),
    )
    return Designs.of(chips=chips(kind, software, rng), deployments=layout)


def better(design: Designs, rng: np.random.Generator) -> dict[str, Designs]:
    """Each resource enlarged, by a factor of its own for every design."""
    factor, found = between(rng, 1.0, 30.0), {}
    for name in (*RATES, *SHARES, *CAPACITIES, *DELAYS):
        column = design.chips.column(name)
        more = column / factor if name in DELAYS else column * factor
        more = np.minimum(more, 1.0) if name in SHARES else more
        found[name] = design.replace(chips=design.chips.replace(**{name: more}))
    return found


Slower = tuple[list[str], dict[str, np.ndarray]]


def slower(kind: str, software: str, context: Context, seed: int, stages: bool = True) -> Slower:
    """Names of the resources, and by how much more of each slows each design: (resources, cases)."""
    rng = np.random.default_rng(seed)
    base = designs(kind, software, rng)
    if not stages:
        base = base.replace(deployments=base.deployments.replace(pp=np.ones(CASES)))
    cases = better(base, rng)
    m = RooflineCostModel().evaluate(make.stacked([base, *cases.values()]), context, detail=True)

    def rows(seconds: np.ndarray) -> np.ndarray:
        return np.broadcast_to(seconds, (CASES * (len(cases) + 1),)).reshape(-1, CASES)

    stall = m.tpot_parts.get("prefill_stall", 0.0)
    queue = m.ttft_parts.get("queue", 0.0)
    found = {"step": rows(m.tpot_s - stall), "first": rows(m.ttft_s - queue)}
    fits = rows(m.violations["capacity"])[:1] <= 0.0
    return list(cases), {name: np.where(fits, s[1:] / s[:1] - 1.0, 0.0) for name, s in found.items()}


def context_of(llm: str, serving: str) -> Context:
    return make.context(LLMS[llm], weights=1.0, kv=1.0, activations=1.0, serving=serving)


def worst(found: Slower, outcome: str) -> tuple[float, str]:
    """By how much more of some resource slows some design, and which."""
    names, by_outcome = found
    each = by_outcome[outcome].max(axis=1)
    return float(each.max()), names[int(each.argmax())]


SOFTWARE = pytest.mark.parametrize("software", ["dataflow", "gpu", "ideal"])


@SOFTWARE
@pytest.mark.parametrize("kind", ["sram-only", "dram-only"])
@pytest.mark.parametrize("llm", LLMS)
def test_more_of_anything_never_slows_a_chip_of_one_tier(kind: str, software: str, llm: str) -> None:
    for serving in ("decode-only", "aggregated"):
        found = slower(kind, software, context_of(llm, serving), seed=len(llm))
        for outcome in ("step", "first"):
            assert worst(found, outcome)[0] <= ROUNDING, (serving, outcome, worst(found, outcome)[1])


@SOFTWARE
@pytest.mark.parametrize("llm", LLMS)
def test_more_of_anything_never_slows_a_step_of_a_chip_of_two_tiers(software: str, llm: str) -> None:
    # one stage; what is left comes of activations that stream through SRAM by groups, not on average
    found = slower("hybrid", software, context_of(llm, "decode-only"), seed=len(llm), stages=False)
    assert worst(found, "step")[0] <= SLACK, worst(found, "step")


@SOFTWARE
def test_a_step_of_many_stages_of_a_dense_llm_is_slower_by_twice_the_slack_at_most(software: str) -> None:
    # a step may wait for the stage with the LM head, while all stages keep the same shares
    found = slower("hybrid", software, context_of("dense", "decode-only"), seed=1)
    assert worst(found, "step")[0] <= STAGES * SLACK, worst(found, "step")


@pytest.mark.parametrize("serving", make.SERVING_MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_designs_without_losses_never_beat_physics(kind: str, serving: str) -> None:
    for llm in LLMS:
        design = designs(kind, "ideal", np.random.default_rng(len(kind + serving + llm)))
        context = context_of(llm, serving)
        assert_within_physics(design, context, RooflineCostModel().evaluate(design, context))


def test_states_that_are_read_and_written_are_placed_by_what_they_take() -> None:
    # Qwen3-Next: faster reads of KV cache and states from DRAM must not drive them out of SRAM for good
    rng = np.random.default_rng(0)
    base = designs("hybrid", "dataflow", rng)
    slow, fast = (
        make.changed(base, "kv_efficiency", lambda x, v=value: np.full_like(x, v)) for value in (0.51, 0.77)
    )
    context = context_of("linear", "decode-only")
    took = RooflineCostModel().evaluate(make.stacked([slow, fast]), context).tpot_s.reshape(2, CASES)
    assert (took[1] <= took[0] * (1 + SLACK)).all()
