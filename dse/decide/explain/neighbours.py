"""Every single change of one design, evaluated exactly: each parameter, each size of its deployment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.chips.parameter_range import fraction_of, value_at
from dse.choose.rule import cost_of
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.scenario.best_deployments import (
    DeploymentProblem,
    best_costs,
    costs,
    evaluate,
    positive_cost,
)
from dse.decide.scenario.mix_parts import SIZES, Layout
from dse.question.layouts import pairs
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.space import PARAMETERS, ParameterSpec
from objectives import api

STEP = 0.05
"""Share by which a parameter without steps is moved."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """The design with one thing changed."""

    what: str
    """Name of the parameter, or batch, tp, pp, ep."""
    part: str
    """Part of a mix whose deployment it changes; empty for the chip itself, and where there is no mix."""
    unit: str
    old: float
    new: float
    change: float | None
    """Relative change of the objective with everything else held; None where it is infeasible."""
    resolved_change: float | None
    """The same with the best deployment for the changed chip; None for a step of the deployment itself and
    where no deployment is feasible."""
    hits: Mapping[str, float]
    """Violation of each constraint that it breaks, in its own unit."""

    @property
    def gain(self) -> float:
        """Share by which the design improves, alone or with its best deployment; at least 0 [1]."""
        return max([0.0, *(-c for c in (self.change, self.resolved_change) if c is not None)])


@dataclass(frozen=True)
class _Move:
    what: str
    unit: str
    old: float
    new: float
    chip: Candidate
    layout: Layout
    part: str = ""


def neighbours(
    study: ResolvedStudy, problem: DeploymentProblem, candidate: Candidate, layout: Layout
) -> list[Neighbour]:
    """Neighbours of `candidate` under the deployments `layout`: one step down and up of everything.

    Steps are those of the study's space and of its lists of batch, TP and PP. Goals that are maximised count
    as one over them.
    """
    moves = [*_chip_moves(study, candidate, layout), *_size_moves(study, problem, candidate, layout)]
    # place 0 is the design itself, so that one call evaluates it with its neighbours
    here = _Move("", "", 0.0, 0.0, candidate, layout)
    designs = _designs(study, problem, [here, *moves])
    metrics, shape = evaluate(problem, designs), designs[0].shape
    over = {n: np.broadcast_to(np.asarray(v), shape) for n, v in problem.violations(metrics).items()}
    # infinite where a limit is broken; `hits` says which one
    held = costs(problem, designs)
    resolved = _resolved(study, problem, moves)
    goal = np.broadcast_to(np.asarray(problem.goal.value(metrics, problem.context), dtype=float), shape)
    # the goal alone: the design itself may break a constraint, and its cost is infinite then
    base = float(positive_cost(problem.goal, cost_of(problem.goal, goal))[0])
    found = []
    for i, move in enumerate(moves, start=1):
        hits = {n: float(v[i]) for n, v in over.items() if v[i] > 0.0}
        found.append(
            Neighbour(
                what=move.what,
                part=move.part,
                unit=move.unit,
                old=move.old,
                new=move.new,
                change=_relative(float(held[i]), base),
                hits=hits,
                resolved_change=_relative(float(resolved[i - 1]), base),
            )
        )
    return found


def _relative(cost: float, base: float) -> float | None:
    return (cost - base) / abs(base) if np.isfinite(cost) and base else None


def _resolved(study: ResolvedStudy, problem: DeploymentProblem, moves: Sequence[_Move]) -> Floats:
    """Cost with the best deployment of each changed chip, infinite for moves of the deployment."""
    out = np.full(len(moves), np.inf)
    chips = [i for i, m in enumerate(moves) if m.what in PARAMETERS]
    if chips:
        batch = chips_of_candidates(study, [moves[i].chip for i in chips])
        out[chips] = best_costs(study, problem, batch)
    return out


def _designs(study: ResolvedStudy, problem: DeploymentProblem, moves: Sequence[_Move]) -> list[api.Designs]:
    """The changed designs (moves,) for each part."""
    chips, found = chips_of_candidates(study, [m.chip for m in moves]), []
    for i in range(len(problem.parts)):
        columns = {k: np.asarray([float(m.layout[i][k]) for m in moves]) for k in SIZES}
        # EP beyond TP needs several replicas that share one set of experts
        spread = np.maximum(columns["ep"] / columns["tp"], 1.0)
        found.append(api.Designs.of(chips=chips, deployments=api.Deployments(**columns, dp=spread)))
    return found


def _chip_moves(study: ResolvedStudy, chip: Candidate, layout: Layout) -> Iterator[_Move]:
    # a chip that exists has no parameters to move
    if chip.branch is None:
        return
    for name, spec in study.branches[chip.branch].spec.parameters.items():
        old = chip.values[name]
        for new in steps_of(spec, old):
            yield _Move(name, PARAMETERS[name], old, new, chip.at(name, new), layout)


def steps_of(spec: ParameterSpec, old: float) -> list[float]:
    """The next value below and above on the grid of the parameter, or 5 % away where it has none."""
    if spec.low == spec.high:
        return []
    if spec.steps is None:
        return [v for v in (old * (1.0 - STEP), old * (1.0 + STEP)) if spec.low <= v <= spec.high]
    at = fraction_of(spec, old) * (spec.steps - 1)
    # a value on a step, within rounding, is no neighbour of itself; one between two steps has both
    down, up = int(np.ceil(at - 1e-6)) - 1, int(np.floor(at + 1e-6)) + 1
    # off the ends of the range there is no chip of the space
    inside = [i for i in (down, up) if 0 <= i <= spec.steps - 1]
    return [float(value_at(spec, np.asarray(i / (spec.steps - 1)))) for i in inside]


def _size_moves(
    study: ResolvedStudy, problem: DeploymentProblem, chip: Candidate, layout: Layout
) -> Iterator[_Move]:
    """Deployments that differ from `layout` in one size, by one entry of its list."""
    for i, (part, sizes) in enumerate(zip(problem.parts, layout, strict=True)):
        for name, values in _choices(study, sizes).items():
            known, old = sorted(set(values)), sizes[name]
            below, above = [v for v in known if v < old], [v for v in known if v > old]
            # slices, so that an end of the list has one neighbour
            for new in (*below[-1:], *above[:1]):
                moved = (*layout[:i], {**sizes, name: new}, *layout[i + 1 :])
                yield _Move(name, "", float(old), float(new), chip, moved, part.label)


def _choices(study: ResolvedStudy, sizes: Mapping[str, int]) -> dict[str, Sequence[int]]:
    """What each size may be while the others stay."""
    d = study.lists
    return {
        "batch": d.batch,
        "pp": d.pp,
        # not all of the list: TP and EP must divide each other
        "tp": [tp for tp, ep in pairs(d) if ep == sizes["ep"]],
        "ep": [ep for tp, ep in pairs(d) if tp == sizes["tp"]],
    }
