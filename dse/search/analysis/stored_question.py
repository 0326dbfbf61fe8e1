"""The question that a stored study answers: written once, compared on every resume."""

from collections.abc import Iterator, Mapping
from json import dumps, loads

from optuna import Study
from optuna.storages import BaseStorage

from dse.errors import Problem, SpecError, spec_error
from dse.question.resolved_study import ResolvedStudy
from dse.question.substance import substance
from dse.search.storage.optuna_private import study_id
from objectives.api import CONTRACT_VERSION

KEY = "dse:question"
"""User attribute of the study in Optuna."""

HOW_TO_CHANGE = "--fresh starts over and moves earlier results to a backup folder; another --out keeps both"


def check(storage: BaseStorage, resolved: ResolvedStudy, where: str) -> int | None:
    """Number of trials of the stored study with the same question; None when there is none yet.

    Writes nothing; words and report settings may differ. Raises `SpecError` with every other field that
    differs, and for a study of another program.
    """
    stored = {s.study_name: study_id(s) for s in storage.get_all_studies()}
    if resolved.slug not in stored:
        return None
    number = stored[resolved.slug]
    trials = storage.get_all_trials(number, deepcopy=False)
    question = storage.get_study_user_attrs(number).get(KEY)
    # without a question it may be a study that another run has created a moment ago: empty, with our goals
    if question is None:
        wanted = [g.direction for g in resolved.objectives]
        if trials or [d.name.lower() for d in storage.get_study_directions(number)] != wanted:
            raise spec_error(where, f"expected a study made by dse, got {resolved.slug!r} of another program")
        return 0
    found = [
        Problem("", f"  {path}: stored {old}, now {new}")
        for path, old, new in sorted(differences(substance(loads(question)), substance(_question(resolved))))
    ]
    if found:
        first = Problem(where, f"the question of {resolved.slug!r} has changed since it was stored:")
        hint = Problem("", HOW_TO_CHANGE)
        raise SpecError([first, *found, hint])
    return len(trials)


def settle(study: Study, resolved: ResolvedStudy) -> None:
    """Write the question into a study that has none yet."""
    if KEY not in study.user_attrs:
        study.set_user_attr(KEY, dumps(_question(resolved), sort_keys=True))


def _question(resolved: ResolvedStudy) -> Mapping[str, object]:
    # through JSON, so that it compares equal to what was stored: tuples become lists
    asked: Mapping[str, object] = loads(dumps({**resolved.question, "contract_version": CONTRACT_VERSION}))
    return asked


def differences(old: object, new: object, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Dotted path, old and new value of every leaf that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(old.get(key, "nothing"), new.get(key, "nothing"), inner)
    elif old != new:
        yield path, _short(old), _short(new)


def _short(value: object) -> str:
    text = dumps(value) if not isinstance(value, str) else value
    return text if len(text) <= 60 else f"{text[:57]}..."
