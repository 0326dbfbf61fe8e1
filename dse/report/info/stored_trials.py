"""What the stored trials of a study add to its front, where they are stored."""

from dataclasses import dataclass
from pathlib import Path

from dse.errors import DseError, SpecError, spec_error
from dse.masks import hidden
from dse.question.pools.study import PooledStudy, Question
from dse.search.analysis.importance import Importance, importance
from dse.search.analysis.progress import Progress, progress
from dse.search.pairs.follow import importance_of_pairs, progress_of_pairs
from dse.search.trials.read_trials import Trials, reading, remote_trials, stored_trials


@dataclass(frozen=True, eq=False)
class Searched:
    """Which parameters decide, and how the front grew; None where no trials are stored."""

    importance: tuple[Importance, ...] | None
    progress: Progress | None


def searched(study: Question | None, folder: Path, storage: str | None = None) -> Searched:
    """Read the trials in a results folder; a folder without any, or with those of another study, has none.

    Those of a `storage` elsewhere must be there: raises `SpecError` where it cannot be read or has none.
    """
    if study is None:
        return Searched(None, None)
    if storage is not None:
        return search_from_trials(study, trials_of(study.slug, folder, storage))
    try:
        return search_from_trials(study, stored_trials(reading(folder), study.slug))
    # a report does without trials, so a journal that cannot be read is no error
    except DseError:
        return Searched(None, None)


def trials_of(slug: str, folder: Path, storage: str | None) -> Trials:
    """Trials in a results folder, maybe none, or those in a `storage` elsewhere.

    Raises `SpecError` where a storage that was named has none of this study.
    """
    found = remote_trials(reading(folder, storage), slug)
    if storage is not None and not found:
        raise spec_error("--storage", f"expected trials of {slug!r} at {hidden(storage)}, got none")
    return found


def search_from_trials(study: Question, trials: Trials) -> Searched:
    """What `trials` say; nothing where the space has changed since, so that they mean nothing any more."""
    if not trials:
        return Searched(None, None)
    try:
        return Searched(importance_of(study, trials), progress_of(study, trials))
    except (SpecError, KeyError, ValueError):
        return Searched(None, None)


def importance_of(study: Question, trials: Trials) -> tuple[Importance, ...]:
    """Which parameters decide, of single chips or of pairs."""
    if isinstance(study, PooledStudy):
        return importance_of_pairs(study, trials)
    return importance(study, trials)


def progress_of(study: Question, trials: Trials) -> Progress:
    """How the front grew, of single chips or of pairs."""
    if isinstance(study, PooledStudy):
        return progress_of_pairs(study, trials)
    return progress(study, trials)
