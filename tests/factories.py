"""Valid chips, deployments and contexts from plain numbers, for tests; hypothesis strategies for random ones.

The numbers serve hand arithmetic; real chips live in `configs/`.
"""

from collections.abc import Callable, Mapping, Sequence
from os import environ

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from networks import longcat, looped, pictured, whisper

from objectives.api import (
    Attention,
    Block,
    Chips,
    Context,
    Deployments,
    Designs,
    Economy,
    Experts,
    Ffn,
    LatentAttention,
    LinearAttention,
    Llm,
    Matrix,
    Precision,
    PrefixCache,
    Serving,
    Speculation,
    Workload,
    chip_columns,
)
from objectives.arrays import Array
from objectives.equations.interconnect.topology import TOPOLOGIES

Number = float | Sequence[float]
SERVING_MODES = ("decode-only", "aggregated", "chunked", "disaggregated", "static")

EXPLORE = int(environ.get("DSE_EXPLORE", "0"))
LAW = settings(
    max_examples=EXPLORE or 50,
    derandomize=not EXPLORE,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow,),
)
"""The same examples in every run; `DSE_EXPLORE=2000 pytest tests/properties` hunts for new ones."""

H100_LIKE: Mapping[str, float] = {
    "peak_flops": 989e12, "attention_flops": 989e12, "sram_bytes": 0.0, "sram_bandwidth": 0.0,
    "sram_pinned": 0.0, "weight_load_bandwidth": 0.0, "dram_bytes": 80e9, "dram_bandwidth": 3.35e12,
    "link_bandwidth": 450e9, "link_latency": 1e-6, "link_topology": TOPOLOGIES["switch"],
    "link_domain": 8.0, "link_group": 8.0, "link_local_share": 1.0, "link_global_share": 1.0,
    "in_network_reduction": 1.0, "dies": 1.0, "die_bandwidth": 0.0, "die_latency": 0.0,
    "scale_out_bandwidth": 50e9, "scale_out_latency": 5e-6, "compute_efficiency": 0.7,
    "core_efficiency": 0.6, "tile_rows": 8.0, "dram_efficiency": 0.8, "decode_core_efficiency": 0.6,
    "expert_efficiency": 1.0, "all_to_all_efficiency": 0.75, "overlap": 0.0, "window_kept": 0.0,
    "kv_efficiency": 0.7, "sequence_overhead_s": 1e-6, "burst": 0.25, "prompt_rows": 2048.0,
    "held_rows": 2048.0, "request_overhead_s": 1e-3, "sram_efficiency": 1.0, "link_efficiency": 0.75,
    "layer_overhead_s": 5e-6, "step_overhead_s": 1e-3, "prompt_overhead_s": 3e-6, "expert_overhead_s": 8e-6,
    "activation_passes": 2.0, "exposed_share": 0.2, "collective_overhead_s": 3e-6, "usable_capacity": 0.9,
    "context_parallel": 1.0, "price_usd": 26000.0, "host_usd": 4000.0, "rack_usd": 1000.0,
    "network_usd": 2000.0, "sram_usable": 1.0, "copper_usd": 0.0, "optics_usd": 0.0, "board_chips": 0.0,
    "rack_chips": 0.0, "optics_w": 0.0,
    "scale_out_usd": 3000.0, "power_w": 700.0, "static_w": 80.0, "compute_w": 400.0, "sram_w": 10.0,
    "dram_w": 150.0, "link_w": 40.0, "cooling_excess_w": 0.0, "power_density_excess": 0.0,
    "area_excess_m2": 0.0, "dram_stacks_excess": 0.0, "link_excess": 0.0, "user_tokens_per_s": 26.5625,
}  # fmt: skip

LOSSLESS: Mapping[str, float] = {
    "compute_efficiency": 1.0, "core_efficiency": 1.0, "tile_rows": 1.0, "dram_efficiency": 1.0,
    "decode_core_efficiency": 1.0, "expert_efficiency": 1.0, "all_to_all_efficiency": 1.0, "overlap": 0.0,
    "window_kept": 0.0, "kv_efficiency": 1.0, "sequence_overhead_s": 0.0, "burst": 0.0,
    "request_overhead_s": 0.0, "sram_efficiency": 1.0, "link_efficiency": 1.0, "layer_overhead_s": 0.0,
    "step_overhead_s": 0.0, "prompt_overhead_s": 0.0, "expert_overhead_s": 0.0, "activation_passes": 0.0,
    "exposed_share": 0.0, "collective_overhead_s": 0.0, "usable_capacity": 1.0,
}  # fmt: skip
"""Software that loses nothing."""

GROQ_LIKE: Mapping[str, float] = {
    "peak_flops": 750e12, "attention_flops": 188e12, "sram_bytes": 230e6, "sram_bandwidth": 80e12,
    "sram_pinned": 1.0, "weight_load_bandwidth": 0.0, "dram_bytes": 0.0, "dram_bandwidth": 0.0,
    "link_bandwidth": 137.5e9, "link_latency": 0.6e-6, "link_topology": TOPOLOGIES["dragonfly"],
    "link_domain": 10440.0, "link_group": 8.0, "link_local_share": 7 / 11, "link_global_share": 4 / 11,
    "in_network_reduction": 0.0, "dies": 1.0, "die_bandwidth": 0.0, "die_latency": 0.0,
    "scale_out_bandwidth": 0.0, "scale_out_latency": 0.0, **LOSSLESS, "prompt_rows": 64.0,
    "held_rows": 64.0, "collective_overhead_s": 1.5e-6, "context_parallel": 1.0, "price_usd": 6000.0,
    "host_usd": 1000.0, "rack_usd": 200.0, "network_usd": 500.0, "scale_out_usd": 0.0,
    "sram_usable": 1.0, "copper_usd": 300.0,
    "optics_usd": 900.0, "board_chips": 8.0, "rack_chips": 72.0, "optics_w": 7.0, "power_w": 215.0,
    "static_w": 40.0, "compute_w": 110.0, "sram_w": 50.0, "dram_w": 0.0, "link_w": 15.0,
    "cooling_excess_w": 0.0, "power_density_excess": 0.0, "area_excess_m2": 0.0,
    "dram_stacks_excess": 0.0, "link_excess": 0.0,
    "user_tokens_per_s": 500.0,
}  # fmt: skip

IDEAL: Mapping[str, float] = {**LOSSLESS, "link_latency": 0.0, "scale_out_latency": 0.0}
"""Every peak sustained, no fixed time, no latency."""


def chips(values: Mapping[str, Number], **changes: Number) -> Chips:
    """Chips of one axis; plain numbers become axes of length one."""
    columns = {**values, **changes}
    return Chips.of(**{name: np.atleast_1d(np.asarray(v, dtype=np.float64)) for name, v in columns.items()})


def h100_like(**changes: Number) -> Chips:
    """A GPU: caches, HBM, a switch of eight that adds up."""
    return chips(H100_LIKE, **changes)


def groq_like(**changes: Number) -> Chips:
    """A scratchpad chip without DRAM on a dragonfly."""
    return chips(GROQ_LIKE, **changes)


def deployments(
    batch: Number = 1, tp: Number = 1, pp: Number = 1, dp: Number = 1, ep: Number = 1, cp: Number = 1
) -> Deployments:
    """Deployments of one axis."""
    columns = {"batch": batch, "tp": tp, "cp": cp, "pp": pp, "ep": ep, "dp": dp}
    return Deployments(**{k: np.atleast_1d(np.asarray(v, dtype=np.float64)) for k, v in columns.items()})


def design(chip: Chips, *sizes: Number, **ways: Number) -> Designs:
    """Chips with deployments, both of one axis; sizes as `deployments` takes them."""
    return Designs.of(chips=chip, deployments=deployments(*sizes, **ways))


def llama2_7b() -> Llm:
    """LLaMA-2 7B (Touvron et al. 2023)."""
    attention = Attention(heads=32, kv_heads=32, head_dim=128)
    block = Block(count=32, attention=attention, ffn=Ffn(width=11008, matrices=3))
    return Llm(name="7b", hidden=4096, vocab=32000, blocks=(block,), nominal_params=7e9)


def llama2_13b() -> Llm:
    """LLaMA-2 13B."""
    attention = Attention(heads=40, kv_heads=40, head_dim=128)
    block = Block(count=40, attention=attention, ffn=Ffn(width=13824, matrices=3))
    return Llm(name="13b", hidden=5120, vocab=32000, blocks=(block,), nominal_params=13e9)


def llama2_70b(kv_heads: int = 8) -> Llm:
    """LLaMA-2 70B; 64 KV heads make it the 70B without GQA."""
    attention = Attention(heads=64, kv_heads=kv_heads, head_dim=128)
    block = Block(count=80, attention=attention, ffn=Ffn(width=28672, matrices=3))
    return Llm(name="70b", hidden=8192, vocab=32000, blocks=(block,), nominal_params=70e9)


def dnn(inputs: int = 4096, outputs: int = 4096, layers: int = 8, hidden: int = 4096) -> Llm:
    """A network of bare matrices."""
    block = Block(count=layers, matrices=(Matrix(inputs=inputs, outputs=outputs),))
    params = float(layers * inputs * outputs)
    return Llm(name="dnn", hidden=hidden, vocab=0, blocks=(block,), nominal_params=params)


def mixtral_8x7b() -> Llm:
    """Mixtral 8x7B (Jiang et al. 2024): every layer routed, two experts of eight."""
    attention = Attention(heads=32, kv_heads=8, head_dim=128)
    experts = Experts(count=8, top_k=2, width=14336, matrices=3)
    block = Block(count=32, attention=attention, experts=experts)
    return Llm(name="8x7b", hidden=4096, vocab=32000, blocks=(block,), nominal_params=47e9)


def deepseek_v3() -> Llm:
    """DeepSeek V3 (arXiv 2412.19437): MLA, three dense layers, then 8 of 256 experts and a shared one."""
    mla = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
    experts = Experts(count=256, top_k=8, width=2048, matrices=3, shared_width=2048)
    dense = Block(count=3, attention=mla, ffn=Ffn(width=18432, matrices=3))
    routed = Block(count=58, attention=mla, experts=experts)
    return Llm(name="v3", hidden=7168, vocab=129280, blocks=(dense, routed), nominal_params=671e9)


def gpt_oss_20b() -> Llm:
    """gpt-oss 20B (2025): every other layer slides a window of 128 tokens."""
    experts = Experts(count=32, top_k=4, width=2880, matrices=3)
    blocks = tuple(
        Block(
            count=12,
            attention=Attention(heads=64, kv_heads=8, head_dim=64, bias=True, window=window),
            experts=experts,
        )
        for window in (128, None)
    )
    return Llm(name="oss", hidden=2880, vocab=201088, blocks=blocks, nominal_params=21e9)


def llama4_scout() -> Llm:
    """LLaMA-4 Scout (2025): three layers of four attend inside chunks of 8,192 tokens."""
    experts = Experts(count=16, top_k=1, width=8192, matrices=3, shared_width=8192)
    chunk = Attention(heads=40, kv_heads=8, head_dim=128, window=8192, chunked=True)
    whole = Attention(heads=40, kv_heads=8, head_dim=128)
    blocks = (
        Block(count=36, attention=chunk, experts=experts),
        Block(count=12, attention=whole, experts=experts),
    )
    return Llm(name="scout", hidden=5120, vocab=202048, blocks=blocks, nominal_params=109e9)


def qwen3_next() -> Llm:
    """Qwen3-Next 80B-A3B (2025): three layers of four with a state of constant size."""
    experts = Experts(count=512, top_k=10, width=512, matrices=3, shared_width=512)
    state = LinearAttention(
        heads=32, key_heads=16, key_dim=128, value_dim=128, gate=True, delta=True, conv=4, state_bytes=4.0
    )
    softmax = Attention(heads=16, kv_heads=2, head_dim=256, gate=True)
    blocks = (
        Block(count=36, attention=state, experts=experts),
        Block(count=12, attention=softmax, experts=experts),
    )
    return Llm(name="next", hidden=2048, vocab=151936, blocks=blocks, nominal_params=80e9)


def gpt_j_6b(*, parallel: bool = True) -> Llm:
    """GPT-J 6B (2021): attention and FFN read the same input."""
    attention = Attention(heads=16, kv_heads=16, head_dim=256)
    block = Block(count=28, attention=attention, ffn=Ffn(width=16384, matrices=2), parallel=parallel)
    return Llm(name="gpt-j", hidden=4096, vocab=50400, blocks=(block,), nominal_params=6e9)


ECONOMY = Economy(
    lifetime_s=5 * 365.25 * 86400.0, cost_of_capital=0.1, usd_per_joule=0.083 / 3.6e6, pue=1.25,
    power_overhead=1.4, upkeep_per_year=0.05, utilisation=0.8, building_usd_per_watt=12.0,
    building_lifetime_s=20 * 365.25 * 86400.0,
)  # fmt: skip


def context(
    llm: Llm | None = None, *, isl: float = 1024.0, osl: float = 1024.0, weights: float = 2.0,
    kv: float = 2.0, activations: float = 2.0, serving: Serving = "decode-only",
    mean_context: float | None = None, max_context: float | None = None, economy: Economy = ECONOMY,
    prefix: PrefixCache | None = None, speculation: Speculation | None = None, skew: float = 1.0,
    prefill_load: float = 0.7,
) -> Context:  # fmt: skip
    """A context; mean and largest context follow from the lengths unless given."""
    return Context(
        llm=llama2_70b() if llm is None else llm,
        precision=Precision(weight_bytes=weights, kv_bytes=kv, activation_bytes=activations),
        workload=Workload(
            isl=isl, osl=osl, serving=serving,
            mean_context=isl + osl / 2.0 if mean_context is None else mean_context,
            max_context=isl + osl if max_context is None else max_context,
            prefix=prefix, speculation=speculation, routing_skew=skew, prefill_load=prefill_load,
        ),
        economy=economy,
    )  # fmt: skip


def hybrid(design: Designs) -> bool:
    """Whether some chip chooses between two tiers."""
    chips = design.chips
    return bool(np.any((chips.sram.pinned > 0.0) & (chips.sram.bytes > 0.0) & (chips.dram.bytes > 0.0)))


def changed(given: Designs, column: str, change: Callable[[Array], Array]) -> Designs:
    """Designs with one column of their chips changed."""
    return given.replace(chips=given.chips.replace(**{column: change(given.chips.column(column))}))


def stacked(parts: Sequence[Designs]) -> Designs:
    """Designs of one axis each, one after the other."""

    def joined(structs: Sequence[Chips | Deployments]) -> dict[str, np.ndarray]:
        # a column of one value is that of all rows of its part
        rows = [(s.columns(), p.shape) for s, p in zip(structs, parts, strict=True)]
        return {n: np.concatenate([np.broadcast_to(c[n], shape) for c, shape in rows]) for n in rows[0][0]}

    chips = Chips.of(**joined([p.chips for p in parts]))
    return Designs.of(chips, Deployments(**joined([p.deployments for p in parts])))


def _log(low: float, high: float) -> st.SearchStrategy[float]:
    """Log-uniform between two positive numbers."""
    return st.floats(np.log(low), np.log(high)).map(lambda x: float(np.exp(x)))


@st.composite
def chip_values(draw: st.DrawFn) -> dict[str, float]:
    """Columns of a random chip: scratchpad, cache with DRAM, or both; any topology."""
    kind = draw(st.sampled_from(("scratchpad", "dram", "hybrid")))
    pinned, has_dram = kind != "dram", kind != "scratchpad"
    domain = draw(st.sampled_from((1.0, 8.0, 64.0, 4096.0)))
    link, latency = draw(_log(1e9, 1e13)), draw(_log(1e-8, 1e-4))
    beyond = draw(st.booleans())
    share = draw(st.floats(0.1, 0.9))
    known = pinned or draw(st.booleans())
    values = {
        "peak_flops": draw(_log(1e12, 1e17)), "attention_flops": draw(_log(1e12, 1e16)),
        "sram_bytes": draw(_log(1e7, 1e11)) if known else 0.0,
        "sram_bandwidth": draw(_log(1e12, 1e15)) if known else 0.0,
        "sram_pinned": float(pinned), "weight_load_bandwidth": draw(st.just(0.0) | _log(1e11, 1e14)),
        "dram_bytes": draw(_log(1e9, 1e12)) if has_dram else 0.0,
        "dram_bandwidth": draw(_log(1e10, 1e13)) if has_dram else 0.0,
        "link_bandwidth": link, "link_latency": latency,
        "link_topology": float(draw(st.sampled_from(sorted(TOPOLOGIES.values())))),
        "link_domain": domain, "link_group": min(domain, draw(st.sampled_from((1.0, 4.0, 8.0, 64.0)))),
        "link_local_share": share, "link_global_share": 1.0 - share,
        "in_network_reduction": float(draw(st.booleans())),
        "dies": draw(st.sampled_from((1.0, 1.0, 2.0, 3.0, 4.0))), "die_bandwidth": draw(_log(1e10, 1e13)),
        "die_latency": latency * draw(st.floats(0.0, 1.0)),
        "scale_out_bandwidth": link * draw(st.floats(0.01, 1.0)) if beyond else 0.0,
        "scale_out_latency": latency * draw(st.floats(1.0, 10.0)) if beyond else 0.0,
        "compute_efficiency": draw(st.floats(0.1, 1.0)), "core_efficiency": draw(st.floats(0.1, 1.0)),
        "decode_core_efficiency": draw(st.floats(0.1, 1.0)), "expert_efficiency": draw(st.floats(0.1, 1.0)),
        "all_to_all_efficiency": draw(st.floats(0.1, 1.0)), "overlap": draw(st.floats(0.0, 1.0)),
        "window_kept": draw(st.floats(0.0, 1.0)),
        "kv_efficiency": draw(st.floats(0.1, 1.0)), "sequence_overhead_s": draw(st.floats(0.0, 1e-4)),
        "burst": draw(st.floats(0.0, 1.0)), "request_overhead_s": draw(st.floats(0.0, 1.0)),
        "prompt_rows": float(draw(st.integers(1, 8192))), "held_rows": float(draw(st.integers(1, 8192))),
        "tile_rows": draw(st.sampled_from((1.0, 8.0, 128.0))),
        "dram_efficiency": draw(st.floats(0.1, 1.0)), "sram_efficiency": draw(st.floats(0.1, 1.0)),
        "link_efficiency": draw(st.floats(0.1, 1.0)), "usable_capacity": draw(st.floats(0.1, 1.0)),
        "context_parallel": float(draw(st.booleans())),
        "layer_overhead_s": draw(st.floats(0.0, 1e-4)), "step_overhead_s": draw(st.floats(0.0, 1e-2)),
        "prompt_overhead_s": draw(st.floats(0.0, 1e-4)), "expert_overhead_s": draw(st.floats(0.0, 1e-4)),
        "activation_passes": draw(st.floats(0.0, 4.0)), "exposed_share": draw(st.floats(0.0, 1.0)),
        "collective_overhead_s": draw(st.floats(0.0, 1e-4)),
        "price_usd": draw(_log(10.0, 1e6)), "host_usd": draw(st.floats(0.0, 1e4)),
        "network_usd": draw(st.floats(0.0, 1e4)), "power_w": draw(st.floats(1.0, 3000.0)),
        "area_excess_m2": draw(st.floats(-1e-3, 1e-3)), "dram_stacks_excess": draw(st.floats(-4.0, 4.0)),
        "link_excess": draw(st.floats(-1e12, 1e12)), "user_tokens_per_s": draw(_log(0.1, 1e4)),
    }  # fmt: skip
    values |= {
        "sram_usable": draw(st.sampled_from((1.0, 0.9))),
        "copper_usd": 0.2 * values["network_usd"], "optics_usd": 0.5 * values["network_usd"],
        "board_chips": float(draw(st.integers(0, 16))), "rack_chips": float(draw(st.integers(0, 256))),
        "optics_w": 0.05 * values["power_w"],
    }  # fmt: skip
    values |= {"rack_usd": 0.3 * values["host_usd"], "scale_out_usd": 0.7 * values["network_usd"]}
    shares = {"static": 0.1, "compute": 0.5, "sram": 0.1, "dram": 0.2, "link": 0.1}
    values |= {f"{name}_w": share * values["power_w"] for name, share in shares.items()}
    density = draw(st.floats(-1e6, 1e6))
    return values | {"cooling_excess_w": values["power_w"] - 1000.0, "power_density_excess": density}


@st.composite
def deployment_values(draw: st.DrawFn) -> dict[str, float]:
    """Columns of a random deployment; TP beyond the KV heads and PP beyond the batch are meant.

    EP divides TP x CP or is a multiple of it, with replicas for it, unless more are asked for than are.
    """
    tp, cp = draw(st.sampled_from((1.0, 2.0, 8.0, 16.0, 64.0))), draw(st.sampled_from((1.0, 1.0, 2.0, 8.0)))
    n = tp * cp
    ep = draw(st.sampled_from([e for e in (1.0, 2.0, 8.0, 32.0, 64.0, 256.0) if n % e == 0 or e % n == 0]))
    return {
        "batch": float(draw(st.integers(1, 512))), "tp": tp, "cp": cp, "ep": ep,
        "pp": draw(st.sampled_from((1.0, 2.0, 3.0, 8.0, 80.0))),
        "dp": max(ep / n, 1.0) * float(draw(st.integers(1, 4))),
    }  # fmt: skip


def llms() -> st.SearchStrategy[Llm]:
    """MHA, GQA, MLA, windows and chunks; dense, routed and parallel; one network without attention."""
    return st.sampled_from(
        (
            llama2_7b(), llama2_70b(), llama2_70b(kv_heads=64), mixtral_8x7b(), deepseek_v3(), gpt_oss_20b(),
            llama4_scout(), gpt_j_6b(), dnn(), qwen3_next(), longcat(), looped(), whisper(), pictured(),
        )
    )  # fmt: skip


def prefix_caches() -> st.SearchStrategy[PrefixCache]:
    """Caches in every tier, empty ones among them."""
    return st.builds(
        PrefixCache, hit=st.sampled_from((0.0, 0.5, 0.9, 1.0)), stored_tokens=st.floats(0.0, 1e7),
        tier=st.sampled_from(("dram", "host", "pooled")), bandwidth=_log(1e9, 1e12),
        usd_per_byte=st.floats(0.0, 1e-8),
    )  # fmt: skip


def speculations() -> st.SearchStrategy[Speculation]:
    """Short and long drafts, hopeless and perfect ones."""
    return st.builds(
        Speculation, length=st.integers(1, 8), acceptance=st.floats(0.0, 1.0), cost=st.floats(0.0, 0.5)
    )


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    """Random lengths and formats, every way of serving."""
    serving: Serving = draw(st.sampled_from(SERVING_MODES))
    return context(
        draw(llms()), isl=float(draw(st.integers(1, 8192))), osl=float(draw(st.integers(1, 4096))),
        weights=draw(st.sampled_from((0.5, 1.0, 2.0))), kv=draw(st.sampled_from((1.0, 2.0))),
        activations=draw(st.sampled_from((1.0, 2.0))), serving=serving,
        skew=draw(st.sampled_from((1.0, 4.0))),
        prefix=draw(st.none() | prefix_caches()), speculation=draw(st.none() | speculations()),
    )  # fmt: skip


@st.composite
def designs(draw: st.DrawFn) -> Designs:
    """One random design."""
    return Designs.of(chips=chips(draw(chip_values())), deployments=deployments(**draw(deployment_values())))


if unlike := {*chip_columns(optional=False)} ^ {*H100_LIKE} | {*H100_LIKE} ^ {*GROQ_LIKE}:
    raise RuntimeError(f"tests/factories.py: expected a number for each column of Chips, got {unlike}")
