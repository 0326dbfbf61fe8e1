"""What one token of a network needs, counted from its architecture: a second count, independent of the first.

Whole networks, before any chip splits or repeats them; embeddings, norms and biases are left out, so nothing
here is ever too much. Each kind of attention brings a second count of its layers; a class of which none is
registered is refused, as it would count as nothing in silence.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from dse.arrays import Floats
from dse.bounds import encoders
from dse.plugins.broken import asking, broken
from dse.plugins.numbers import fault_of
from dse.spec.attention.kind import kv_visited
from dse.spec.attention.registered import point_of, second_count_of
from objectives import api

Number: TypeAlias = Floats | float

EACH: Final = api.Parts(
    experts=1.0, shared=1.0, dense=1.0, attention=1.0, embedding=1.0, head=1.0, router=1.0
)
"""Every weight counts as one."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """Elements and FLOP of a whole network; lengths, and what a weight counts as, may be arrays."""

    layers: Number
    """Weights that each token is multiplied by in all layers, its own experts only [1]."""
    last: Number
    """Those of the largest layer [1]: of the last one a prompt needs little but its last token."""
    head: Number
    """Weights of the LM head [1]."""
    once: Number
    """Those of layers with weights of their own [1]: what has to be brought, however often it is used."""
    experts: tuple[tuple[int, float, int, Number], ...]
    """Of each kind of layers with routed experts: layers, experts of a token on average and at least, weights
    of one expert [1]."""
    state_bytes: float
    """States that a sequence keeps whatever its length, and every token reads and writes [B]."""
    stored: Number
    """Weights of all layers, all experts counted, and tables that are looked up [1]."""
    kv_read: Floats
    """Elements of KV cache that a decoded token reads at least [1]."""
    kv_kept: Floats
    """Elements of KV cache that a sequence at its largest context keeps [1]."""
    core_flop: Floats
    """FLOP of attention for a decoded token [FLOP]."""
    prompt_core_flop: Floats
    """FLOP of attention for a prompt without its largest layer [FLOP]."""
    encoder: encoders.Encoded
    """What a request needs before its prompt, all of it 0 without an encoder."""
    drafted: "Drafted | None" = None
    """Layers of the network that draft for it; None where others draft, and without drafts."""


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """What layers of a network that draft for it need in one step."""

    module: Count
    """One module, whose head is that of the network."""
    modules: int
    """Modules that a draft uses [1]."""
    passes: int
    """Passes of one module each, which all end at the head [1]."""

    @property
    def rows(self) -> int:
        """Rows of a sequence that all passes take [1]: each module sees what the step checks, once."""
        return self.modules * (self.passes + 1) + self.passes - self.modules

    @property
    def read(self) -> Number:
        """Weights that the passes of one sequence multiply by [1]."""
        return self.passes * (self.module.layers + self.module.head)

    @property
    def again(self) -> Number:
        """Of these, weights that the step has used before [1]: the head, and those of modules used again."""
        return self.read - self.modules * self.module.once


def count(llm: api.Llm, work: api.Workload, by: api.Parts = EACH) -> Count:
    """The network counted from its architecture; embeddings, norms and biases are left out.

    A weight of a part counts as much as `by` says: its bytes, or the time of its product.

    Raises `TypeError` for a class of attention that is not registered.
    """
    isl = np.asarray(work.isl, dtype=float)
    longest = np.asarray(work.max_context, dtype=float)
    most = np.maximum(longest, work.mean_context)
    mean = np.asarray(work.mean_context, dtype=float)
    layers: Number = 0.0
    once: Number = 0.0
    last: Number = 0.0
    state = 0.0
    stored = by.embedding * float(sum(t.entries * t.width for t in llm.lookup))
    kv_read, kv_kept, core = np.zeros_like(mean), np.zeros_like(most), np.zeros_like(mean)
    prompt_cores: list[tuple[int, Floats]] = []
    experts = []
    for b in llm.blocks:
        each, expert = _layer(b, llm.hidden, by)
        chosen = _chosen(b.experts)
        own = each + chosen * expert
        layers = layers + b.count * own
        # layers that share weights may choose the same experts
        kept = b.count if b.distinct is None else b.distinct
        once = once + kept * own
        stored = stored + kept * (each + (b.experts.count * expert if b.experts else 0.0))
        last = np.maximum(last, own)
        if b.experts:
            # at worst a token chooses all experts that do nothing
            experts.append((b.count, chosen, max(b.experts.top_k - b.experts.zero, 0), expert))
        of_prompt = np.zeros_like(isl)
        for a in b.mixers:
            second, point = second_count_of(a), point_of(a)
            # a class that a program has registered by itself has no entry point
            with nullcontext() if point is None else asking(point, f"second count of {llm.name}"):
                kv, flop, seen = second.kv_elements(a), second.core_flop(a), second.seen(a, mean, most)
                state += b.count * second.state_bytes(a)
                kv_read = kv_read + b.count * kv_visited(second, a) * seen
                kv_kept = kv_kept + b.count * kv * second.kept(a, longest)
                core = core + b.count * flop * seen
                of_prompt = of_prompt + flop * second.pairs(a, isl)
        prompt_cores.append((b.count, of_prompt))
    # a prompt needs little of its last layer; whichever that is, leaving out the largest is a bound
    largest = np.maximum.reduce([one for _, one in prompt_cores])
    encoded = encoders.encoded(llm, by, lambda b, hidden: _layer(b, hidden, by)[0])
    found = Count(
        layers=layers,
        last=last,
        head=by.head * float(llm.vocab * llm.hidden),
        once=once,
        stored=stored + encoded.stored,
        encoder=encoded,
        experts=tuple(experts),
        state_bytes=state,
        kv_read=kv_read,
        kv_kept=kv_kept,
        core_flop=core,
        prompt_core_flop=sum((n * one for n, one in prompt_cores), np.zeros_like(isl)) - largest,
        drafted=_drafted(llm, work, by),
    )
    _check(found, llm)
    return found


def _drafted(llm: api.Llm, work: api.Workload, by: api.Parts) -> Drafted | None:
    """Layers that draft, counted as a network of their own."""
    draft = work.speculation
    if llm.draft is None or draft is None or not draft.own_layers:
        return None
    one = replace(llm, blocks=llm.draft.blocks, lookup=(), draft=None)
    return Drafted(
        module=count(one, replace(work, speculation=None), by),
        modules=min(llm.draft.modules, draft.length),
        passes=draft.length,
    )


def _check(found: Count, llm: api.Llm) -> None:
    """Raise `PluginError` for a second count that is not finite: it would bound nothing, or everything."""
    for name, value in vars(found).items():
        if name not in ("experts", "drafted", "encoder") and (fault := fault_of(value)):
            points = [p for b in llm.blocks for a in b.mixers if (p := point_of(a)) is not None]
            for point in points:
                raise broken(point, f"second count of {llm.name}: {name}: expected {fault[0]}")


def _chosen(e: api.Experts | None) -> float:
    """Experts with weights that a token visits on average [1]."""
    return 0.0 if e is None else e.top_k * e.count / (e.count + e.zero)


def _layer(b: api.Block, hidden: int, by: api.Parts) -> tuple[Number, Number]:
    """Weights of a layer that every token visits, and of one routed expert."""
    each: Number = by.dense * float(sum(m.inputs * m.outputs for m in b.matrices))
    for a in b.mixers:
        each = each + by.attention * second_count_of(a).weights(a, hidden)
    if b.ffn:
        each = each + by.dense * float(b.ffn.matrices * hidden * b.ffn.width)
    if not b.experts:
        return each, 0.0
    e, width = b.experts, hidden if b.experts.latent is None else b.experts.latent
    each = each + by.router * float(hidden * (e.count + e.zero))
    each = each + by.shared * float(hidden * e.matrices * e.shared_width)
    if e.latent is not None:
        each = each + by.dense * (2.0 * hidden * e.latent)
    return each, by.experts * float(e.matrices * width * e.width)
