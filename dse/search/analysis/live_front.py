"""The front of a study while runs still search: that of the trials stored so far."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from dse.evaluate.batch import axes_of
from dse.front.archive import Archive
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.search.analysis.at_targets import solved_at_targets
from dse.search.analysis.manifest import manifest_of, targets_of
from dse.search.trials.read_trials import finished
from dse.search.trials.replay import baseline_front, replay
from dse.search.trials.sound import sound


class Follower:
    """Keeps the front of a study up to date with its new trials; it writes nothing."""

    def __init__(self, study: ResolvedStudy) -> None:
        self.study = study
        self._archive = Archive(axes_of(study))
        self._seen: set[int] = set()
        self._good: set[int] = set()

    def front(self, trials: Sequence[FrozenTrial]) -> Front:
        """The front of `trials`; those of earlier calls are not evaluated again."""
        every = finished(trials)
        fresh = [t for t in every if t.number not in self._seen]
        good = list(sound(self.study, fresh))
        for points in replay(self.study, good):
            self._archive.add(points.values, points.feasible, points.rows)
        self._seen |= {t.number for t in fresh}
        self._good |= {t.number for t in good}
        done = [t for t in every if t.number in self._good]
        if every and not done:
            raise ValueError("none of its trials is one of the study as it is now")
        frame, baselines = self._archive.frame, baseline_front(self.study, done)
        return Front(
            frame=frame,
            baselines=baselines,
            axes=axes_of(self.study),
            manifest=manifest_of(self.study, self._archive, done, "journal:"),
            at_targets=solved_at_targets(self.study, frame, baselines, targets_of(self.study)),
        )
