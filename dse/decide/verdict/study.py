"""Verdicts of a study: which kind of chip wins at each target under each software, and what turns it.

Every chip of the study's front, every baseline and a coarse grid of the space are evaluated under all three,
each with its best deployments. A local search starts from the best of each kind under each software, see
`dse.decide.verdict.multi_start`, and what it finds is evaluated under the others too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.branch import chip_kind
from dse.chips.price_basis import group_of
from dse.choose.rule import cost_of, late
from dse.decide.propose.candidates import (
    Candidate,
    chips_of_candidates,
    of_baselines,
    of_front,
    of_grid,
    parameter_values,
)
from dse.decide.scenario.best_deployments import deployment_problem, positive_cost, solve_on_grid, study_grid
from dse.decide.scenario.evaluation import replicas_share_experts, trust_of
from dse.decide.verdict.by_software import (
    Dependence,
    Flip,
    Verdict,
    Verdicts,
    dependence,
    flip_of,
    largest_layer_s,
    nobody,
    within,
)
from dse.decide.verdict.multi_start import Costs, multi_start_search
from dse.evaluate.batch import axis_of
from dse.front.files import Front
from dse.plugins import interval_of
from dse.question.resolved_study import ResolvedStudy, resolve_study
from dse.question.unanchored import price_bases_in, unanchored_in
from dse.search.analysis.at_targets import on_fine_grid
from dse.search.sweep.start import chips_of
from dse.spec.schema.software import SOFTWARE, Software
from objectives import api
from objectives.arrays import Array

GRID = 64
"""Grid chips of each branch, which represent its kind where a search kept none."""
DESIGNS = 20_000_000
"""Designs after which a local search ends: ten times what one of the bundled studies takes."""
BLOCK = 1 << 16
"""Points evaluated in one call: their columns stay in the cache of a core."""
CONTENDERS = 32
"""Best chips of each kind at each target whose deployments are solved on the fine grid, and all baselines."""
KEEP = 4
"""Best chips of each kind at each end of the range of times a layer, with which a flip is solved."""


Progress = Callable[[int, int], None]
"""Called with the kinds of software that are searched, and all of them."""


def compares_kinds(study: ResolvedStudy) -> bool:
    """Whether a study sets chips of several storage kinds against each other, under all kinds of software.

    One whose targets have a probability does not: `equal` and `ideal` state no error bar.
    """
    if study.spec.confidence is not None:
        return False
    kinds = {b.kind for b in study.branches.values()} | {chip_kind(c) for c in study.baselines.values()}
    return len(kinds) > 1


def under_software(study: ResolvedStudy, software: Software) -> ResolvedStudy:
    """The same question under other software; stacks that it names are those that are sold."""
    if study.spec.software == software:
        return study
    changes: dict[str, object] = {"software": software, "settings": None}  # the catalog holds what is set
    if software != "as-sold":
        changes |= {"stack": None, "stacks": {}}
    return resolve_study(study.spec.model_copy(update=changes), study.path, study.setting.catalog, study.case)


def study_verdicts(study: ResolvedStudy, front: Front, progress: Progress | None = None) -> Verdicts:
    """The verdicts of a study whose front under its own software is `front`, at its own targets."""
    return _verdicts(study, front, _targets(front), progress=progress)


def verdicts_at(
    study: ResolvedStudy, front: Front, limits: Mapping[str, float], with_unanchored: bool = False
) -> Verdicts:
    """The same at `limits` [SI, by objective]; unanchored chips may win with `with_unanchored`."""
    # the first limit is the target of the verdicts; the others hold as well
    name, others = next(iter(limits), None), dict(list(limits.items())[1:])
    return _verdicts(study, front, (name, [limits[name] if name else None]), others, with_unanchored)


def _verdicts(
    study: ResolvedStudy,
    front: Front,
    targets: tuple[str | None, list[float | None]],
    others: Mapping[str, float] | None = None,
    with_unanchored: bool = False,
    progress: Progress | None = None,
) -> Verdicts:
    """Verdicts over the chips of the front, the baselines, a grid, and what local searches add to them."""
    by_software = {s: under_software(study, s) for s in SOFTWARE}
    name, limits = targets
    bounds = [
        {**(others or {}), **({} if name is None or limit is None else {name: limit})} for limit in limits
    ]
    candidates = _candidates(study, front)
    unanchored = {} if with_unanchored else unanchored_in(study)
    # what may not win needs no search around it
    start = [c for c in candidates if (c.branch or c.label) not in unanchored]
    open_to = [name for name in study.branches if name not in unanchored]
    questions = [*by_software.values()] if open_to else []
    # what is found under one software is a candidate under all
    for done, question in enumerate(questions):
        if progress is not None:
            progress(done, len(questions))
        found = _costs(question, chips_of_candidates(question, start), bounds)
        better = multi_start_search(
            question,
            start,
            found,
            _cost_function(question, bounds),
            open_to,
            DESIGNS // study_grid(question).size,
        )
        start, candidates = [*start, *better], [*candidates, *better]
    return _judged(by_software, study, candidates, limits, bounds, unanchored)


def _cost_function(study: ResolvedStudy, bounds: Sequence[Mapping[str, float]]) -> Costs:
    return lambda chips: _costs(study, chips_of_candidates(study, chips), bounds)


def _candidates(study: ResolvedStudy, front: Front) -> list[Candidate]:
    """The distinct chips of the front, the baselines, and a coarse grid; a mix does without the grid."""
    own = of_front(study, front) if len(front.frame) else ()
    # without the baselines on the front: all of them follow
    searched = [c for c in own if c.branch is not None]
    grid = () if study.members else of_grid(study, chips_of(GRID, study_grid(study).size))
    return [*searched, *of_baselines(study), *grid]


def _targets(front: Front) -> tuple[str | None, list[float | None]]:
    """The objective with the most targets and these; (None, [None]) where the study has none."""
    limits_by_name = {
        name: v if isinstance(v, list) else [v] for name, v in front.manifest.get("targets", {}).items()
    }
    # sorted first: of equally many targets the first name, in whatever order a manifest has them
    name = max(sorted(limits_by_name), key=lambda n: len(limits_by_name[n]), default=None)
    if name is None or not limits_by_name[name]:
        return None, [None]
    # a fixed target may be among those to report, too
    limits: list[float | None] = [*sorted({float(v) for v in limits_by_name[name]})]
    return name, limits


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Chips that rank against each other: of one price basis, anchored unless unanchored chips may win."""

    name: str
    candidates: list[Candidate]

    @property
    def kinds(self) -> list[str]:
        """Storage kinds among them."""
        return sorted({c.kind for c in self.candidates})

    def of(self, kind: str) -> list[int]:
        """Places of the chips of a kind."""
        return [i for i, c in enumerate(self.candidates) if c.kind == kind]


def _groups(
    study: ResolvedStudy, candidates: Sequence[Candidate], unanchored: Mapping[str, str]
) -> list[_Group]:
    """Groups of candidates by price basis; those of one storage kind only where there are no others."""
    found: dict[str, list[Candidate]] = {}
    bases = price_bases_in(study)
    for c in candidates:
        name = c.branch or c.label
        if name not in unanchored:
            found.setdefault(group_of(bases[name]), []).append(c)
    groups = [_Group(name=name, candidates=each) for name, each in found.items()]
    return [g for g in groups if len(g.kinds) > 1] or groups


def _judged(
    by_software: Mapping[Software, ResolvedStudy],
    study: ResolvedStudy,
    candidates: Sequence[Candidate],
    limits: Sequence[float | None],
    bounds: Sequence[Mapping[str, float]],
    unanchored: Mapping[str, str],
) -> Verdicts:
    """Verdicts of each group of chips at each limit, with the layer time at which the winner changes."""
    top = largest_layer_s(study.setting.catalog)
    verdicts: list[Verdict] = []
    depends: list[Dependence] = []
    for group in _groups(study, candidates, unanchored):
        chips = {s: chips_of_candidates(by_software[s], group.candidates) for s in SOFTWARE}
        costs = {s: _costs(by_software[s], chips[s], bounds) for s in SOFTWARE}
        solved = {s: _solved(by_software[s], group, chips[s], costs[s], bounds) for s in SOFTWARE}
        slow: Floats | None = None
        for i, limit in enumerate(limits):
            each = [_verdict(by_software[s], s, group, (limit, bounds[i]), solved[s][i]) for s in SOFTWARE]
            flips = len({v.kind for v in each}) > 1
            # at most once for a group, since all limits share it
            if flips and slow is None:
                slow = _costs(by_software["ideal"], _slower(chips["ideal"], np.asarray([top])), bounds)
            # coarse costs at both ends: `solved` is on another grid, and slow chips are not solved there
            ends = None if slow is None else np.stack([costs["ideal"][i], slow[i]])
            flip = _flip(by_software["ideal"], group, chips["ideal"], bounds[i], ends, top) if flips else None
            verdicts += each
            depends.append(dependence(limit, group.name, [(v.kind, v.tied_with) for v in each], flip, top))
    return Verdicts(verdicts=tuple(verdicts), dependence=tuple(depends))


def _costs(study: ResolvedStudy, chips: api.Chips, bounds: Sequence[Mapping[str, float]]) -> Floats:
    """Cost of each chip at its best under each of some limits, shape (limits, chips).

    Chips that serve one LLM are evaluated once for all limits.
    """
    grid = study_grid(study)
    if study.members:
        return np.stack(
            [solve_on_grid(deployment_problem(study, bound), chips, grid).cost for bound in bounds]
        )
    n, step = chips.size, max(1, BLOCK // grid.size)
    limits_of, out = [deployment_problem(study, bound).limits for bound in bounds], np.empty((len(bounds), n))
    for start in range(0, n, step):
        part = slice(start, min(n, start + step))
        block = api.Chips.of(**{k: np.broadcast_to(a, (n,))[part] for k, a in chips.columns().items()})
        designs = api.Designs.of(chips=block, deployments=grid)
        metrics = study.cost_model.evaluate(designs, study.context)
        # capacity and manufacture do not depend on the limits, so they are judged once
        fits = _met(metrics.violations, designs.shape)
        value = study.goal.value(metrics, study.context)
        cost = np.broadcast_to(positive_cost(study.goal, cost_of(study.goal, value)), designs.shape)
        for i, limits in enumerate(limits_of):
            intime = fits & _met(late(metrics, study.context, limits), designs.shape)
            # flattened to (deployments, chips)
            least = np.where(intime, cost, np.inf).reshape(-1, block.size).min(axis=0)
            out[i, part] = least
    return out


def _met(violations: Mapping[str, Array], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Whether nothing is violated, of a shape that broadcasts against `shape`."""
    met: npt.NDArray[np.bool_] = np.ones((1,) * len(shape), dtype=np.bool_)
    for violation in violations.values():
        met = met & (np.asarray(violation) <= 0.0)
    return met


def _solved(
    study: ResolvedStudy,
    group: _Group,
    chips: api.Chips,
    coarse: Floats,
    bounds: Sequence[Mapping[str, float]],
) -> Floats:
    """The same costs, those of contenders on the fine grid and between its batches, as tables say them."""
    if study.members or study.spec.deployment.mode != "solve":
        return coarse
    # chips that exist are few, and a table names each of them
    kept = {i for i, c in enumerate(group.candidates) if c.branch is None}
    for kind in group.kinds:
        own = group.of(kind)
        # argsort counts within the kind, and `own` leads back to the group
        kept |= {own[i] for row in coarse for i in np.argsort(row[own], kind="stable")[:CONTENDERS]}
    at = sorted(kept)
    few = api.Chips.of(**{k: np.broadcast_to(a, (chips.size,))[at] for k, a in chips.columns().items()})
    problems = [deployment_problem(study, bound) for bound in bounds]
    # a copy, since a flip compares the coarse costs with others of the same grid
    out = coarse.copy()
    for i, found in enumerate(on_fine_grid(study, few, [problem.limits for problem in problems])):
        # where the fine grid has nothing feasible the coarse result stays
        cost = positive_cost(problems[i].goal, found.cost)
        out[i, at] = np.where(found.feasible, cost, coarse[i, at])
    return out


def _verdict(
    study: ResolvedStudy,
    software: Software,
    group: _Group,
    at_most: tuple[float | None, Mapping[str, float]],
    cost: Floats,
) -> Verdict:
    """The best chip of a group under one software at one limit, its interval and its nearest tie."""
    limit, bound = at_most
    at = _winner(group, cost, study.spec.tolerance)
    if at is None:
        return nobody(limit, software, group.name)
    best = group.candidates[at]
    # the cost of a goal that is maximised is one over it, see `positive_cost`
    value = float(cost[at]) if study.goal.direction == "minimize" else 1.0 / float(cost[at])
    sure = trust_of(study, best, study.setting.llms, joined=replicas_share_experts(study, best, bound))
    low, high = within(value, sure, interval_of(axis_of(study.goal).column))
    # ties are between kinds: another chip of the same kind changes no verdict
    near = {k: float(cost[group.of(k)].min()) for k in group.kinds if k != best.kind}
    rival = min(near, key=lambda k: near[k], default=None)
    tied = rival if rival is not None and near[rival] <= cost[at] * (1.0 + study.spec.tolerance) else None
    return Verdict(
        target=limit,
        software=software,
        winner=best.label,
        kind=best.kind,
        value=value,
        low=low,
        high=high,
        basis=group.name,
        tied_with=tied,
        parameters=parameter_values(study, best),
    )


def _winner(group: _Group, cost: Floats, tolerance: float) -> int | None:
    """The best chip; of its kind one of the study's tables, where that is as good within `tolerance`."""
    at = int(np.argmin(cost))
    if not np.isfinite(cost[at]):
        return None
    own = group.of(group.candidates[at].kind)
    # without a trial it is of the grid or of a local search, which no table of the study shows
    stored = [i for i in own if group.candidates[i].branch is None or group.candidates[i].trial is not None]
    known = min(stored, key=lambda i: cost[i], default=at)
    return known if cost[known] <= cost[at] * (1.0 + tolerance) else at


def _flip(
    ideal: ResolvedStudy,
    group: _Group,
    chips: api.Chips,
    bound: Mapping[str, float],
    at_ends: Floats | None,
    top: float,
) -> Flip | None:
    """Where another kind wins as chips that lose nothing else take more time a layer.

    `at_ends` are the costs of all chips without any and with the most (2, chips).
    """
    # wherever kinds differ, `_judged` has evaluated both ends
    assert at_ends is not None
    # a chip that leads only between the two ends is missed
    kept = sorted(
        {
            own[i]
            for kind in group.kinds
            for row in at_ends
            for own in [group.of(kind)]
            for i in np.argsort(row[own], kind="stable")[:KEEP]
        }
    )
    few = _Group(name=group.name, candidates=[group.candidates[i] for i in kept])
    chosen = api.Chips.of(**{k: np.broadcast_to(a, (chips.size,))[kept] for k, a in chips.columns().items()})

    def costs(times: Floats) -> Floats:
        # (times, chips) to (times, kinds)
        each = _over(ideal, chosen, bound, times)
        return np.stack([each[:, few.of(kind)].min(axis=1) for kind in few.kinds], axis=1)

    return flip_of(costs, few.kinds, top)


def _over(ideal: ResolvedStudy, chips: api.Chips, bound: Mapping[str, float], times: Floats) -> Floats:
    """Cost of each chip at its best with each time a layer [s] laid on it, shape (times, chips).

    It is laid on a layer of a decode step and on one of a prompt pass.
    """
    # one limit, so row 0; chips come time by time, as `_slower` joins them
    laid = _costs(ideal, _slower(chips, times), [bound])[0]
    return np.asarray(laid.reshape(len(times), chips.size))


def _slower(chips: api.Chips, times: Floats) -> api.Chips:
    """Chips (n,) with each time a layer [s] laid on them, one time after the other (times * n,)."""
    n = chips.size
    columns = {k: np.tile(np.broadcast_to(a, (n,)), len(times)) for k, a in chips.columns().items()}
    for name in ("layer_overhead_s", "prompt_overhead_s"):
        # chips are tiled and times repeated, so that every chip meets every time once
        columns[name] = columns[name] + np.repeat(times, n)
    return api.Chips.of(**columns)
