"""The layouts of one chip: which of its sizes are given, why they cannot be, and which are tried."""

from collections.abc import Mapping, Sequence

from dse.errors import Problem, SpecError
from dse.question.layouts import (
    all_spreads,
    all_ways,
    bad_cp,
    bad_ep,
    bad_pp,
    bad_tp,
    can_split,
    sparing,
)
from dse.spec.schema.system import StackSpec
from objectives import api

Given = Mapping[str, int | None]
"""Sizes of a deployment by name; None where one is left out."""


def check_layout(given: Given, llm: api.Llm, stack: StackSpec) -> None:
    """Raise `SpecError` for ways and sizes that cannot be."""
    problems = [
        Problem(f"--{name}", f"expected at least 1, got {value}")
        for name, value in given.items()
        if value is not None and value < 1
    ]
    # a number below 1 was named above, and would divide nothing here
    known = {name: value for name, value in given.items() if value is not None and value > 0}
    if "tp" in known and (why := bad_tp(known["tp"], llm)):
        problems.append(Problem("--tp", why))
    if "cp" in known and (why := _bad_cp(known, llm, stack)):
        problems.append(Problem("--cp", why))
    if "pp" in known and (why := bad_pp(known["pp"], llm)):
        problems.append(Problem("--pp", why))
    if "ep" in known and (why := _bad_ep(known, llm, stack)):
        problems.append(Problem("--ep", why))
    if problems:
        raise SpecError(problems)


def _bad_cp(known: Mapping[str, int], llm: api.Llm, stack: StackSpec) -> str:
    """Why KV cache cannot be split so, whatever is left out; the empty string when it can."""
    # a split is refused only where no TP goes with it
    reasons = [
        bad_cp(known["cp"], t, llm, stack) for t in ([known["tp"]] if "tp" in known else all_ways(llm))
    ]
    return "" if "" in reasons else reasons[0]


def _bad_ep(known: Mapping[str, int], llm: api.Llm, stack: StackSpec) -> str:
    """Why experts cannot be spread so, whatever is left out; the empty string when they can."""
    ep, dp = known["ep"], known.get("dp")
    name = "TP x CP" if known.get("cp", 1) > 1 else "TP"
    # a spread is refused only where no TP goes with it
    reasons = [
        bad_ep(ep, n, dp or max(ep // n, 1), llm, name)
        for n in sorted({t * c for t, c in _splits(known.get("tp"), known.get("cp"), llm, stack)})
    ]
    return "" if not reasons or "" in reasons else reasons[0]


def _splits(tp: int | None, cp: int | None, llm: api.Llm, stack: StackSpec) -> list[tuple[int, int]]:
    """TP and CP that go together, in the order of TP."""
    ways = [tp] if tp else all_ways(llm)
    if cp:
        return [(t, cp) for t in ways if not bad_cp(cp, t, llm, stack)]
    found = sparing(llm, ways) if can_split(stack) else set()
    return sorted({(t, 1) for t in ways} | found)


def layouts_of(
    given: Given, llm: api.Llm, stack: StackSpec, groups: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """TP, CP, EP and DP that go together; `groups` are replicas, or sets that share experts, to be tried."""
    ep, dp = given["ep"], given["dp"]
    # replicas come in groups that share one set of experts
    found = [
        (t, c, e, dp or n * max(e // (t * c), 1))
        for t, c in _splits(given["tp"], given["cp"], llm, stack)
        for e in ([ep] if ep else all_spreads(llm))
        for n in (groups if not dp else (1,))
    ]
    return [(t, c, e, d) for t, c, e, d in found if not bad_ep(e, t * c, d, llm)]
