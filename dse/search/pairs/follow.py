"""What stored trials of a study of pools say: their front so far, how it grew, which parameters decide."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from optuna.trial import FixedTrial, FrozenTrial

from dse.arrays import Floats
from dse.evaluate.batch import axes_of
from dse.front.dominance import hypervolume
from dse.front.files import Front
from dse.question.chip_names import pair_name
from dse.question.pools.study import PooledStudy
from dse.search.analysis.importance import LEAST, Importance, shares_of
from dse.search.analysis.progress import Progress, checks_of
from dse.search.pairs.result import eligibility_of
from dse.search.pairs.run import Known, front_of_trials, pair_trial, with_sampler
from dse.search.trials.read_trials import finished

MOST = 4
"""Pairs of kinds whose parameters are weighed: those with the most trials."""


class PairsFollower:
    """Keeps the front of a study of pools up to date with its new trials; it writes nothing."""

    def __init__(self, study: PooledStudy) -> None:
        self.study, _ = with_sampler(study)
        self._known = Known(eligibility_of(self.study))
        self._seen: set[int] = set()
        self._good: set[int] = set()

    def add(self, trials: Sequence[FrozenTrial]) -> Iterator[FrozenTrial]:
        """Pair the layouts of finished trials, and give each that is one of the study as it is now.

        Those of earlier calls are not paired again. Raises `ValueError` where none of all is of the study.
        """
        every = finished(trials)
        for trial in every:
            if trial.number in self._seen:
                continue
            self._seen.add(trial.number)
            try:
                fixed = FixedTrial(dict(trial.params), trial.number)
                pair_trial(self.study, self._known, fixed, trial.number)
            except (KeyError, ValueError):
                # damaged, or of another space; the others say enough
                continue
            self._good.add(trial.number)
            yield trial
        if every and not self._good:
            raise ValueError("none of its trials is one of the study as it is now")

    @property
    def values(self) -> Floats:
        """The objectives (n, k) of the pairs that none of their standing beats, all standings together."""
        goals = self.study.first.objectives
        signs = np.asarray([-1.0 if goal.direction == "maximize" else 1.0 for goal in goals])
        parts = [local.costs for local in self._known.fronts.values()]
        return np.asarray(np.concatenate([np.empty((0, len(goals))), *parts]) * signs)

    def front(self, trials: Sequence[FrozenTrial]) -> Front:
        """The front of `trials`."""
        for _ in self.add(trials):
            pass
        return front_of_trials(self.study, self._known, len(self._good))


def progress_of_pairs(study: PooledStudy, trials: Sequence[FrozenTrial]) -> Progress:
    """Replay finished trials and take the hypervolume of everything found so far.

    Raises `ValueError` where none of them is of the study.
    """
    follower, axes, found = PairsFollower(study), axes_of(study.first), []
    checks = checks_of(len(finished(trials)))
    for i, _ in enumerate(follower.add(trials), start=1):
        if i in checks:
            found.append((i, hypervolume(follower.values, axes, study.first.reference_point)))
    numbers = np.array([i for i, _ in found], dtype=np.int64)
    return Progress(numbers, np.array([volume for _, volume in found], dtype=np.float64))


def importance_of_pairs(study: PooledStudy, trials: Sequence[FrozenTrial]) -> tuple[Importance, ...]:
    """Importance of the parameters of both chips, for each pair of kinds of chips.

    As for single chips: for being among the best tenth of the feasible trials of such a pair, of which there
    are at least `LEAST`. Pairs of chips of the catalog have no parameters.
    """
    good = [t for t in finished(trials) if all(v <= 0.0 for v in t.constraints.values())]
    kinds = {t.number: pair_name([_kind(study, role, t) for role in study.pools]) for t in good}
    found: list[Importance] = []
    for name, count in Counter(kinds.values()).most_common():
        own = [t for t in good if kinds[t.number] == name]
        keep = [n for n in own[0].params if not n.endswith((".chip", "_target"))]
        if count < LEAST or not keep or len(found) == MOST:
            continue
        shares = shares_of([g.direction for g in study.first.objectives], own, keep)
        told = tuple((_without_kind(n), share) for n, share in shares.items())
        found.append(Importance(branch=name, trials=count, shares=told))
    return tuple(found)


def _kind(study: PooledStudy, role: str, trial: FrozenTrial) -> str:
    """The branch of the chip of a pool, or the chip of the catalog."""
    pool = study.pools[role]
    # a pool that leaves no choice has no parameter for it
    return str(trial.params.get(f"{role}.chip", next(iter((*pool.branches, *pool.baselines)))))


def _without_kind(name: str) -> str:
    """`decode.sram` of a parameter such as `decode.hybrid.sram`."""
    return f"{name.partition('.')[0]}.{name.rpartition('.')[2]}"
