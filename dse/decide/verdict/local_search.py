"""Local search from one chip: steps of one or two parameters, until none improves it."""

from dataclasses import replace
from itertools import combinations

import numpy as np

from dse.decide.explain.neighbours import steps_of
from dse.decide.propose.candidates import Candidate, chips_of_candidates
from dse.decide.scenario.best_deployments import DeploymentProblem, solve_on_grid, study_grid
from dse.question.resolved_study import ResolvedStudy

MAX_STEPS = 200
"""Steps at most; each makes the chip better, so that it ends by itself long before."""


def local_search(
    study: ResolvedStudy, problem: DeploymentProblem, candidate: Candidate
) -> tuple[Candidate, int]:
    """The local optimum that a steepest descent from `candidate` reaches, and its number of steps.

    Every step is the best of all that change one parameter or two by one step of the space, each chip with
    its best deployment under the limits of `problem`; along the reticle only two at a time lead on. The
    result is a local optimum of the space, not a global one.
    """
    spec = study.branches[candidate.branch or ""].spec
    grid, here, taken = study_grid(study), candidate, 0
    cost = float(solve_on_grid(problem, chips_of_candidates(study, [here]), grid).cost[0])
    while taken < MAX_STEPS:
        single = [
            (name, value)
            for name, parameter in spec.parameters.items()
            for value in steps_of(parameter, here.values[name])
        ]
        changes = [dict([a]) for a in single]
        changes += [dict(pair) for pair in combinations(single, 2) if pair[0][0] != pair[1][0]]
        moves = [replace(here, values={**here.values, **change}) for change in changes]
        if not moves:
            break
        found = solve_on_grid(problem, chips_of_candidates(study, moves), grid).cost
        best = int(np.argmin(found))
        # by more than rounding, or a descent could go round among equal chips; `not <` also ends at infinity
        if not found[best] < cost * (1.0 - 1e-9):
            break
        here, cost, taken = moves[best], float(found[best]), taken + 1
    return here, taken
