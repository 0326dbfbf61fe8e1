"""Layouts that a study allows a pool."""

import numpy as np

from dse.evaluate.batch import grid_of
from dse.evaluate.pools.layouts import TIMES, part_of
from dse.question.layouts import filled, grid
from dse.question.resolved_study import ResolvedStudy
from objectives import api


def fine_layouts(role: str, study: ResolvedStudy) -> tuple[api.Deployments, bool]:
    """Every layout of a pool between those of the coarse grid too, shape (n,), and whether any batch may be.

    Of pools other than prefill and decode the coarse grid: their pairs are evaluated one by one.
    """
    if role not in ("prefill", "decode"):
        return grid_of_pool(role, study).reshape(-1), False
    lists = study.fine_lists
    return grid(lists).reshape(-1), role == "decode" and lists.any_batch


def grid_of_pool(role: str, study: ResolvedStudy) -> api.Deployments:
    """Every layout of a pool that a study allows, shape (layouts, PP, batch, 1), chips last."""
    if role in ("prefill", "decode"):
        return grid_of(study, 2)
    # what the part of the LLM allows that the pool holds
    split = study.lists.sparing is not None
    lists = filled(study.spec.deployment, [part_of(role, study.context.llm)], fine=False, split=split)
    made = grid(lists)
    if role not in TIMES:
        return made
    # several replicas of one pool feed those of the other
    count, many = made.tp.shape[0], np.asarray(TIMES[role], dtype=float)
    times = np.tile(many, count).reshape(-1, 1, 1, 1)
    own = {name: np.repeat(a, len(many), axis=0) for name, a in made.columns().items() if a.shape[0] == count}
    own["dp"] = times * np.repeat(made.dp, len(many), axis=0)
    return made.replace(**own)
