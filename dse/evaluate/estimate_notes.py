"""What an estimate rests on: rows that anchor its stack, the stack next to it, the choice of its size."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from dse.chips.anchor_rows import AnchorRows, anchor_rows, next_best
from dse.chips.anchors import anchor
from dse.chips.architecture import on_architecture
from dse.chips.resolve import stack_columns
from dse.choose.solve import Found
from dse.evaluate.estimate_result import OtherStack, first_of
from dse.question.layouts import layout_remarks
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PrecisionSpec
from dse.spec.schema.system import RARE, StackSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.units import pretty
from objectives import api
from objectives.equations.llm.context_parallel import split_over
from objectives.equations.llm.mean_layer import mean_layer
from objectives.equations.step.pipeline import micro_batches
from objectives.equations.step.stage_widths import stage_widths

PREFIXES: Final = "prefixes take"
"""How the note of a memory begins that has no room for them."""
SHOWN: Final = {"tpot_s": "TPOT", "ttft_s": "TTFT", "usd_per_token_per_s": "$/(token/s)"}
"""Column of metrics to its name in a note."""

KEPT: Final = {"cache": "keys and values", "index": "keys of an index", "state": "states"}
"""Part of what a sequence keeps to its name in a note."""


def on_next_best(
    model: api.CostModel,
    context: api.Context,
    one: api.Designs,
    found: api.Metrics,
    sold: StackSpec,
    chip: ChipSpec,
    catalog: Catalog,
    role: str | None = None,
) -> OtherStack | None:
    """A batch of one, whose metrics on the stack `sold` are `found`, on the next best anchored stack.

    Of a system of several pools that of `role` is moved. None where no other stack has rows of the chip or of
    its architecture, or the model predicts nothing.
    """
    rows = next_best(sold, chip, catalog) if api.predicts(model) else None
    if rows is None:
        return None
    stack = on_architecture(catalog.get(StackSpec, rows.stack), chip.architecture, catalog)
    columns = {
        n: np.asarray([v]) for n, v in stack_columns(stack, chip.dram is not None, chip.link.network).items()
    }
    pool = one.pools[0] if role is None else one.pool(role)
    for name in (*RARE, "reserve_bytes"):
        if getattr(pool.chips.stack, name) is not None:
            columns.setdefault(name, np.zeros(1))
    there = replace(pool, chips=pool.chips.replace(**columns))
    pools = tuple(there if p is pool else p for p in one.pools)
    moved = model.evaluate(replace(one, pools=pools), context)
    metrics = {name: first_of(getattr(moved, name)) for name in SHOWN}
    ratios = {name: value / first_of(getattr(found, name)) for name, value in metrics.items()}
    return OtherStack(rows=rows, metrics=metrics, ratios=ratios)


def trust_notes(stack: StackSpec, chip: ChipSpec, catalog: Catalog, other: OtherStack | None) -> list[str]:
    """What an estimate on a calibrated stack rests on, sentences without a full stop."""
    if stack.estimate != "calibrated":
        return []
    notes = []
    if stack.chips and chip.name not in stack.chips:
        notes.append(
            f"{stack.name} was not calibrated on {chip.name}: "
            f"the interval is no narrower than that of the chip's class ({chip.stack})"
        )
    notes.append(anchor(stack, chip).reason.rstrip("."))
    return [*notes, *anchored(anchor_rows(stack, chip, catalog), other, chip.name)]


def unmeasured_split(stack: StackSpec, cp: float) -> list[str]:
    """What to say where KV cache is split along its tokens, which no row was measured with."""
    # rows of measurements have no CP
    if cp <= 1.0 or stack.estimate == "speed-of-light":
        return []
    return [
        f"no measured row of {stack.name} splits KV cache along its tokens (CP {cp:.0f}): the time of its "
        "merges is not anchored"
    ]


def sent_under(stack: StackSpec, *, sends: bool) -> list[str]:
    """What to say where pools send KV cache while they compute: most stacks do so after the prefill."""
    if not stack.can("kv_under_prefill"):
        return []
    if not sends:
        return ["kv_under_prefill is not read: only chips that prefill for others send KV cache"]
    return ["KV cache is sent under the prefill, layer by layer: TTFT waits for what is left then"]


def kept_prefixes(work: WorkloadSpec) -> list[str]:
    """What to say of what is written into a prefix cache, where the workload does not."""
    cache = work.prefix_cache
    if cache is None or cache.tier == "dram" or cache.written is not None:
        return []
    what = f"every computed token of a prompt is written to {cache.tier}"
    if cache.apart:
        what = f"what prompts add to the {cache.tier} takes none of its time"
    return [f"{what}: `written` of {work.name} is not stated"]


def narrow_stages(stack: StackSpec, llm: api.Llm, d: api.Deployments) -> list[str]:
    """What to say where smaller stages have fewer chips, which no row was measured with."""
    if not stack.can("unlike_stages"):
        return []
    one = np.ones(1)
    alike = first_of(d.ways * d.pp)
    chips = first_of(stage_widths(llm.layers, d.ways, d.pp, micro_batches(d.batch, d.pp).count, one).chips)
    if chips == alike:
        return [
            "unlike_stages changes nothing here: only stages of one layer next to stages of two "
            "in a full pipeline have fewer chips"
        ]
    return [
        f"stages of one layer have half of the chips: {chips:,.0f} a replica in place of {alike:,.0f}, "
        "which no row was measured with"
    ]


def layout_notes(llm: api.Llm, precision: PrecisionSpec, d: api.Deployments, stack: StackSpec) -> list[str]:
    """What an engine may refuse or do badly in the layout of one design, see `layout_remarks`."""
    tp, cp, ep = (int(first_of(size)) for size in (d.tp, d.cp, d.ep))
    return layout_remarks(llm, precision.weights, tp, cp, ep, stack)


def memory_notes(
    context: api.Context, pool: api.Pool, capacity: Mapping[str, float], role: str = ""
) -> list[str]:
    """What the KV cache of a chip is made of, and which memory has too little room for prefixes.

    `capacity` is the ledger of bytes of a chip, in which those of a pool have its role in front.
    """
    return [
        *_kept_parts(context, pool, capacity.get(f"{role}kv_cache", 0.0)),
        *overfull_prefixes(context.workload, pool.chips, capacity, role),
    ]


def _kept_parts(context: api.Context, pool: api.Pool, held: float) -> list[str]:
    """Bytes of keys and values, of keys of an index and of states in the KV cache of a chip."""
    work, d = context.workload, pool.deployments
    # modules keep their own share, which is not that of the layers
    if context.llm.draft is not None and work.speculation is not None and work.speculation.own_layers:
        return []
    layer = mean_layer(context.llm, d.tp, None, split_over(d.cp))
    beyond = pool.chips.stack.window_kept
    parts = {
        part: first_of(size)
        for part, size in layer.kept_by_part(work.max_context, context.precision.kv_bytes, beyond).items()
    }
    total = sum(parts.values())
    each = [
        f"{pretty(held * size / total, 'B')} of {KEPT[part]}" for part, size in parts.items() if size > 0.0
    ]
    return [f"KV cache: {' and '.join(each)}"] if len(each) > 1 else []


def overfull_prefixes(
    work: api.Workload, chips: api.Chips, capacity: Mapping[str, float], role: str = ""
) -> list[str]:
    """Which memory has too little room for prefixes, where one of the chip keeps them.

    `capacity` is the ledger of bytes of a chip, in which those of a pool have its role in front.
    """
    cache = work.prefix
    stored = capacity.get(f"{role}prefix_cache", 0.0)
    if cache is None or cache.tier != "memory" or not stored:
        return []
    room = first_of(chips.memory(cache.memory).bytes * chips.stack.usable_capacity)
    if stored <= room:
        return []
    name = cache.memory.replace("_", "-")
    return [
        f"{PREFIXES} {pretty(stored, 'B')} of the {name} memory of a chip, which has room for "
        f"{pretty(room, 'B')}, whatever is free elsewhere"
    ]


def anchored(rows: AnchorRows | None, other: OtherStack | None, chip: str) -> list[str]:
    """Rows that anchor the stack of a chip, and how the answer moves on the next stack, a sentence each."""
    if rows is None or not rows.every:
        return []
    found = [f"{rows.stack} rests on {rows.words(chip)}"]
    if other is not None:
        moved = ", ".join(f"{label} {other.ratios[name] - 1.0:+.0%}" for name, label in SHOWN.items())
        found.append(
            f"on {other.rows.stack}, the engine that most rows anchor there "
            f"({other.rows.words(chip)}): {moved}"
        )
    return found


def smaller_notes(chips: float, found: Found | None, tolerance: float) -> list[str]:
    """What to say where the tolerance has chosen a smaller system than the best."""
    # most often the best is the smallest, and there is nothing to say
    if found is None or chips >= found.least_size[0]:
        return []
    more = found.cost[0] / found.least[0] - 1.0
    return [
        f"of systems within {tolerance:.0%} of the best the smallest is taken: {chips:,.5g} "
        f"chips instead of {found.least_size[0]:,.5g}, which would cost {more:.2%} less"
    ]
