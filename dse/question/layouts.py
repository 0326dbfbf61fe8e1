"""Which ways of TP, EP and PP an LLM allows, and the grids that are made of them.

What a study leaves out of batch, TP, PP and EP is filled in: a search tries a coarse grid, and the best at a
target is solved on the fine one, which is that of `dse estimate`; so no list decides what it did not mean to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.errors import Problem, SpecError
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import DeploymentSpec, StudySpec
from objectives import api

MOST_TP, MOST_BATCH = 64, 4096
"""The widest group and the largest batch that are tried where a study lists no others."""

_APART = {"tp": 1.5, "pp": 1.3, "ep": 3.0}
"""Ratio between two values of a coarse grid at least; the largest value is always among them."""


@dataclass(frozen=True, kw_only=True)
class Lists:
    """Values of each size of a deployment, all given."""

    batch: tuple[int, ...]
    tp: tuple[int, ...]
    pp: tuple[int, ...]
    ep: tuple[int, ...]
    any_batch: bool = False
    """Whether batches between those of the list may be as well."""


def filled(d: DeploymentSpec, llms: Sequence[api.Llm], *, fine: bool) -> Lists:
    """The sizes of a study, those that it leaves out filled in with what all of `llms` allow."""

    def all_of(per_llm: Sequence[Sequence[int]], name: str) -> tuple[int, ...]:
        # a mix has one list of layouts: values that each of its LLMs allows
        shared = sorted(set(per_llm[0]).intersection(*per_llm[1:]))
        return tuple(shared if fine else _apart(shared, _APART[name]))

    return Lists(
        batch=d.batch or (batches(4) if fine else batches(2)),
        tp=d.tp or all_of([all_ways(llm) for llm in llms], "tp"),
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


def all_spreads(llm: api.Llm) -> list[int]:
    """Expert-parallel ways that leave as many experts on every chip; one without experts."""
    return [n for n in range(1, llm.expert_count + 1) if llm.expert_count % n == 0] or [1]


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


def check_deployments(spec: StudySpec, llm: LlmSpec) -> None:
    """Raise `SpecError` for ways and stages of a study that the LLM does not allow."""
    network = llm.resolve()
    d = filled(spec.deployment, [network], fine=True)
    problems = [Problem("tp", bad_tp(tp, network)) for tp in d.tp if bad_tp(tp, network)]
    if deep := bad_pp(max(d.pp), network):
        problems.append(Problem("pp", deep))
    for ep in spec.deployment.ep or ():
        # EP above TP spreads one set of experts over EP / TP replicas
        reasons = [bad_ep(ep, tp, max(ep // tp, 1), network) for tp in d.tp]
        # an EP is wrong only where no TP of the study goes with it
        if all(reasons):
            problems.append(Problem("ep", reasons[0]))
    # a TP that no EP goes with would silently be missing from the grid
    lost = [tp for tp in spec.deployment.tp or () if not ways(tp, d.ep)]
    problems += [Problem("ep", f"expected a divisor or a multiple of TP {n} as well, got none") for n in lost]
    if problems:
        raise SpecError(problems)


def bad_tp(tp: int, llm: api.Llm) -> str:
    """Why `tp` does not split the heads of `llm`; the empty string when it does."""
    heads = llm.heads
    # 1 is a network of matrices, which has no heads
    if heads == 1 or heads % tp == 0 or tp % heads == 0:
        return ""
    divisors = ", ".join(str(d) for d in range(1, heads + 1) if heads % d == 0)
    return f"expected a divisor or a multiple of the {heads} heads of {llm.name} ({divisors}, ...), got {tp}"


def bad_pp(pp: int, llm: api.Llm) -> str:
    """Why `llm` cannot be cut into `pp` stages; the empty string when it can."""
    # a stage holds whole layers, so there are at most as many stages
    return f"expected at most the {llm.layers} layers of {llm.name}, got {pp}" if pp > llm.layers else ""


def bad_ep(ep: int, tp: int, dp: int, llm: api.Llm) -> str:
    """Why experts cannot be spread over `ep` chips of `dp` replicas; the empty string when they can."""
    if ep == 1:
        return ""
    experts = llm.expert_count
    if not experts:
        return f"expected 1, {llm.name} has no experts, got {ep}"
    if ep > experts:
        return f"expected at most the {experts} experts of {llm.name}, got {ep}"
    # groups that share experts and tensor-parallel groups must nest, one in the other
    if tp % ep and ep % tp:
        return f"expected a divisor or a multiple of TP {tp}, got {ep}"
    # whole sets of experts: the replicas divide into groups of EP / TP
    if ep > tp and dp % (ep // tp):
        return f"expected a divisor of TP {tp} x DP {dp}, got {ep}"
    return ""


def pairs(d: Lists) -> list[tuple[int, int]]:
    """TP and EP that go together, TP as the study lists it; those that do not are never candidates."""
    return [(tp, ep) for tp in d.tp for ep in ways(tp, d.ep)]


def grid(d: Lists) -> api.Deployments:
    """Every deployment of some lists, shape (TP with EP, PP, batch, 1): one axis a subject, chips last.

    One replica each, or as many as share a set of experts.
    """
    tp, ep = np.asarray(pairs(d), dtype=float).T
    # as many replicas as share one set of experts
    return product(tp, ep, np.maximum(ep / tp, 1.0), d.pp, d.batch)


def product(
    tp: Sequence[float], ep: Sequence[float], dp: Sequence[float], pp: Sequence[int], batch: Sequence[int]
) -> api.Deployments:
    """All combinations of some (TP, EP, DP) with PP and batch, shape (layouts, PP, batch, 1)."""
    own = {"tp": tp, "ep": ep, "dp": dp}
    return api.Deployments(
        **{name: np.asarray(a, dtype=float).reshape(-1, 1, 1, 1) for name, a in own.items()},
        pp=np.asarray(pp, dtype=float).reshape(1, -1, 1, 1),
        batch=np.asarray(batch, dtype=float).reshape(1, 1, -1, 1),
    )


def one(sizes: Mapping[str, float]) -> api.Deployments:
    """One deployment as a batch of one; `ep` is 1 where left out, `dp` as many replicas as share experts."""
    ep = sizes.get("ep", 1.0)
    # what is given wins over what follows from it
    given = {"ep": ep, "dp": max(ep / sizes["tp"], 1.0), **sizes}
    return api.Deployments(**{k: np.asarray([float(given[k])]) for k in ("batch", "tp", "pp", "ep", "dp")})


def ways(tp: int, ep: Iterable[int]) -> list[int]:
    """Those of `ep` that divide `tp` or are a multiple of it."""
    return [e for e in ep if tp % e == 0 or e % tp == 0]
