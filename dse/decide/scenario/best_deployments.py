"""The best deployment of every chip of a batch under latency targets, exactly, over the whole grid.

A chip that serves a mix gets the best deployment of each part; limits hold for every part and for the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.choose import rule
from dse.choose.solve import Found, Question, best_deployments
from dse.decide.scenario.mix_parts import SIZES, Layout, layout_at, parts_of, whole_metrics
from dse.question.layouts import Lists, grid
from dse.question.resolved_study import Member, ResolvedStudy
from objectives import api
from objectives.arrays import Array

Ints = npt.NDArray[np.intp]

BLOCK = 1 << 20
"""Points evaluated in one call; the arrays of a cost model then stay at some hundred megabytes."""


@dataclass(frozen=True, kw_only=True)
class DeploymentProblem:
    """What counts as best: the goal, and the limits that must be met."""

    parts: tuple[Member, ...]
    """What a chip must serve, see `parts_of`."""
    cost_model: api.CostModel
    goal: api.Objective
    limits: rule.Limits
    """Objective and the worst value that is accepted; a part of a mix has those of its workload too."""

    @property
    def context(self) -> api.Context:
        """Of the first part, in which objectives of the whole are evaluated, as in the search."""
        return self.parts[0].context

    def violations(self, metrics: api.Metrics, context: api.Context | None = None) -> dict[str, Array]:
        """Every named constraint and every limit, each in its own unit, feasible where <= 0."""
        return rule.violations(metrics, context or self.context, self.limits)


def deployment_problem(study: ResolvedStudy, limits: Mapping[str, float] | None = None) -> DeploymentProblem:
    """The question of a study: its goal, its targets, and `limits` by name of objective; the tighter wins."""
    given = tuple((study.bounded(name), limit) for name, limit in (limits or {}).items())
    return DeploymentProblem(
        parts=parts_of(study),
        cost_model=study.cost_model,
        goal=study.goal,
        limits=rule.merged(study.limits, given),
    )


@dataclass(frozen=True, kw_only=True)
class GridOptimum:
    """The best deployment of each chip."""

    cost: Floats
    """The goal (chips,), smaller is better whatever its direction; infinite where nothing is feasible."""
    index: Ints
    """Deployment of each part in the flattened grid (chips, parts): the best feasible one, else the one that
    misses by least."""

    @property
    def feasible(self) -> npt.NDArray[np.bool_]:
        """True where a deployment meets everything."""
        return np.isfinite(self.cost)


def study_grid(study: ResolvedStudy) -> api.Deployments:
    """Every deployment that a search of the study tries."""
    return grid(study.lists)


def solve_on_grid(problem: DeploymentProblem, chips: api.Chips, grid: api.Deployments) -> GridOptimum:
    """The best deployments of `grid` for each of `chips` of shape (n,), in blocks of bounded size."""
    n, deployments = chips.size, grid.size
    # one chip at least, even where its grid is larger than a block
    step = max(1, BLOCK // deployments)
    cost, index = np.empty(n), np.empty((n, len(problem.parts)), dtype=np.intp)
    for start in range(0, n, step):
        part = slice(start, min(n, start + step))
        block = api.Chips.of(**{k: np.broadcast_to(a, (n,))[part] for k, a in chips.columns().items()})
        cost[part], index[part] = _block(problem, block, grid)
    return GridOptimum(cost=cost, index=index)


def _block(problem: DeploymentProblem, chips: api.Chips, grid: api.Deployments) -> tuple[Floats, Ints]:
    """Cost and best deployments of some chips; chosen jointly where parts break a shared limit."""
    # parts share nothing but the chip, so each is solved by itself first
    each = [_part_optimum(problem, part, chips, grid) for part in problem.parts]
    index = np.stack([a.index for a in each], axis=1)
    # with one part nothing is shared, and the best of the part is that of the whole
    if len(each) == 1:
        return each[0].cost, index
    cost = costs(problem, designs_at(chips, grid, index))
    feasible_alone = np.all([np.isfinite(a.cost) for a in each], axis=0)
    for chip in np.flatnonzero(feasible_alone & ~np.isfinite(cost)):
        # Each part is feasible alone, but the whole breaks a limit on a sum, such as capital.
        cost[chip], index[chip] = _jointly_best(problem, chips, grid, each, int(chip))
    return cost, index


@dataclass(frozen=True, kw_only=True, eq=False)
class _PartOptimum:
    """Every deployment of some chips for one part, as if the chips served nothing else."""

    capital: Floats
    """(deployments, chips) [USD]."""
    costs: Floats
    """The goal (deployments, chips), smaller is better, infinite where infeasible."""
    index: Ints
    """The best deployment of each chip (chips,)."""

    @property
    def cost(self) -> Floats:
        """The goal of the best deployment of each chip (chips,)."""
        return np.asarray(np.take_along_axis(self.costs, self.index[np.newaxis], axis=0)[0])

    def choices(self, chip: int) -> Ints:
        """Feasible deployments of a chip that are the cheapest for their capital, the cheapest first."""
        # lexsort takes its last key first: by cost, and among equal costs by capital
        order = np.lexsort((self.capital[:, chip], self.costs[:, chip]))
        order = order[np.isfinite(self.costs[order, chip])]
        # parts compete for capital alone, so only the trade-off of cost and capital can be part of the best
        least = np.minimum.accumulate(self.capital[order, chip])
        return np.asarray(order[np.concatenate([[True], self.capital[order, chip][1:] < least[:-1]])])


def _part_optimum(
    problem: DeploymentProblem, part: Member, chips: api.Chips, grid: api.Deployments
) -> _PartOptimum:
    """Evaluate every deployment of `grid` on `chips` for one part."""
    designs = api.Designs.of(chips=chips, deployments=grid)
    metrics = problem.cost_model.evaluate(designs, part.context)
    # limits of the question hold for every part, those of a workload for its own
    limits = rule.merged(problem.limits, part.limits)
    found = rule.judged(metrics, part.context, problem.goal, limits, designs.shape)
    capital = np.broadcast_to(np.asarray(metrics.capex_usd), designs.shape).reshape(found.cost.shape)
    costs = np.where(found.feasible, positive_cost(problem.goal, found.cost), np.inf)
    return _PartOptimum(capital=capital, costs=costs, index=rule.best(found))


def _jointly_best(
    problem: DeploymentProblem,
    chips: api.Chips,
    grid: api.Deployments,
    each: Sequence[_PartOptimum],
    chip: int,
) -> tuple[float, Ints]:
    """The best of all pairs (triples, ...) of deployments of one chip; capital is what parts compete for."""
    # exact: every combination of what `choices` leaves, evaluated in one call
    index = np.asarray(list(product(*(a.choices(chip) for a in each))), dtype=np.intp)
    # the same chip once for each combination
    own = {k: np.broadcast_to(a, (chips.size,))[[chip] * len(index)] for k, a in chips.columns().items()}
    cost = costs(problem, designs_at(api.Chips.of(**own), grid, index))
    best = int(np.argmin(cost))
    return float(cost[best]), index[best]


def best_layouts(
    study: ResolvedStudy, problem: DeploymentProblem, chips: api.Chips, tolerance: float = 0.0
) -> tuple[Floats, list[Layout]]:
    """The goal and the deployments of `chips` (n,) at the limits of `problem`, chosen as by `dse estimate`.

    On the fine grid and between its batches; of systems within `tolerance` the smallest. Those of a mix are
    chosen on the grid of the search. Infinite where nothing is feasible; the deployment then misses by least.
    """
    if study.members:
        coarse = study_grid(study)
        found = solve_on_grid(problem, chips, coarse)
        # `Question` has one context, so the fine grid cannot serve the parts of a mix
        return found.cost, [layout_at(coarse, index) for index in found.index]
    best = _chosen(problem, chips, study.fine_lists, tolerance)
    columns = {name: np.asarray(getattr(best.deployments, name)) for name in SIZES}
    layouts = [({name: int(a[i]) for name, a in columns.items()},) for i in range(chips.size)]
    return np.where(best.feasible, positive_cost(problem.goal, best.cost), np.inf), list(layouts)


def best_costs(
    study: ResolvedStudy,
    problem: DeploymentProblem,
    chips: api.Chips,
    sizes: Mapping[str, int] = MappingProxyType({}),
    tolerance: float | None = None,
) -> Floats:
    """The goal of `chips` (n,) at the limits of `problem`, deployments chosen as `best_layouts` chooses them.

    Of systems within the tolerance, that of the study unless another is given, the smallest. `sizes` holds
    some of batch, TP, PP and EP. Infinite where nothing is feasible.
    """
    if study.members:
        return solve_on_grid(problem, chips, grid(with_sizes(study.lists, sizes))).cost
    # a batch that is held is a list of one, which also stops the refinement between batches
    lists = with_sizes(study.fine_lists, sizes)
    best = _chosen(problem, chips, lists, study.spec.tolerance if tolerance is None else tolerance)
    return np.where(best.feasible, positive_cost(problem.goal, best.cost), np.inf)


def with_sizes(lists: Lists, sizes: Mapping[str, int]) -> Lists:
    """Lists of batch, TP, PP and EP with some of them fixed at the one value in `sizes`."""

    def fixed(name: str, values: tuple[int, ...]) -> tuple[int, ...]:
        return (sizes[name],) if name in sizes else values

    return replace(
        lists,
        batch=fixed("batch", lists.batch),
        tp=fixed("tp", lists.tp),
        pp=fixed("pp", lists.pp),
        ep=fixed("ep", lists.ep),
    )


def _chosen(problem: DeploymentProblem, chips: api.Chips, lists: Lists, tolerance: float) -> Found:
    """The best deployment of each chip under the targets of the problem."""
    # for one part: those of a mix are solved on the grid of the search
    question = Question(
        cost_model=problem.cost_model,
        context=problem.context,
        goal=problem.goal,
        tolerance=tolerance,
        any_batch=lists.any_batch,
    )
    (best,) = best_deployments(question, chips, grid(lists), [problem.limits])
    return best


def positive_cost(goal: api.Objective, cost: Floats) -> Floats:
    """A cost, see `choose.cost_of`, as something above 0 to be made small: one over what is maximised."""
    return cost if goal.direction == "minimize" else -1.0 / cost


def designs_at(chips: api.Chips, grid: api.Deployments, index: Ints) -> tuple[api.Designs, ...]:
    """Each chip under its own deployments `index` (n, parts): designs of shape (n,) for each part."""
    flat = grid.reshape(-1).columns()
    return tuple(
        api.Designs.of(
            chips=chips, deployments=api.Deployments(**{k: np.asarray(a)[at] for k, a in flat.items()})
        )
        # (n, parts) by columns: the places of one part for all chips
        for at in index.T
    )


def designs_of(chips: api.Chips, layouts: Sequence[Layout]) -> tuple[api.Designs, ...]:
    """Each chip under its own layout: designs of shape (n,) for each part."""
    found = []
    for part in zip(*layouts, strict=True):
        sizes = {name: np.asarray([float(d[name]) for d in part]) for name in SIZES}
        # EP beyond TP needs several replicas that share one set of experts
        spread = np.maximum(sizes["ep"] / sizes["tp"], 1.0)
        found.append(api.Designs.of(chips=chips, deployments=api.Deployments(**sizes, dp=spread)))
    return tuple(found)


def evaluate(problem: DeploymentProblem, designs: Sequence[api.Designs]) -> api.Metrics:
    """Metrics of chips that serve all parts, given their designs for each part; of one part, its own."""
    each = [_with_workload_targets(problem, part, d) for part, d in zip(problem.parts, designs, strict=True)]
    return whole_metrics(problem.parts, designs, each)


def _with_workload_targets(problem: DeploymentProblem, part: Member, designs: api.Designs) -> api.Metrics:
    """Metrics of one part, the targets of its workload among its constraints."""
    metrics = problem.cost_model.evaluate(designs, part.context)
    # limits of the question are judged by the caller, on the whole
    return replace(metrics, violations=rule.violations(metrics, part.context, part.limits))


def costs(problem: DeploymentProblem, designs: Sequence[api.Designs]) -> Floats:
    """The goal of designs of shape (n,), smaller is better, infinite where one violates anything."""
    metrics, shape = evaluate(problem, designs), designs[0].shape
    goal = np.broadcast_to(np.asarray(problem.goal.value(metrics, problem.context), dtype=float), shape)
    # goals and conditions that do not depend on the design are single numbers
    met = [np.broadcast_to(np.asarray(v), shape) <= 0.0 for v in problem.violations(metrics).values()]
    return np.where(
        np.all(met, axis=0), positive_cost(problem.goal, rule.cost_of(problem.goal, goal)), np.inf
    )
