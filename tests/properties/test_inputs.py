"""Every input moves some output of the roofline cost model: nothing is read and dropped."""

from dataclasses import fields, replace

import factories as make
import pytest
from denoised import denoised
from factories import changed

from dse.testing.checks import table
from objectives.api import (
    Attention,
    Block,
    CompressedAttention,
    Deployments,
    Designs,
    Diffusion,
    DraftLayers,
    Experts,
    Ffn,
    Index,
    LatentAttention,
    LinearAttention,
    Llm,
    Mamba,
    Matrix,
    Metrics,
    Precision,
    PrefixCache,
    Rwkv,
    ShortConvolution,
    Speculation,
    Workload,
    chip_columns,
)
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.interconnect.topology import TOPOLOGIES
from objectives.memories import FURTHER, MEMORIES
from objectives.parts import PEAKS_OF_PARTS, Parts

evaluate = RooflineCostModel().evaluate


def headline(m: Metrics) -> dict[str, float]:
    return {k: float(v[0]) for k, v in table(m, (1,)).items()}


SCRATCHPAD = {"sram_bytes": 20e9, "sram_bandwidth": 5e12, "sram_pinned": 1.0}  # binds where weights fit
WIDE = {
    "link_topology": TOPOLOGIES["dragonfly"],
    "link_domain": 64.0,
    "in_network_reduction": 0.0,
    "link_local_share": 0.7,
    "link_global_share": 0.3,
}
FAR = {"board_chips": 8.0, "rack_chips": 16.0, "copper_usd": 300.0, "optics_usd": 900.0, "optics_w": 7.0}
NEAR = {**FAR, "board_chips": 40.0, "rack_chips": 40.0}  # half of which is below the 32 chips of the system
JOINED = {"dies": 4.0, "die_bandwidth": 1e12, "die_latency": 2e-8}
# Where a column works only on chips of a kind, the kind; 16 ways of TP cross the domain of eight.
KIND: dict[str, dict[str, float]] = {
    "sram_bytes": {**SCRATCHPAD, "sram_bytes": 1e9},
    "sram_usable": {**SCRATCHPAD, "sram_bytes": 1e9},
    "sram_bandwidth": SCRATCHPAD,
    "sram_pinned": {**SCRATCHPAD, "sram_pinned": 0.0},
    "sram_efficiency": SCRATCHPAD,
    "sram_w": SCRATCHPAD,
    "weight_load_bandwidth": {**SCRATCHPAD, "weight_load_bandwidth": 1e12},
    "decode_core_efficiency": {"decode_core_efficiency": 0.01},  # else DRAM binds the core of decode
    "overlap": {"overlap": 0.8},
    "window_kept": {"window_kept": 0.8},
    "tile_rows": {"tile_rows": 512.0},  # half of which is still above the rows, and compute binds
    # below the prompt, of which only these rows are held at once
    **{key: {"prompt_rows": 512.0, "held_rows": 512.0} for key in ("prompt_rows", "held_rows")},
    "link_group": WIDE,
    **dict.fromkeys(JOINED, JOINED),
    **dict.fromkeys(("copper_usd", "optics_usd", "optics_w"), FAR),
    **dict.fromkeys(("board_chips", "rack_chips"), NEAR),
    "link_local_share": WIDE,
    "link_global_share": {**WIDE, "link_group": 4.0},
}
MEMORY = {"bytes": 4e9, "bandwidth": 1e12, "w": 50.0, "latency": 1e-5, "endurance": 3e3}
"""Any memory beyond SRAM and DRAM: weights of a chip do not fit in it alone."""
KIND |= {
    f"{name}_{column}": {f"{name}_{c}": MEMORY.get(c, 1e10) for c in MEMORIES[name].columns}
    for name in FURTHER
    for column in MEMORIES[name].columns
}
KIND["reserve_bytes"] = {"reserve_bytes": 1e9}
KIND["unlike_stages"] = {"unlike_stages": 1.0}
KIND |= {column: {column: 1e14} for column in PEAKS_OF_PARTS.values()}
KIND["bonded_excess_m2"] = {"bonded_excess_m2": -1e-6}
WORN = make.h100_like(**KIND["flash_bytes"])
SPLIT = {
    "context_parallel": {"tp": 8, "cp": 2, "ep": 16, "pp": 2},
    # 80 layers are 32 stages of two and 16 of one; a batch fills them
    "unlike_stages": {"tp": 16, "ep": 16, "pp": 48},
}
JOINED_REPLICAS = ("all_to_all_efficiency", "overlap")
"""What only works between replicas that share experts."""
ELSEWHERE = {
    "user_tokens_per_s": "only `napkin` reads it",
    "flash_write_bandwidth": "only prefix caches read it, see tests/equations/step/test_prefix_writes.py",
    "kv_under_prefill": "only pools read it, see tests/systems/test_kv_under_prefill.py",
    **dict.fromkeys(("tpot_interval", "ttft_interval", "throughput_interval"), "objectives read it"),
}
WINDOWED = replace(
    make.llama2_70b(),
    blocks=(
        replace(
            make.llama2_70b().blocks[0], attention=Attention(heads=64, kv_heads=8, head_dim=128, window=128)
        ),
    ),
)
FLIPS = {
    "sram_pinned": 1.0,
    "context_parallel": 0.0,
    "unlike_stages": 0.0,
    "in_network_reduction": 0.0,
    "link_topology": TOPOLOGIES["ring"],
}


@pytest.mark.parametrize("column", [name for name in chip_columns() if name not in ELSEWHERE])
def test_every_fact_of_a_chip_moves_some_output(column: str) -> None:
    layout = SPLIT.get(column, {"tp": 16, "ep": 16, "pp": 2})
    if column in JOINED_REPLICAS:
        layout = {"tp": 4, "ep": 8, "dp": 2}
    full = 48 if column == "unlike_stages" else 16
    design = make.design(make.h100_like(**KIND.get(column, {})), batch=full, **layout)
    if "excess" in column:
        other = changed(design, column, lambda x: x + 1.0)
    elif column in FLIPS:
        other = changed(design, column, lambda x: 0.0 * x + FLIPS[column])
    else:
        other = changed(design, column, lambda x: 0.5 * x)
    llm = make.mixtral_8x7b() if column in ("expert_overhead_s", "expert_efficiency") else make.llama2_70b()
    if column in (*JOINED_REPLICAS, *PEAKS_OF_PARTS.values()):
        llm = make.deepseek_v3()
    elif column == "window_kept":
        llm = WINDOWED
    context = make.context(llm, serving="aggregated")
    assert headline(evaluate(design, context)) != headline(evaluate(other, context))


@pytest.mark.parametrize("column", [f.name for f in fields(Deployments)])
def test_every_choice_of_a_deployment_moves_some_output(column: str) -> None:
    d = make.deployments(batch=16, tp=4, pp=2, dp=2)
    context = make.context(make.mixtral_8x7b())
    more = d.replace(**{column: 2.0 * getattr(d, column)})
    chips = make.h100_like()
    results = [headline(evaluate(Designs.of(chips=chips, deployments=x), context)) for x in (d, more)]
    assert results[0] != results[1]


@pytest.mark.parametrize("name", [f.name for f in fields(Precision) if f.name != "parts"])
def test_every_format_moves_some_output(name: str) -> None:
    design, context = make.design(make.h100_like(), batch=16, tp=8), make.context()
    narrow = replace(context, precision=replace(context.precision, **{name: 1.0}))
    assert headline(evaluate(design, context)) != headline(evaluate(design, narrow))


@pytest.mark.parametrize("part", [f.name for f in fields(Parts)])
def test_the_format_of_every_part_moves_some_output(part: str) -> None:
    design, context = make.design(make.h100_like(), batch=16, tp=8, ep=8), make.context(make.deepseek_v3())
    alike = Parts(**{f.name: context.precision.weight_bytes for f in fields(Parts)})
    parts = (alike, replace(alike, **{part: 0.25}))
    plain, narrow = (replace(context, precision=replace(context.precision, parts=x)) for x in parts)
    assert headline(evaluate(design, plain)) != headline(evaluate(design, narrow))


@pytest.mark.parametrize("name", [f.name for f in fields(Workload) if f.name != "traffic"])
def test_every_fact_of_a_workload_moves_some_output(name: str) -> None:
    design = make.design(make.h100_like(), batch=16, tp=8, ep=8)
    if name == "weight_updates":
        design = make.design(WORN, batch=16, tp=8, ep=8)
    context = make.context(make.mixtral_8x7b(), serving="aggregated")
    work = context.workload
    given = {
        "weight_updates": 1.0,
        "serving": "decode-only",
        "prefix": PrefixCache(hit=0.5, stored_tokens=1e5, tier="host", bandwidth=1e10, usd_per_byte=1e-9),
        "speculation": Speculation(length=2, acceptance=0.8, cost=0.1),
        "diffusion": Diffusion(block=8, steps=4.0, commit=True),
    }
    if name == "prefill_load":
        context, other = (
            replace(context, workload=replace(work, serving="disaggregated", prefill_load=x))
            for x in (0.3, 0.9)
        )
    elif name == "pools":
        context, other = (
            replace(context, workload=replace(work, serving="disaggregated", pools=x, prefill_load=0.7))
            for x in ("fleet", "system")
        )
    elif name in given:
        other = replace(context, workload=replace(work, **{name: given[name]}))
    else:
        other = replace(context, workload=replace(work, **{name: 2.0 * getattr(work, name)}))
    assert headline(evaluate(design, context)) != headline(evaluate(design, other))


@pytest.mark.parametrize(
    "name",
    [
        "lifetime_s",
        "cost_of_capital",
        "usd_per_joule",
        "pue",
        "power_overhead",
        "upkeep_per_year",
        "utilisation",
        "building_usd_per_watt",
        "building_lifetime_s",
    ],
)
def test_every_fact_of_an_economy_moves_the_running_cost(name: str) -> None:
    design, context = make.design(make.h100_like(), batch=16, tp=8), make.context()
    economy = replace(context.economy, **{name: 0.5 * getattr(context.economy, name)})
    left, right = evaluate(design, context), evaluate(design, replace(context, economy=economy))
    assert left.usd_per_million_tokens != right.usd_per_million_tokens
    assert left.usd_per_token_per_s == right.usd_per_token_per_s


ATTENTION = Attention(
    heads=16, kv_heads=8, head_dim=64, window=512, output_groups=8, output_latent=64, value_dim=32
)
LATENT = LatentAttention(heads=16, latent=512, rope=64, nope=128, value=128, query_latent=1536)
EXPERTS = Experts(count=16, top_k=2, width=2048, matrices=3, shared_width=8, latent=512, zero=8, redundant=16)
INDEX = Index(heads=16, dim=64, ratio=4)
ENTRIES = CompressedAttention(heads=16, dim=64, ratio=4)
STATE = LinearAttention(
    heads=16, key_heads=8, key_dim=64, value_dim=64, gate=True, delta=True, state_bytes=4.0, conv=4, chunk=64
)
PLAIN = Block(count=8, attention=ATTENTION, ffn=Ffn(width=4096, matrices=3))
LATER = Block(count=8, attention=LATENT, experts=EXPERTS)
STATEFUL = Block(count=8, attention=STATE)
PARTS = [
    (PLAIN, "attention"),
    (PLAIN, "ffn"),
    (LATER, "attention"),
    (LATER, "experts"),
    (STATEFUL, "attention"),
    (
        Block(count=8, attention=Mamba(inner=4096, state_dim=16, step_rank=128, conv=4, state_bytes=4.0)),
        "attention",
    ),
    (
        Block(
            count=8,
            attention=Rwkv(heads=32, head_dim=64, decay_latent=64, shift=4096, state_bytes=4.0),
        ),
        "attention",
    ),
    (Block(count=8, attention=ShortConvolution(width=2048, taps=3, state_bytes=2.0)), "attention"),
]
# an index chooses in place of a window
CHOSEN = replace(PLAIN, attention=replace(ATTENTION, window=None, top_k=128))
FACTS = [
    (CHOSEN if part == "attention" and f.name == "top_k" and b is PLAIN else b, part, f.name)
    for b, part in PARTS
    for f in fields(getattr(b, part))
    # parameters alone: no chip moves or multiplies them
    if f.name not in ("bias", "conv_bias", "norms")
]
SWITCHES = {"kv": "shared"}
"""Values of what can not be doubled."""
FROM_NONE = {
    "query_latent": 512,
    "top_k": 128,
    "window": 128,
    "inputs": 512,
    "decay_latent": 64,
    "gate_latent": 64,
    "conv_bytes": 1.0,
    "mix_latent": 64,
    "rate_latent": 64,
    "value_latent": 64,
    "value_dim": 128,
}
"""Values of what is left out above."""


def of(block: Block) -> dict[str, float]:
    llm = Llm(name="x", hidden=2048, vocab=10_000, blocks=(block,), nominal_params=1e9)
    context = make.context(llm, serving="aggregated")
    return headline(evaluate(make.design(make.h100_like(), batch=16, tp=8, pp=2), context, detail=True))


def another(facts: object, name: str) -> object:
    """The value that a fact gets in place of its own."""
    known = getattr(facts, name)
    if known is None:
        return FROM_NONE[name]
    if isinstance(known, bool):
        return not known
    return SWITCHES[name] if name in SWITCHES else 2 * known


@pytest.mark.parametrize(("block", "part", "name"), FACTS, ids=[f"{p}.{n}" for _, p, n in FACTS])
def test_every_fact_of_an_architecture_moves_some_output(block: Block, part: str, name: str) -> None:
    facts = getattr(block, part)
    other = replace(facts, **{name: another(facts, name)})
    assert of(block) != of(replace(block, **{part: other}))


NEXT_TO = [(kind, f.name) for kind in (INDEX, ENTRIES) for f in fields(kind)]


@pytest.mark.parametrize(
    ("kind", "name"), NEXT_TO, ids=[f"{type(kind).__name__}.{name}" for kind, name in NEXT_TO]
)
def test_every_fact_of_what_is_next_to_attention_moves_some_output(
    kind: Index | CompressedAttention, name: str
) -> None:
    block = replace(CHOSEN, beside=(kind,))
    other = replace(kind, **{name: another(kind, name)})
    assert of(block) != of(replace(block, beside=(other,)))


@pytest.mark.parametrize(
    "changes",
    [
        {"parallel": True},
        {"distinct": 2},
        {"matrices": (Matrix(inputs=2048, outputs=64),)},
        {"experts": EXPERTS},
        {"beside": (STATE,)},
    ],
)
def test_a_block_of_other_parts_is_another_one(changes: dict[str, object]) -> None:
    assert of(PLAIN) != of(replace(PLAIN, **changes))  # type: ignore[arg-type]


CACHE = PrefixCache(hit=0.5, stored_tokens=1e6, tier="host", bandwidth=1e10, usd_per_byte=1e-9)
DRAFT = Speculation(length=2, acceptance=0.8, cost=0.1)
BLOCKS = Diffusion(block=8, steps=4.0, commit=True)
# what is written binds where the tier is slow
SLOW = {"written": replace(CACHE, bandwidth=1e7)}
ASIDE = [(SLOW.get(f.name, CACHE), f.name) for f in fields(PrefixCache) if f.name != "memory"] + [
    # pools draft and verify read the others, see tests/systems/test_draft_verify.py
    (DRAFT, f.name)
    for f in fields(Speculation)
    if f.name not in ("llm", "precision", "own_layers")
]


@pytest.mark.parametrize(("part", "name"), ASIDE, ids=[n for _, n in ASIDE])
def test_every_fact_of_a_prefix_cache_and_of_a_draft_moves_some_output(
    part: PrefixCache | Speculation, name: str
) -> None:
    design = make.design(make.h100_like(), batch=16, tp=8, dp=2)
    field = "prefix" if isinstance(part, PrefixCache) else "speculation"
    value = {"tier": "pooled", "length": 4, "written": 1.0}.get(
        name, 0.5 * getattr(part, name) if name != "tier" else None
    )
    results = [
        headline(evaluate(design, make.context(serving="aggregated", **{field: x})))
        for x in (part, replace(part, **{name: value}))
    ]
    assert results[0] != results[1]


@pytest.mark.parametrize("name", [f.name for f in fields(Diffusion)])
@pytest.mark.parametrize("serving", make.SERVING_MODES)
def test_every_fact_of_blocks_moves_the_time_of_a_token_in_every_way_of_serving(
    name: str, serving: str
) -> None:
    design = make.design(make.h100_like(), batch=16, tp=8, dp=2)
    other = replace(BLOCKS, **{name: {"block": 16, "steps": 2.0, "commit": False}[name]})
    left, right = (evaluate(design, denoised(d, serving=serving, prefill_load=0.7)) for d in (BLOCKS, other))
    assert left.tpot_s != right.tpot_s and left.tokens_per_s != right.tokens_per_s
    # what writes the KV cache of a block comes after its tokens, but for what prompts of others make of it
    assert name == "commit" or left.ttft_s != right.ttft_s


MODULE = DraftLayers(blocks=(replace(PLAIN, count=1),))
OWN = Speculation(length=3, acceptance=0.8, cost=0.0, own_layers=True)


def drafted(draft: DraftLayers, speculation: Speculation) -> dict[str, float]:
    llm = Llm(name="x", hidden=2048, vocab=10_000, blocks=(PLAIN,), nominal_params=1e9, draft=draft)
    context = make.context(llm, serving="aggregated", speculation=speculation)
    return headline(evaluate(make.design(make.h100_like(), batch=16, tp=8, pp=2), context, detail=True))


@pytest.mark.parametrize(
    "changes",
    [{"modules": 2}, {"blocks": (PLAIN,)}, {"blocks": (replace(PLAIN, count=1, ffn=None),)}],
    ids=["modules", "layers", "parts"],
)
def test_every_fact_of_layers_that_draft_moves_some_output(changes: dict[str, object]) -> None:
    other = replace(MODULE, **changes)  # type: ignore[arg-type]
    assert drafted(MODULE, OWN) != drafted(other, OWN)
    # only where they draft
    assert drafted(MODULE, replace(OWN, own_layers=False)) == drafted(other, replace(OWN, own_layers=False))


@pytest.mark.parametrize("changes", [{"length": 4}, {"acceptance": 0.9}, {"own_layers": False}], ids=str)
def test_every_fact_of_drafts_of_own_layers_moves_some_output(changes: dict[str, object]) -> None:
    assert drafted(MODULE, OWN) != drafted(MODULE, replace(OWN, **changes))  # type: ignore[arg-type]
