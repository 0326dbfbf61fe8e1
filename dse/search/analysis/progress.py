"""How the hypervolume of the front grew, trial by trial."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from optuna.trial import FrozenTrial

from dse.evaluate.batch import DesignBatch, axes_of
from dse.front.dominance import hypervolume, nondominated
from dse.question.resolved_study import ResolvedStudy
from dse.search.trials.read_trials import finished
from dse.search.trials.replay import replay
from dse.search.trials.sound import sound

CHECKS = 200
"""Numbers of trials at which the hypervolume is taken at most."""


@dataclass(frozen=True, eq=False)
class Progress:
    """The hypervolume after so many finished trials."""

    trials: npt.NDArray[np.int64]
    """Finished trials (n,), ascending."""
    hypervolume: npt.NDArray[np.float64]
    """Up to the study's reference point (n,), in the product of the units of the objectives."""


def progress(study: ResolvedStudy, trials: Sequence[FrozenTrial]) -> Progress:
    """Replay finished trials and take the hypervolume of everything found so far; damaged ones are left out.

    Raises `ValueError` where none of them is left.
    """
    every = finished(trials)
    done = list(sound(study, every))
    if every and not done:
        raise ValueError("none of the trials is one of the study as it is now")
    axes = axes_of(study)
    own: dict[int, npt.NDArray[np.float64]] = {}
    for points in replay(study, done):
        own |= _by_trial(points)
    front = np.empty((0, len(axes)))
    checks = checks_of(len(done))
    found = []
    for i, trial in enumerate(done, start=1):
        front = np.concatenate([front, own.get(trial.number, front[:0])])
        if i in checks:
            # between two checks dominated points do no harm, so they are filtered here only
            front = front[nondominated(front, axes)]
            found.append(hypervolume(front, axes, study.reference_point))
    return Progress(np.array(sorted(checks), dtype=np.int64), np.array(found))


def checks_of(n: int) -> set[int]:
    """Numbers from 1 to n, denser at the start, where the front grows fastest."""
    # a set, because near 1 several of them round to one number
    return {round(v) for v in np.geomspace(1, n, CHECKS)} if n else set()


def _by_trial(points: DesignBatch) -> dict[int, npt.NDArray[np.float64]]:
    """Trial to the objectives (n, k) of its own non-dominated feasible deployments."""
    axes = axes_of(points.study)
    numbers = np.broadcast_to(points.origin.trial, points.shape[-1:])
    # the last axis is the chip, those before it are deployments
    chip = np.broadcast_to(np.arange(points.shape[-1]), points.shape).reshape(-1)
    out: dict[int, npt.NDArray[np.float64]] = {}
    for j, number in enumerate(numbers):
        mine = points.values[points.feasible & (chip == j)]
        best = mine[nondominated(mine, axes)]
        out[int(number)] = np.concatenate([out.get(int(number), best[:0]), best])
    return out
