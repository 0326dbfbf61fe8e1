"""One question under many assumptions at once: the variants are an axis of the batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.scenario.best_deployments import (
    DeploymentProblem,
    Ints,
    best_costs,
    costs,
    deployment_problem,
    evaluate,
    solve_on_grid,
)
from dse.decide.scenario.mix_parts import Layout, contexts_of, deployments_of
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Place, vary
from objectives import api


def varied(
    study: ResolvedStudy, values: Mapping[Place, float | str], candidates: Sequence[Candidate]
) -> ResolvedStudy:
    """The study with overrides of numbers, as far as `candidates` need it."""
    return vary(study, values, [c.label for c in candidates if c.branch is None])


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Variants that share a context, so that one call of the cost model evaluates them all."""

    problem: DeploymentProblem
    members: npt.NDArray[np.intp]
    chips: api.Chips
    """Shape (members x candidates,)."""


def _groups(
    studies: Sequence[ResolvedStudy],
    candidates: Sequence[Candidate],
    limits: Mapping[str, float],
    held: Mapping[str, Floats],
) -> Iterator[_Group]:
    """Studies that share their contexts, as one batch of chips each."""
    by_context: dict[tuple[api.Context, ...], list[int]] = {}
    for i, study in enumerate(studies):
        by_context.setdefault(contexts_of(study), []).append(i)
    for members in by_context.values():
        # held columns come second and replace those of the variant
        each = [{**chips_of_candidates(studies[i], candidates).columns(), **held} for i in members]
        columns = {name: np.concatenate([c[name] for c in each]) for name in each[0]}
        problem = deployment_problem(studies[members[0]], limits)
        yield _Group(problem=problem, members=np.asarray(members), chips=api.Chips.of(**columns))


def solve_variants(
    studies: Sequence[ResolvedStudy],
    candidates: Sequence[Candidate],
    grid: api.Deployments,
    limits: Mapping[str, float],
    held: Mapping[str, Floats] = MappingProxyType({}),
) -> tuple[Floats, Ints]:
    """Cost (variants, candidates) and best deployments (variants, candidates, parts) of every candidate.

    The deployments are chosen again in each variant. Infinite where nothing is feasible. `held` are columns
    of the candidates (candidates,) that no variant changes.
    """
    shape = (len(studies), len(candidates))
    parts = len(contexts_of(studies[0])) if studies else 1
    cost, index = np.empty(shape), np.empty((*shape, parts), dtype=np.intp)
    for group in _groups(studies, candidates, limits, held):
        found = solve_on_grid(group.problem, group.chips, grid)
        # chips of a group are stored variant by variant, the candidate changes fastest
        cost[group.members] = found.cost.reshape(-1, shape[1])
        index[group.members] = found.index.reshape(-1, *index.shape[1:])
    return cost, index


def best_of_variants(
    studies: Sequence[ResolvedStudy], candidates: Sequence[Candidate], limits: Mapping[str, float]
) -> Floats:
    """Cost (variants, candidates) of every candidate at its best deployment, as every verb chooses it."""
    out = np.empty((len(studies), len(candidates)))
    for group in _groups(studies, candidates, limits, {}):
        cost = best_costs(studies[group.members[0]], group.problem, group.chips)
        out[group.members] = cost.reshape(-1, len(candidates))
    return out


def tpots_of_variants(
    studies: Sequence[ResolvedStudy], candidate: Candidate, layout: Layout, limits: Mapping[str, float]
) -> Floats:
    """TPOT of a chip under one `layout` in every variant (variants,) [s], of a mix the slowest part's."""
    out = np.empty(len(studies))
    for group in _groups(studies, [candidate], limits, {}):
        designs = [api.Designs.of(chips=group.chips, deployments=d) for d in deployments_of(layout)]
        # one deployment, of shape (1,), broadcasts against all variants
        tpot = np.asarray(evaluate(group.problem, designs).tpot_s)
        out[group.members] = np.broadcast_to(tpot, (group.chips.size,))
    return out


def costs_of_variants(
    studies: Sequence[ResolvedStudy],
    candidates: Sequence[Candidate],
    layout: Layout,
    limits: Mapping[str, float],
) -> Floats:
    """Cost of every candidate under the one `layout` in every variant, shape (variants, n)."""
    n = len(candidates)
    out = np.empty((len(studies), n))
    for group in _groups(studies, candidates, limits, {}):
        designs = [api.Designs.of(chips=group.chips, deployments=d) for d in deployments_of(layout)]
        out[group.members] = costs(group.problem, designs).reshape(len(group.members), n)
    return out
