"""Which ways of TP, CP, EP and PP an LLM allows, and the grids that are made of them.

What a study leaves out of batch, TP, CP, PP and EP is filled in: a search tries a coarse grid, and the best
at a target is solved on the fine one, which is that of `dse estimate`; so no list decides what it did not
mean to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.errors import Problem, SpecError
from dse.spec.schema.formats import parts_of
from dse.spec.schema.study import DeploymentSpec, StudySpec
from dse.spec.schema.system import StackSpec
from objectives import api
from objectives.equations.chip.formats import SCALE_BLOCKS
from objectives.equations.llm.mean_layer import mean_layer

MOST_TP, MOST_BATCH = 64, 4096
"""The widest group and the largest batch that are tried where a study lists no others."""

_APART = {"tp": 1.5, "cp": 3.0, "pp": 1.3, "ep": 3.0}
"""Ratio between two values of a coarse grid at least; the largest value is always among them."""

_ALIKE = 1.0 + 1e-9
"""Factor up to which bytes are the same: rounding, nothing else."""


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Values of each size of a deployment, all given."""

    batch: tuple[int, ...]
    tp: tuple[int, ...]
    pp: tuple[int, ...]
    ep: tuple[int, ...]
    cp: tuple[int, ...] = (1,)
    sparing: frozenset[tuple[int, int]] | None = None
    """TP with a CP above 1 that may be, see `sparing`; None where any may."""
    any_batch: bool = False
    """Whether batches between those of the list may be as well."""


def filled(d: DeploymentSpec, llms: Sequence[api.Llm], *, fine: bool, split: bool = False) -> Lists:
    """The sizes of a study, those that it leaves out filled in with what all of `llms` allow.

    CP above 1 is filled in where some stack of the study can split KV cache along its tokens.
    """

    def all_of(per_llm: Sequence[Sequence[int]], name: str) -> tuple[int, ...]:
        # a mix has one list of layouts: values that each of its LLMs allows
        shared = sorted(set(per_llm[0]).intersection(*per_llm[1:]))
        return tuple(shared if fine else _apart(shared, _APART[name]))

    tp = d.tp or all_of([all_ways(llm) for llm in llms], "tp")
    cp: tuple[int, ...] = d.cp or (1,)
    spared: frozenset[tuple[int, int]] | None = None
    if d.cp is None and split:
        spared = frozenset().union(*(sparing(llm, tp, 1.0 if fine else _APART["cp"]) for llm in llms))
        cp = (1, *sorted({each for _, each in spared}))
    return Lists(
        batch=d.batch or (batches(4) if fine else batches(2)),
        tp=tp,
        cp=cp,
        sparing=spared,
        pp=d.pp or all_of([all_stages(llm) for llm in llms], "pp"),
        ep=d.ep or all_of([all_spreads(llm) for llm in llms], "ep"),
        any_batch=d.batch is None,
    )


def _apart(values: Sequence[int], ratio: float) -> list[int]:
    """Some of ascending `values`, each at least `ratio` times the one before, and the last."""
    kept: list[int] = []
    for value in values:
        if not kept or value >= ratio * kept[-1]:
            kept.append(value)
    return kept if kept[-1] == values[-1] else [*kept, values[-1]]


def all_ways(llm: api.Llm) -> list[int]:
    """Tensor-parallel ways that split the heads, powers of two without heads."""
    if llm.heads == 1:
        # a network of matrices has no heads that could decide
        return [2**i for i in range(MOST_TP.bit_length())]
    return [n for n in range(1, MOST_TP + 1) if llm.heads % n == 0]


def sparing(llm: api.Llm, ways: Sequence[int], ratio: float = 1.0) -> set[tuple[int, int]]:
    """TP with each CP above 1 that leaves a chip less KV cache than a smaller CP of as many chips does.

    TP and TP x CP, the chips that share a layer, are both among `ways`. Of as many chips a larger CP has the
    same weights and FLOP, and larger merges. So where it leaves as many bytes of every kind of KV cache on a
    chip, as long as TP is below the KV heads, it is never better, and it is left out. Of what is left the
    ratio of one CP to the next is at least `ratio`, but for the largest.
    """
    found: set[tuple[int, int]] = set()
    for n in set(ways):
        kept: list[int] = []
        held = [_kv_on_a_chip(llm, n, 1)]
        for tp in sorted((t for t in set(ways) if t < n and n % t == 0), reverse=True):
            mine = _kv_on_a_chip(llm, tp, n // tp)
            if not any(all(a <= b * _ALIKE for a, b in zip(one, mine, strict=True)) for one in held):
                kept.append(n // tp)
                held.append(mine)
        found |= {(n // cp, cp) for cp in (_apart(kept, ratio) if kept else ())}
    return found


def _kv_on_a_chip(llm: api.Llm, tp: int, cp: int) -> tuple[float, ...]:
    """Elements of KV cache that a token leaves on a chip on average [1], by kind of attention."""
    return tuple(float(core.kv_elements) for core in mean_layer(llm, float(tp), cp=float(cp)).cores)


def all_spreads(llm: api.Llm) -> list[int]:
    """Expert-parallel ways that leave as many experts on every chip; one without experts."""
    return [n for n in range(1, llm.held_experts + 1) if llm.held_experts % n == 0] or [1]


def all_stages(llm: api.Llm) -> list[int]:
    """Pipeline stages that leave no stage with more layers than fewer stages would."""
    # ceil(layers / s) in the fullest of s stages; of equal depths the last stays, which has fewest stages
    deepest = {-(-llm.layers // s): s for s in range(llm.layers, 0, -1)}
    return sorted(deepest.values())


def batches(each: int) -> tuple[int, ...]:
    """Batch sizes up to the largest, `each` to an octave where they are whole."""
    octaves = range(MOST_BATCH.bit_length())
    # linear steps inside each octave, rounded down; the set drops doubles of the smallest octaves
    steps = {2**i * (each + k) // each for i in octaves for k in range(each)}
    return tuple(sorted(b for b in steps if b <= MOST_BATCH))


def check_deployments(spec: StudySpec, network: api.Llm) -> None:
    """Raise `SpecError` for ways and stages of a study that the LLM does not allow."""
    d = filled(spec.deployment, [network], fine=True)
    problems = [Problem("tp", bad_tp(tp, network)) for tp in d.tp if bad_tp(tp, network)]
    if deep := bad_pp(max(d.pp), network):
        problems.append(Problem("pp", deep))
    for cp in spec.deployment.cp or ():
        reasons = [bad_cp(cp, tp, network) for tp in d.tp]
        # a CP is wrong only where no TP of the study goes with it
        if all(reasons):
            problems.append(Problem("cp", reasons[0]))
    # TP with each CP of the study: chips that share a layer
    each = sorted({tp * cp for tp in d.tp for cp in d.cp if not bad_cp(cp, tp, network)} or set(d.tp))
    for ep in spec.deployment.ep or ():
        # EP above TP x CP spreads one set of experts over several replicas
        reasons = [bad_ep(ep, n, max(ep // n, 1), network) for n in each]
        # likewise
        if all(reasons):
            problems.append(Problem("ep", reasons[0]))
    # a TP that no EP goes with would silently be missing from the grid
    lost = [tp for tp in spec.deployment.tp or () if not any(ways(tp * cp, d.ep) for cp in d.cp)]
    problems += [Problem("ep", f"expected a divisor or a multiple of TP {n} as well, got none") for n in lost]
    if problems:
        raise SpecError(problems)


def check_splits(spec: StudySpec, stacks: Sequence[StackSpec]) -> None:
    """Raise `SpecError` for a CP that stacks of a study cannot, where a chip is left nothing.

    A chip whose stack cannot is tried at the CP 1 of the study.
    """
    given = spec.deployment.cp or (1,)
    unable = [stack for stack in stacks if not can_split(stack)]
    if max(given) > 1 and unable and (1 not in given or len(unable) == len(stacks)):
        names = ", ".join(dict.fromkeys(stack.name for stack in unable))
        what = f"expected 1, the stack {names} does not split KV cache along its tokens, got {max(given)}"
        raise SpecError([Problem("cp", what)])


def bad_tp(tp: int, llm: api.Llm) -> str:
    """Why `tp` does not split the heads of `llm`; the empty string when it does."""
    heads = llm.heads
    # 1 is a network of matrices, which has no heads
    if heads == 1 or heads % tp == 0 or tp % heads == 0:
        return ""
    divisors = ", ".join(str(d) for d in range(1, heads + 1) if heads % d == 0)
    return f"expected a divisor or a multiple of the {heads} heads of {llm.name} ({divisors}, ...), got {tp}"


def bad_cp(cp: int, tp: int, llm: api.Llm, stack: StackSpec | None = None) -> str:
    """Why the KV cache of `llm` cannot be split along its tokens over `cp` chips with `tp` ways of its heads.

    The empty string when it can; that of a stack counts where one is given.
    """
    if cp == 1:
        return ""
    if stack is not None and not can_split(stack):
        return f"expected 1, the stack {stack.name} does not split KV cache along its tokens, got {cp}"
    if not any(core.exchanged is not None for core in mean_layer(llm, 1.0, cp=2.0).cores):
        return f"expected 1, {llm.name} has no KV cache to split along its tokens, got {cp}"
    # matrices are split by heads over all chips of a layer
    if not bad_tp(tp * cp, llm):
        return ""
    most = max(cp, llm.heads // tp) * 2
    good = [n for n in range(1, most + 1) if not bad_tp(tp * n, llm)]
    near = sorted(sorted(good, key=lambda n: abs(n - cp))[:4])
    heads = f"a divisor or a multiple of the {llm.heads} heads of {llm.name}"
    return f"expected TP x CP to be {heads} (CP {', '.join(map(str, near))}, ...), got TP {tp} x CP {cp}"


def can_split(stack: StackSpec) -> bool:
    """Whether a stack can split the KV cache of a sequence along its tokens."""
    return bool(stack.context_parallel and stack.context_parallel.value)


def bad_pp(pp: int, llm: api.Llm) -> str:
    """Why `llm` cannot be cut into `pp` stages; the empty string when it can."""
    # a stage holds whole layers, so there are at most as many stages
    return f"expected at most the {llm.layers} layers of {llm.name}, got {pp}" if pp > llm.layers else ""


def bad_ep(ep: int, tp: int, dp: int, llm: api.Llm, name: str = "TP") -> str:
    """Why experts cannot be spread over `ep` chips of `dp` replicas; the empty string when they can.

    `tp` is the chips that share a layer, TP x CP, and `name` what a message calls them.
    """
    if ep == 1:
        return ""
    experts = llm.held_experts
    if not experts:
        return f"expected 1, {llm.name} has no experts, got {ep}"
    if ep > experts:
        more = f" with {experts - llm.expert_count} redundant ones" if experts > llm.expert_count else ""
        return f"expected at most the {experts} experts of {llm.name}{more}, got {ep}"
    # groups that share experts and tensor-parallel groups must nest, one in the other
    if tp % ep and ep % tp:
        return f"expected a divisor or a multiple of {name} {tp}, got {ep}"
    # whole sets of experts: the replicas divide into groups of EP / TP
    if ep > tp and dp % (ep // tp):
        return f"expected a divisor of {name} {tp} x DP {dp}, got {ep}"
    return ""


def layout_remarks(
    llm: api.Llm, stored: str, tp: int, cp: int, ep: int, stack: StackSpec | None = None
) -> list[str]:
    """What an engine may refuse or do badly in a layout that can be estimated, a sentence each.

    `stored` is the format of the weights; the stack says whether its KV cache can be split along its tokens.
    """
    found = (
        _across_blocks(llm, stored, tp * cp, ep),
        _unlike_experts(llm, ep),
        _kv_repeated(llm, tp, cp, stack),
    )
    return [text for text in found if text]


def _across_blocks(llm: api.Llm, stored: str, ways: int, ep: int) -> str:
    """Which widths of a chip do not fit the blocks that share a scale; the empty string where all do."""
    formats, found = parts_of(stored), []
    parts = [(formats["dense"], b.ffn.width, ways) for b in llm.blocks if b.ffn]
    for e in (b.experts for b in llm.blocks if b.experts):
        parts += [
            (formats["experts"], e.width, max(ways // ep, 1)),
            (formats["shared"], e.shared_width, ways),
        ]
    for name in dict.fromkeys(name for name, _, _ in parts if name in SCALE_BLOCKS):
        block = SCALE_BLOCKS[name]
        # what is not split is as the checkpoint has it
        odd = {width / n for own, width, n in parts if own == name and n > 1 and (width / n) % block}
        if odd:
            found.append(_odd_widths(odd, name, block))
    return "; ".join(found)


def _odd_widths(odd: Iterable[float], stored: str, block: int) -> str:
    widths = " and ".join(f"{width:,.6g}" for width in sorted(odd))
    return (
        f"widths of {widths} a chip are no multiple of {block}, the elements that share a scale in {stored} "
        "checkpoints: engines with block scales refuse them or pad"
    )


def _unlike_experts(llm: api.Llm, ep: int) -> str:
    """What to say where chips have unlike numbers of experts; the empty string where they have not."""
    odd = dict.fromkeys((b.experts.held, b.experts.redundant) for b in llm.blocks if b.experts)
    odd = {(held, more): None for held, more in odd if held % ep}
    if not odd:
        return ""
    counts = " and ".join(f"{held - more} + {more}" if more else f"{held}" for held, more in odd)
    most = -(-max(held for held, _ in odd) // ep)
    fitting = " or ".join(str(more + -held % ep) for held, more in odd)
    return (
        f"EP {ep} does not divide the {counts} experts of {llm.name}: the fullest chip holds {most}, and "
        f"engines refuse it; redundant_experts {fitting} in the workload, or by --set, makes them fit"
    )


def _kv_repeated(llm: api.Llm, tp: int, cp: int, stack: StackSpec | None) -> str:
    """What to say where chips keep the same KV cache; the empty string where each keeps its own."""
    if tp == 1 or stack is None or not can_split(stack):
        return ""
    copies = max((tp * there / alone for there, alone in _kv_of(llm, tp, cp) if alone), default=1.0)
    if copies < 2.0 / _ALIKE:
        return ""
    return (
        f"TP {tp} is beyond the KV heads of {llm.name}, whose cache lies {copies:,.3g} times over on its "
        f"chips: cp splits it along its tokens, as TP {tp / copies:,.3g} with CP {cp * copies:,.3g}"
    )


def _kv_of(llm: api.Llm, tp: int, cp: int) -> Iterable[tuple[float, float]]:
    """Elements of KV cache of a token on a chip of some layout, and on one that has all heads."""
    there, alone = _kv_on_a_chip(llm, tp, cp), _kv_on_a_chip(llm, 1, cp)
    return zip(there, alone, strict=True)


def splits(d: Lists) -> list[tuple[int, int]]:
    """TP and CP that go together, TP as the study lists it; those that do not are never candidates."""
    return [(tp, cp) for tp in d.tp for cp in d.cp if cp == 1 or d.sparing is None or (tp, cp) in d.sparing]


def triples(d: Lists) -> list[tuple[int, int, int]]:
    """TP, CP and EP that go together, TP as the study lists it."""
    return [(tp, cp, ep) for tp, cp in splits(d) for ep in ways(tp * cp, d.ep)]


def grid(d: Lists) -> api.Deployments:
    """Every deployment of some lists, shape (TP with CP and EP, PP, batch, 1), chips last.

    One replica each, or as many as share a set of experts.
    """
    tp, cp, ep = np.asarray(triples(d), dtype=float).T
    # as many replicas as share one set of experts
    return product(tp, ep, np.maximum(ep / (tp * cp), 1.0), d.pp, d.batch, cp)


def product(
    tp: Sequence[float],
    ep: Sequence[float],
    dp: Sequence[float],
    pp: Sequence[int],
    batch: Sequence[int],
    cp: Sequence[float] | None = None,
) -> api.Deployments:
    """All combinations of some (TP, EP, DP) with PP and batch, shape (layouts, PP, batch, 1).

    CP is 1 where it is left out.
    """
    own = {"tp": tp, "cp": np.ones(len(tp)) if cp is None else cp, "ep": ep, "dp": dp}
    return api.Deployments(
        **{name: np.asarray(a, dtype=float).reshape(-1, 1, 1, 1) for name, a in own.items()},
        pp=np.asarray(pp, dtype=float).reshape(1, -1, 1, 1),
        batch=np.asarray(batch, dtype=float).reshape(1, 1, -1, 1),
    )


def one(sizes: Mapping[str, float]) -> api.Deployments:
    """One deployment as a batch of one.

    `ep` and `cp` are 1 where left out, `dp` as many replicas as share experts.
    """
    ep, cp = sizes.get("ep", 1.0), sizes.get("cp", 1.0)
    # what is given wins over what follows from it
    given = {"ep": ep, "cp": cp, "dp": max(ep / (sizes["tp"] * cp), 1.0), **sizes}
    names = ("batch", "tp", "cp", "pp", "ep", "dp")
    return api.Deployments(**{k: np.asarray([float(given[k])]) for k in names})


def replicas(columns: Mapping[str, Floats]) -> Floats:
    """Replicas that share a set of experts, by the columns of deployments; one where none do."""
    found: Floats = np.maximum(columns["ep"] / (columns["tp"] * columns["cp"]), 1.0)
    return found


def ways(tp: int, ep: Iterable[int]) -> list[int]:
    """Those of `ep` that divide `tp`, the chips that share a layer, or are a multiple of it."""
    return [e for e in ep if tp % e == 0 or e % tp == 0]
