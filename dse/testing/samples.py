"""Designs, contexts and metrics of round invented numbers for the contract kits; no chip is meant."""

from dataclasses import replace

import numpy as np

from objectives.api import (
    Attention,
    Block,
    Chips,
    Context,
    Deployments,
    Designs,
    Diffusion,
    Economy,
    Experts,
    Ffn,
    LatentAttention,
    Llm,
    Matrix,
    Metrics,
    Precision,
    Serving,
    Workload,
)
from objectives.equations.step.generation.diffusion import context_of_blocks

Column = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

_VARYING = {
    # a roomy GPU-like chip; a scratchpad without DRAM; a hybrid; one that holds nothing
    "sram_bytes": (0.0, 1e11, 1e9, 1e3),
    "sram_bandwidth": (0.0, 1e13, 1e13, 1e12),
    "sram_pinned": (0.0, 1.0, 1.0, 1.0),
    "dram_bytes": (1e12, 0.0, 1e11, 0.0),
    "dram_bandwidth": (1e12, 0.0, 1e11, 0.0),
    "link_domain": (8.0, 64.0, 4.0, 1.0),
    "price_usd": (1e4, 2e3, 5e3, 1.0),
    "area_excess_m2": (0.0, 0.0, -1e-4, 1e-4),
}
_CONSTANT = {
    "peak_flops": 1e15,
    "attention_flops": 1e14,
    "weight_load_bandwidth": 0.0,
    "link_bandwidth": 1e11,
    "link_latency": 1e-6,
    "link_topology": 0.0,
    "link_group": 8.0,
    "link_local_share": 0.5,
    "link_global_share": 0.5,
    "in_network_reduction": 0.0,
    "dies": 2.0,
    "die_bandwidth": 1e12,
    "die_latency": 1e-8,
    "scale_out_bandwidth": 1e10,
    "scale_out_latency": 1e-5,
    "compute_efficiency": 0.5,
    "core_efficiency": 0.5,
    "decode_core_efficiency": 0.4,
    "expert_efficiency": 0.8,
    "all_to_all_efficiency": 0.4,
    "overlap": 0.1,
    "window_kept": 0.1,
    "kv_efficiency": 0.5,
    "sequence_overhead_s": 1e-6,
    "burst": 0.5,
    "request_overhead_s": 1e-3,
    "prompt_rows": 512.0,
    "held_rows": 512.0,
    "tile_rows": 8.0,
    "dram_efficiency": 0.5,
    "sram_efficiency": 0.5,
    "link_efficiency": 0.5,
    "layer_overhead_s": 1e-6,
    "step_overhead_s": 1e-4,
    "collective_overhead_s": 1e-6,
    "context_parallel": 1.0,
    "usable_capacity": 0.9,
    "host_usd": 1e3,
    "rack_usd": 1e3,
    "network_usd": 1e2,
    "scale_out_usd": 1e2,
    "copper_usd": 1e2,
    "sram_usable": 0.9,
    "optics_usd": 1e2,
    "board_chips": 4.0,
    "rack_chips": 16.0,
    "optics_w": 1e1,
    "power_w": 1e2,
    "static_w": 1e1,
    "compute_w": 5e1,
    "sram_w": 1e1,
    "dram_w": 2e1,
    "link_w": 1e1,
    "cooling_excess_w": 0.0,
    "power_density_excess": 0.0,
    "prompt_overhead_s": 1e-6,
    "expert_overhead_s": 1e-6,
    "activation_passes": 1.0,
    "exposed_share": 0.2,
    "dram_stacks_excess": 0.0,
    "link_excess": 0.0,
    "user_tokens_per_s": 100.0,
}


def designs() -> Designs:
    """Sixteen designs of one axis: four kinds of chip in four deployments; some cannot be built."""
    layouts = (
        (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        (32.0, 4.0, 1.0, 2.0, 1.0, 1.0),
        (100.0, 4.0, 2.0, 3.0, 2.0, 2.0),
        (8.0, 2.0, 1.0, 1.0, 8.0, 4.0),
    )
    kinds, names = 4, ("batch", "tp", "cp", "pp", "ep", "dp")
    # tile chips, repeat deployments: each kind of chip meets each layout
    varying = {name: np.tile(np.asarray(v), len(layouts)) for name, v in _VARYING.items()}
    constant = {name: np.full(kinds * len(layouts), v) for name, v in _CONSTANT.items()}
    columns = np.repeat(np.asarray(layouts).T, kinds, axis=1)
    return Designs.of(
        chips=Chips.of(**varying, **constant),
        deployments=Deployments(**dict(zip(names, columns, strict=True))),
    )


def contexts() -> tuple[Context, ...]:
    """A dense LLM in every way of serving, one of latent and windowed attention, a network of matrices."""
    layer = Block(
        count=10, attention=Attention(heads=16, kv_heads=4, head_dim=64), ffn=Ffn(width=4096, matrices=3)
    )
    llm = Llm(name="invented", hidden=1024, vocab=10_000, blocks=(layer,), nominal_params=1.7e8)
    experts = Experts(count=8, top_k=2, width=512, matrices=3, shared_width=512)
    latent = LatentAttention(heads=16, latent=64, rope=16, nope=32, value=32, query_latent=None)
    windowed = Attention(heads=16, kv_heads=2, head_dim=64, window=128)
    routed = (
        Block(count=5, attention=latent, experts=experts),
        Block(count=5, attention=windowed, experts=experts, parallel=True),
    )
    mixture = Llm(name="mixture", hidden=1024, vocab=10_000, blocks=routed, nominal_params=1.7e8)
    matrices = Block(count=4, matrices=(Matrix(inputs=1000, outputs=1000),))
    network = Llm(name="matrices", hidden=1000, vocab=0, blocks=(matrices,), nominal_params=4e6)
    return (
        _context(llm, "decode-only"),
        _context(llm, "aggregated"),
        _context(llm, "static"),
        _context(mixture, "aggregated"),
        _context(network, "decode-only"),
    )


def denoised() -> tuple[Context, ...]:
    """Contexts in which blocks of tokens are denoised, some of them beyond the end of an answer."""
    found = []
    for context, commit in zip(contexts()[1::2], (True, False), strict=True):
        blocks = Diffusion(block=32, steps=8.0, commit=commit)
        mean, largest = context_of_blocks(blocks, context.workload.isl, context.workload.osl)
        work = replace(context.workload, diffusion=blocks, mean_context=mean, max_context=largest)
        found.append(replace(context, workload=work))
    return tuple(found)


def _context(llm: Llm, serving: Serving) -> Context:
    """A context with round invented numbers for one LLM and serving mode."""
    return Context(
        llm=llm,
        precision=Precision(weight_bytes=1.0, kv_bytes=1.0, activation_bytes=2.0),
        workload=Workload(isl=1000.0, osl=100.0, mean_context=1050.0, max_context=1100.0, serving=serving),
        economy=Economy(
            lifetime_s=1e8,
            cost_of_capital=0.1,
            usd_per_joule=1e-8,
            pue=1.5,
            power_overhead=1.5,
            upkeep_per_year=0.1,
            utilisation=0.5,
            building_usd_per_watt=10.0,
            building_lifetime_s=5e8,
        ),
    )


def metrics() -> Metrics:
    """Five designs of one axis that agree with themselves; two of them are infeasible."""
    tpot, batch = np.asarray([1e-3, 2e-3, 5e-3, 1e-2, 2e-2]), np.asarray([1.0, 8.0, 16.0, 64.0, 128.0])
    tokens, chips = batch / tpot, np.asarray([1.0, 2.0, 4.0, 8.0, 16.0])
    return Metrics(
        tpot_s=tpot,
        ttft_s=np.asarray([1e-1, 2e-1, 1.0, 1e-2, 3e-1]),
        tokens_per_s=tokens,
        chips=chips,
        capex_usd=1e4 * chips,
        usd_per_token_per_s=1e4 * chips / tokens,
        usd_per_million_tokens=1e2 * chips / tokens,
        usd_per_million_input_tokens=1e1 * chips / tokens,
        usd_per_million_output_tokens=9e1 * chips / tokens,
        energy_per_token_j=1e2 * chips / tokens,
        # at 0 a constraint is met, so two of the five are infeasible
        violations={"capacity": np.asarray([-1e9, 0.0, 1e6, -1.0, 1e12])},
    )
