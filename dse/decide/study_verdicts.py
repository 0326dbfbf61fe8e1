"""Verdicts of a study: which kind of chip wins at each target under each software, and what turns it.

Each software is searched with the study's own sampler, in memory and with few trials: a winner is asked for
here, not a front. Then every chip that any of these searches or that of the study found, every baseline and a
coarse grid of the space are asked under all three, each in its best deployments, so that a chip which only
one search met counts everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dse.decide.candidates import (
    Candidate,
    Floats,
    chips_of_candidates,
    of_baselines,
    of_front,
    of_grid,
)
from dse.decide.price_groups import group_of
from dse.decide.solve import ask_of, positive, solve, study_grid
from dse.decide.told import stack_of
from dse.decide.verdicts import (
    Dependence,
    Flip,
    Verdict,
    Verdicts,
    dependence,
    flip_of,
    largest_layer_s,
    within,
)
from dse.evaluate.choose import judged
from dse.front.files import Front
from dse.search.at_targets import on_fine_grid
from dse.search.runner import run
from dse.spec.branch import chip_kind
from dse.spec.resolved import ResolvedStudy, resolve_study
from dse.spec.software import SOFTWARE, Software
from dse.spec.unanchored import price_bases_in, unanchored_in
from objectives import api

GRID = 64
"""Chips of each branch that stand for its kind where no search kept one."""
BLOCK = 1 << 16
"""Points evaluated in one call: their columns stay in the cache of a core."""
TRIALS = 60
"""Trials of a further search at most."""
CONTENDERS = 32
"""Best chips of each kind at each target whose deployments are solved on the fine grid, and all baselines."""
KEEP = 4
"""Best chips of each kind at each end of the range of times a layer, with which a flip is solved."""
Tell = Callable[[int, int, str], None]


def compares_kinds(study: ResolvedStudy) -> bool:
    """Whether a study sets chips of several storage kinds against each other."""
    kinds = {b.kind for b in study.branches.values()} | {chip_kind(c) for c in study.baselines.values()}
    return len(kinds) > 1


def under_software(study: ResolvedStudy, software: Software) -> ResolvedStudy:
    """The same question under other software; stacks that it names are those that are sold."""
    if study.spec.software == software:
        return study
    asked: dict[str, Any] = {"software": software, "settings": None}  # the catalog holds what is set
    if software != "as-sold":
        asked |= {"stack": None, "stacks": {}}
    return resolve_study(study.spec.model_copy(update=asked), study.path, study.setting.catalog, study.case)


def study_verdicts(
    study: ResolvedStudy, front: Front, *, trials: int | None = None, timeout: float | None = None,
    tell: Tell = lambda *_: None,
) -> Verdicts:  # fmt: skip
    """The verdicts of a study whose front under its own software is `front`.

    `trials` and `timeout` are those of each further search, as `dse.run` has them; `TRIALS` at most.
    """
    asked = {s: under_software(study, s) for s in SOFTWARE}
    fronts: dict[Software, Front] = {}
    for software, question in asked.items():
        if question is study:
            fronts[software] = front
        elif study.branches:  # without a space the baselines are all there is
            fronts[software] = _searched(question, software, trials, timeout, tell)
    return _judged(asked, study, _candidates(study, fronts), _targets(front))


def verdicts_at(
    study: ResolvedStudy, front: Front, limits: Mapping[str, float], with_unanchored: bool = False
) -> Verdicts:
    """The verdicts at `limits` [SI, by objective] among the chips of a stored front, without a search.

    A chip that only another software would have found is not among them; one that no measurement anchors is
    where `with_unanchored` says so.
    """
    asked = {s: under_software(study, s) for s in SOFTWARE}
    name, others = next(iter(limits), None), dict(list(limits.items())[1:])
    candidates = _candidates(study, {study.spec.software: front})
    return _judged(
        asked, study, candidates, (name, [limits[name] if name else None]), others, with_unanchored
    )


def _searched(
    question: ResolvedStudy, software: Software, trials: int | None, timeout: float | None, tell: Tell
) -> Front:
    wanted = question.spec.budget.trials if trials is None else trials
    bare = replace(question, spec=question.spec.model_copy(update={"report_at": ()}))  # asked below instead
    with TemporaryDirectory() as folder:
        found = run(
            bare, trials=min(wanted, TRIALS), timeout=timeout, storage="memory:", out=folder,
            progress=lambda done, wanted: tell(done, wanted, software),
        )  # fmt: skip
    if found.interrupted:
        raise KeyboardInterrupt
    return found.front


def _candidates(study: ResolvedStudy, fronts: Mapping[Software, Front]) -> list[Candidate]:
    """The distinct chips of all fronts, baselines, and a coarse grid; a mix does without the grid.

    A chip that only the search under another software found has that behind its label.
    """
    own = study.spec.software
    found: dict[Any, Candidate] = {}
    for software in sorted(fronts, key=lambda s: s != own):
        for c in of_front(study, fronts[software]) if len(fronts[software].frame) else ():
            if c.branch is not None:
                label = c.label if software == own else f"{c.label}@{software}"
                found.setdefault((c.branch, *sorted(c.values.items())), replace(c, label=label))
    coarse = () if study.members else of_grid(study, GRID)
    return [*found.values(), *of_baselines(study), *coarse]


def _targets(front: Front) -> tuple[str | None, list[float | None]]:
    """The objective with the most targets and these; (None, [None]) where the study has none."""
    told = {name: v if isinstance(v, list) else [v] for name, v in front.manifest.get("targets", {}).items()}
    name = max(sorted(told), key=lambda n: len(told[n]), default=None)
    if name is None or not told[name]:
        return None, [None]
    limits: list[float | None] = [*sorted({float(v) for v in told[name]})]
    return name, limits


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Chips that rank against each other: of one basis of prices, anchored unless others were asked for."""

    name: str
    candidates: list[Candidate]

    @property
    def kinds(self) -> list[str]:
        """Storage kinds among them."""
        return sorted({c.kind for c in self.candidates})

    def of(self, kind: str) -> list[int]:
        """Places of the chips of a kind."""
        return [i for i, c in enumerate(self.candidates) if c.kind == kind]


def _groups(study: ResolvedStudy, candidates: Sequence[Candidate], with_unanchored: bool) -> list[_Group]:
    found: dict[str, list[Candidate]] = {}
    barred, bases = {} if with_unanchored else unanchored_in(study), price_bases_in(study)
    for c in candidates:
        name = c.branch or c.label
        if name not in barred:
            found.setdefault(group_of(bases[name]), []).append(c)
    groups = [_Group(name=name, candidates=each) for name, each in found.items()]
    return [g for g in groups if len(g.kinds) > 1] or groups


def _judged(
    asked: Mapping[Software, ResolvedStudy], study: ResolvedStudy, candidates: Sequence[Candidate],
    targets: tuple[str | None, list[float | None]], others: Mapping[str, float] | None = None,
    with_unanchored: bool = False,
) -> Verdicts:  # fmt: skip
    name, limits = targets
    top = largest_layer_s(study.setting.catalog)
    verdicts: list[Verdict] = []
    depends: list[Dependence] = []
    for group in _groups(study, candidates, with_unanchored):
        bounds = [
            {**(others or {}), **({} if name is None or limit is None else {name: limit})} for limit in limits
        ]
        chips = {s: chips_of_candidates(asked[s], group.candidates) for s in SOFTWARE}
        costs = {s: _costs(asked[s], chips[s], bounds) for s in SOFTWARE}
        solved = {s: _solved(asked[s], group, chips[s], costs[s], bounds) for s in SOFTWARE}
        slow: Floats | None = None
        for i, limit in enumerate(limits):
            each = [_verdict(asked[s], s, group, limit, solved[s][i]) for s in SOFTWARE]
            winners = [v.kind for v in each]
            flips = len(set(winners)) > 1
            if flips and slow is None:
                slow = _costs(asked["ideal"], _slower(chips["ideal"], np.asarray([top])), bounds)
            ends = None if slow is None else np.stack([costs["ideal"][i], slow[i]])
            flip = _flip(asked["ideal"], group, chips["ideal"], bounds[i], ends, top) if flips else None
            verdicts += each
            depends.append(dependence(limit, group.name, winners, flip, top))
    return Verdicts(verdicts=tuple(verdicts), dependence=tuple(depends))


def _costs(study: ResolvedStudy, chips: api.Chips, bounds: Sequence[Mapping[str, float]]) -> Floats:
    """Cost of each chip at its best under each of some limits, shape (limits, chips).

    Chips that serve one LLM are evaluated once for all limits.
    """
    grid = study_grid(study)
    if study.members:
        return np.stack([solve(ask_of(study, bound), chips, grid).cost for bound in bounds])
    n, step = chips.size, max(1, BLOCK // grid.size)
    out = np.empty((len(bounds), n))
    for start in range(0, n, step):
        part = slice(start, min(n, start + step))
        block = api.Chips(**{k: np.broadcast_to(a, (n,))[part] for k, a in chips.columns().items()})
        designs = api.Designs(chips=block, deployments=grid)
        metrics = study.cost_model.evaluate(designs, study.context)
        for i, bound in enumerate(bounds):
            ask = ask_of(study, bound)
            found = judged(metrics, study.context, ask.goal, ask.limits, designs.shape)
            costs = np.where(found.feasible, positive(ask.goal, found.cost), np.inf)
            out[i, part] = costs.min(axis=0)
    return out


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
    kept = {i for i, c in enumerate(group.candidates) if c.branch is None}
    for kind in group.kinds:
        own = group.of(kind)
        kept |= {own[i] for row in coarse for i in np.argsort(row[own], kind="stable")[:CONTENDERS]}
    at = sorted(kept)
    few = api.Chips(**{k: np.broadcast_to(a, (chips.size,))[at] for k, a in chips.columns().items()})
    asks = [ask_of(study, bound) for bound in bounds]
    out = coarse.copy()
    for i, found in enumerate(on_fine_grid(study, few, [ask.limits for ask in asks])):
        cost = positive(asks[i].goal, found.cost)
        out[i, at] = np.where(found.feasible, cost, coarse[i, at])
    return out


def _verdict(
    study: ResolvedStudy, software: Software, group: _Group, limit: float | None, cost: Floats
) -> Verdict:
    at = int(np.argmin(cost))
    if not np.isfinite(cost[at]):
        return Verdict(target=limit, software=software, winner=None, kind=None, value=None, low=None,
                       high=None, basis=group.name)  # fmt: skip
    best = group.candidates[at]
    value = float(cost[at]) if study.goal.direction == "minimize" else 1.0 / float(cost[at])
    low, high = within(value, stack_of(study, best).interval, _METRIC.get(study.goal.name, ""))
    return Verdict(target=limit, software=software, winner=best.label, kind=best.kind, value=value, low=low,
                   high=high, basis=group.name)  # fmt: skip


_METRIC = {
    "usd_per_token_per_second": "throughput", "usd_per_million_tokens": "throughput",
    "tokens_per_second": "throughput", "tpot": "tpot", "ttft": "ttft",
}  # fmt: skip
"""Goal to the metric whose interval is its own."""


def _flip(
    ideal: ResolvedStudy, group: _Group, chips: api.Chips, bound: Mapping[str, float],
    at_ends: Floats | None, top: float,
) -> Flip | None:  # fmt: skip
    """Where another kind wins as chips that lose nothing else take more time a layer.

    `at_ends` are the costs of all chips without any and with the most (2, chips).
    """
    assert at_ends is not None
    kept = sorted({
        own[i] for kind in group.kinds for row in at_ends
        for own in [group.of(kind)] for i in np.argsort(row[own], kind="stable")[:KEEP]
    })  # fmt: skip
    few = _Group(name=group.name, candidates=[group.candidates[i] for i in kept])
    chosen = api.Chips(**{k: np.broadcast_to(a, (chips.size,))[kept] for k, a in chips.columns().items()})

    def costs(times: Floats) -> Floats:
        each = _over(ideal, chosen, bound, times)
        return np.stack([each[:, few.of(kind)].min(axis=1) for kind in few.kinds], axis=1)

    return flip_of(costs, few.kinds, top)


def _over(ideal: ResolvedStudy, chips: api.Chips, bound: Mapping[str, float], times: Floats) -> Floats:
    """Cost of each chip at its best with each time a layer [s] laid on it, shape (times, chips).

    It is laid on a layer of a decode step and on one of a prompt pass.
    """
    laid = _costs(ideal, _slower(chips, times), [bound])[0]
    return np.asarray(laid.reshape(len(times), chips.size))


def _slower(chips: api.Chips, times: Floats) -> api.Chips:
    """Chips (n,) with each time a layer [s] laid on them, one time after the other (times * n,)."""
    n = chips.size
    columns = {k: np.tile(np.broadcast_to(a, (n,)), len(times)) for k, a in chips.columns().items()}
    for name in ("layer_overhead_s", "prompt_overhead_s"):
        columns[name] = columns[name] + np.repeat(times, n)
    return api.Chips(**columns)
