"""The question that a stored study answers: written once, compared on every resume."""

from collections.abc import Iterator, Mapping, Sequence
from json import dumps, loads

from optuna import Study
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

import dse
from dse.errors import Problem, SpecError, spec_error
from dse.question.resolved_study import ResolvedStudy
from dse.question.substance import substance
from dse.search.storage.line_shapes import LineError
from dse.search.storage.log_lines import too_deep
from dse.search.storage.lost_rows import DAMAGED, numbers_in
from dse.search.storage.optuna_private import database_in, study_id
from objectives.api import CONTRACT_VERSION

KEY = "dse:question"
"""User attribute of the study in Optuna."""

PROGRAM = "dse:program"
"""User attribute of the study in Optuna: version and trial format of the program that made it."""

FORMAT = 1
"""Format of trials: the names of their parameters and attributes and what these mean, see `suggest` and
`trial_entries`. A program with another one would read them wrongly. Studies without the attribute have 1."""

HOW_TO_CHANGE = "--fresh starts over and moves earlier results to a backup folder; another --out keeps both"


def check(storage: BaseStorage, resolved: ResolvedStudy, where: str) -> int | None:
    """Number of trials of the stored study with the same question; None when there is none yet.

    Writes nothing; words and report settings may differ. Raises `SpecError` with every other field that
    differs, and for a study of another program.
    """
    studies = storage.get_all_studies()
    stored = {s.study_name: study_id(s) for s in studies}
    known = {study_id(s): s.user_attrs for s in studies}
    if resolved.slug not in stored:
        return None
    number = stored[resolved.slug]
    attrs = known[number]
    check_program(resolved.slug, attrs, where)
    trials = whole_trials(storage, number, where)
    question = attrs.get(KEY)
    # without a question it may be a study that another run has created a moment ago: empty, with our goals
    if question is None:
        wanted = [g.direction for g in resolved.objectives]
        if trials or [d.name.lower() for d in storage.get_study_directions(number)] != wanted:
            raise spec_error(where, f"expected a study made by dse, got {resolved.slug!r} of another program")
        return 0
    stored_now, asked = _read(question, resolved.slug, where), _question(resolved)
    found = [
        Problem("", f"  {path}: stored {old}, now {new}")
        for path, old, new in sorted(differences(substance(stored_now), substance(asked)))
    ]
    if found:
        by = _by_another(attrs)
        first = Problem(where, f"the question of {resolved.slug!r} has changed since it was stored{by}:")
        hint = Problem("", HOW_TO_CHANGE)
        raise SpecError([first, *found, hint])
    return len(trials)


def whole_trials(storage: BaseStorage, study: int, where: str) -> list[FrozenTrial]:
    """The trials of the study with that identity, in order; raises `SpecError` where they cannot be read."""
    try:
        # Optuna's cache keeps one trial of a number, so a database is asked itself
        database = database_in(storage)
        numbers = None if database is None else numbers_in(database, study)
        if _counted(numbers or []):
            trials = storage.get_all_trials(study, deepcopy=False)
            if _counted([t.number for t in trials]):
                return trials
        damage = "the numbers of its trials are not 0, 1, 2, ..., each once"
    # it names its line, and is a `ValueError`
    except LineError:
        raise
    # raised by Optuna for rows of others; what a driver raises has a class of its own
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
        damage = f"its trials cannot be read ({ascii(str(error))[1:-1][:100]})"
    what = f"expected a database of Optuna studies, got a damaged one: {damage}; {_OTHERS}"
    raise spec_error(where, what)


def _counted(numbers: Sequence[object]) -> bool:
    """Whether the numbers are 0, 1, 2, ..., each once."""
    # as a set: what is no number cannot be sorted
    return set(numbers) == set(range(len(numbers)))


def settle(study: Study, resolved: ResolvedStudy) -> None:
    """Write the question into a study that has none yet."""
    if KEY not in study.user_attrs:
        # first: a study with a question has a program too
        study.set_user_attr(PROGRAM, {"version": dse.__version__, "format": FORMAT})
        study.set_user_attr(KEY, dumps(_question(resolved), sort_keys=True))


def check_program(slug: str, attrs: Mapping[str, object], where: str) -> None:
    """Raise `SpecError` for a study that another version wrote in another format, or that is damaged."""
    if DAMAGED in attrs:
        why = ascii(attrs[DAMAGED])[1:-1][:200]
        raise spec_error(where, f"the attributes of {slug!r} cannot be read ({why}); {_OTHERS}")
    made = attrs.get(PROGRAM, {"version": "", "format": 1})
    version, form = (made.get("version"), made.get("format")) if isinstance(made, dict) else (None, None)
    if not isinstance(version, str) or type(form) is not int:
        raise spec_error(where, f"the attribute {PROGRAM} of {slug!r} is {ascii(made)[:60]}; {_OTHERS}")
    if form != FORMAT:
        raise spec_error(
            where,
            f"{slug!r} was stored by dse {ascii(version)[1:-1][:20]} with trials of format {form}, "
            f"this is dse {dse.__version__} with format {FORMAT}; use that version, or another storage",
        )


def _by_another(attrs: Mapping[str, object]) -> str:
    """The versions of a study and of this program, where they are not the same."""
    made = attrs.get(PROGRAM)
    version = made.get("version") if isinstance(made, dict) else None
    same = version is None or version == dse.__version__
    return "" if same else f" (by dse {version}, this is dse {dse.__version__})"


_OTHERS = "restore it from a backup, or use another storage; other studies in this one can be used"


def _read(question: object, slug: str, where: str) -> Mapping[str, object]:
    """The stored question; raises `SpecError` where it is damaged."""
    try:
        found = loads(question) if isinstance(question, str) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or too_deep(found):
        got = ascii(question)[:60]
        raise spec_error(where, f"the attribute {KEY} of {slug!r} is {got}, expected its question; {_OTHERS}")
    return found


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
