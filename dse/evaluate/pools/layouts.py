"""Layouts that a pool may have, by what it does."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from dse.errors import Problem, SpecError
from dse.evaluate.pools.argument import SIZES, PoolArgument
from dse.question.layouts import (
    all_spreads,
    all_stages,
    all_ways,
    bad_cp,
    bad_ep,
    bad_pp,
    bad_tp,
    batches,
    can_split,
    sparing,
)
from dse.spec.schema.system import StackSpec
from objectives import api
from objectives.equations.llm.parts import attention_part, ffn_part

ATTENTION_REPLICAS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Replicas of attention that are tried for each replica of FFN."""
VERIFY_REPLICAS = (1, 2, 4, 8, 16, 32, 64)
"""Replicas that verify that are tried."""
DRAFT_REPLICAS = (1, 2, 4, 8)
"""Replicas that draft that are tried for them."""
PROMPTS = (1, 4, 4096)
"""Prompts of a pass that are tried for a pool that prefills, where their rows fit."""


TIMES = {"attention": ATTENTION_REPLICAS, "verify": VERIFY_REPLICAS, "draft": DRAFT_REPLICAS}
"""Replicas that are tried, by role, for pools whose replicas need not be as many as those of the other."""


def part_of(role: str, llm: api.Llm) -> api.Llm:
    """The part of an LLM that a pool holds."""
    return {"attention": attention_part, "ffn": ffn_part}.get(role, lambda whole: whole)(llm)


def check_sizes(pool: PoolArgument, llm: api.Llm, stack: StackSpec) -> None:
    """Raise `SpecError` for sizes that the LLM, or the stack of the pool, does not allow."""
    part, sizes = part_of(pool.role, llm), pool.sizes
    tp, cp = sizes.get("tp", 1), sizes.get("cp", 1)
    reasons = {
        "tp": bad_tp(tp, part) if "tp" in sizes else "",
        "cp": bad_cp(cp, tp, part, stack) if "cp" in sizes else "",
        "pp": bad_pp(sizes["pp"], part) if "pp" in sizes else "",
    }
    if "ep" in sizes:
        ways = [tp * cp] if "tp" in sizes else [t * cp for t in all_ways(part)]
        found = [bad_ep(sizes["ep"], t, sizes.get("dp") or max(sizes["ep"] // t, 1), part) for t in ways]
        reasons["ep"] = "" if "" in found else found[0]
    if pool.role == "prefill" and "dp" in sizes:
        reasons["dp"] = "expected none for prefill, whose replicas follow from the requests"
    if pool.role == "ffn" and "batch" in sizes:
        reasons["batch"] = "expected none for ffn, whose rows are those of the attention replicas"
    if pool.role == "draft" and "batch" in sizes:
        reasons["batch"] = "expected none for draft, whose sequences are those of the replicas that verify"
    problems = [Problem(pool.where, f"{name}: {why}") for name, why in reasons.items() if why]
    if problems:
        raise SpecError(problems)


def layouts_of(pool: PoolArgument, llm: api.Llm, stack: StackSpec) -> api.Deployments:
    """Every layout of a pool that is tried, what is given held; shape (n,)."""
    rows = sorted(set(_rows(pool, part_of(pool.role, llm), stack)))
    columns = np.asarray(rows, dtype=float).T
    return api.Deployments(**dict(zip(SIZES, columns, strict=True)))


def _rows(pool: PoolArgument, part: api.Llm, stack: StackSpec) -> Iterator[tuple[int, ...]]:
    """Sizes of every layout, in the order of `SIZES`."""
    given = pool.sizes
    sizes = _batches(pool.role) if "batch" not in given else [given["batch"]]
    stages = [given["pp"]] if "pp" in given else all_stages(part)
    spreads = [given["ep"]] if "ep" in given else all_spreads(part)
    times = TIMES.get(pool.role, (1,))
    for (tp, cp), ep in product(_splits(pool, part, stack), spreads):
        for n in times:
            dp = given.get("dp") or n * max(ep // (tp * cp), 1)
            if bad_ep(ep, tp * cp, dp, part):
                continue
            for pp, batch in product(stages, sizes):
                yield batch, tp, cp, pp, ep, dp


def _splits(pool: PoolArgument, part: api.Llm, stack: StackSpec) -> list[tuple[int, int]]:
    """TP with CP: one, and those that spare KV cache where the stack can split it."""
    given = pool.sizes
    ways = [given["tp"]] if "tp" in given else all_ways(part)
    found = [(tp, 1) for tp in ways]
    if "cp" in given:
        return [(tp, given["cp"]) for tp in ways if not bad_cp(given["cp"], tp, part, stack)]
    return found + (sorted(sparing(part, ways)) if can_split(stack) and part.heads > 1 else [])


def _batches(role: str) -> list[int]:
    if role in ("ffn", "draft"):
        return [1]  # not read: its rows are those of the other pool
    # batches between those of the grid are tried around the best
    return list(PROMPTS) if role == "prefill" else list(batches(2))
