"""A study under changed assumptions: numbers of configs, sizes of chips, prices, targets, deployments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dse.arrays import Floats
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.scenario.best_deployments import (
    best_costs,
    deployment_problem,
    solve_on_grid,
    with_sizes,
)
from dse.decide.scenario.mix_parts import contexts_of
from dse.decide.scenario.scenario_batch import varied
from dse.question.layouts import grid
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Place
from objectives import api

ALL_CHIPS = ""
"""Group that all chips belong to."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A study under changed assumptions. Groups are storage kinds, names of chips, or `ALL_CHIPS`."""

    study: ResolvedStudy
    places: Mapping[Place, float] = field(default_factory=dict)
    """Overrides of numbers in its configs, in SI."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Objective to the limit that it must meet, in SI."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Batch, TP or PP that every deployment must have."""
    parameters: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(group, parameter of the space) to the value that its chips have, in SI."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """Group to the price of each of its chips [USD]."""
    margins: Mapping[str, float] = field(default_factory=dict)
    """Group to (price - unit cost) / price of its hypothetical chips, on top of what the study prices at."""


def members(group: str, candidates: Sequence[Candidate]) -> list[int]:
    """Candidates of a group: by storage kind, or by name."""
    return [i for i, c in enumerate(candidates) if group in (ALL_CHIPS, c.kind, c.label)]


@dataclass(frozen=True, kw_only=True)
class _SharedQuestion:
    """What situations must share to be evaluated in one call."""

    contexts: tuple[api.Context, ...]
    limits: tuple[tuple[str, float], ...]
    sizes: tuple[tuple[str, int], ...]


def costs_of(
    scenarios: Sequence[Scenario], candidates: Sequence[Candidate], *, coarse: bool = False
) -> Floats:
    """Cost (scenarios, candidates) of each candidate at its best deployment, as every verb chooses it.

    With `coarse` it is the best of the grid of the search, to see who contends. Scenarios are an axis of the
    batch: those that share workload, economy, targets and sizes are evaluated in one call. A candidate
    without a feasible deployment has an infinite cost.

    Raises `SpecError` for a scenario that makes the study invalid.
    """
    shape = (len(scenarios), len(candidates))
    cost = np.full(shape, np.inf)
    groups: dict[_SharedQuestion, list[tuple[int, ResolvedStudy, api.Chips]]] = {}
    for i, s in enumerate(scenarios):
        # where no number of the configs changes nothing is resolved again
        study = varied(s.study, s.places, candidates) if s.places else s.study
        shared = _SharedQuestion(
            contexts=contexts_of(study),
            # sorted: the order in which limits were set makes no other question
            limits=tuple(sorted(s.limits.items())),
            sizes=tuple(sorted(s.sizes.items())),
        )
        # chips differ row by row, but a call of the cost model has one context
        groups.setdefault(shared, []).append((i, study, _chips(s, study, candidates)))
    for shared, each in groups.items():
        study = each[0][1]
        names = each[0][2].columns()
        columns = {n: np.concatenate([chips.columns()[n] for _, _, chips in each]) for n in names}
        problem, chips, sizes = (
            deployment_problem(study, dict(shared.limits)),
            api.Chips.of(**columns),
            dict(shared.sizes),
        )
        found = (
            solve_on_grid(problem, chips, grid(with_sizes(study.lists, sizes))).cost
            if coarse
            else best_costs(study, problem, chips, sizes)
        )
        # chips were joined scenario by scenario, the candidate fastest
        cost[[i for i, _, _ in each]] = found.reshape(-1, shape[1])
    return cost


def _chips(s: Scenario, study: ResolvedStudy, candidates: Sequence[Candidate]) -> api.Chips:
    """The chips of the candidates with parameters, margins and prices of the scenario."""
    changed = list(candidates)
    for (group, parameter), value in s.parameters.items():
        for i in members(group, candidates):
            # a chip of the catalog, or of a branch without the parameter, stays as it is
            if parameter in changed[i].values:
                changed[i] = changed[i].at(parameter, value)
    chips = chips_of_candidates(study, changed)
    # a copy: prices are set in place below
    price = np.array(chips.cost.price_usd)
    for group, margin in s.margins.items():
        # the price of a chip that is sold has its margin in it
        made = [i for i in members(group, candidates) if candidates[i].branch is not None]
        # gross margin is (price - unit cost) / price
        price[made] = price[made] / (1.0 - margin)
    # last, so that a price that is set wins over a margin
    for group, usd in s.prices.items():
        price[members(group, candidates)] = usd
    return chips.replace(price_usd=price)
