"""What of a question decides its answer: not its words, nor what a report of it shows.

A mended title is the same question, so a run may go on with it and a front is not out of date.
"""

from collections.abc import Iterator, Mapping

from dse.question.resolved_study import ResolvedStudy, digest, study_as_data

REPORTED = frozenset(["title", "question", "short", "report_at", "tolerance"])
"""Keys of a study that say what a report shows of its front, and change neither search nor scores."""

_WORDS = frozenset(["title", "note", "notes"])
"""Keys of a config that hold text for people."""


def substance(question: Mapping[str, object]) -> dict[str, object]:
    """A question as plain data, see `ResolvedStudy.question`, without its words and report settings.

    Other keys, such as the version of the contract, stay.
    """
    study, configs = question.get("study"), question.get("configs")
    return {**question, "study": _substance_of_study(study), "configs": _without_words(configs)}


def substance_digests(study: ResolvedStudy) -> dict[str, str]:
    """SHA-256 of the substance of the study and of each config, by the names of `ResolvedStudy.digests`."""
    asked = study.question
    parts = {"study": _substance_of_study(asked["study"]), **asked["configs"]}
    return {name: digest(_without_words(part)) for name, part in sorted(parts.items())}


def _substance_of_study(study: object) -> object:
    return {k: v for k, v in study.items() if k not in REPORTED} if isinstance(study, dict) else study


def changed_since(study: ResolvedStudy, manifest: Mapping[str, object]) -> list[str]:
    """The study and configs, by name, whose substance is not that of the front that `manifest` describes."""
    if isinstance(stored := manifest.get("substance"), Mapping):
        return _differing(stored, substance_digests(study))
    # an older program stored digests of everything, words included
    now, stored = study.digests(), manifest.get("digests")
    then = stored if isinstance(stored, Mapping) else {}
    changed = _differing(then, now)
    if "study" in changed and any(d == then.get("study") for d in _with_stored_words(study, manifest)):
        changed.remove("study")
    return changed


def as_stored(study: ResolvedStudy, manifest: Mapping[str, object]) -> ResolvedStudy:
    """The study with the probability that a run was given for its targets; its own where the file has one."""
    stored = manifest.get("confidence")
    if study.spec.confidence is not None or not isinstance(stored, float):
        return study
    return study.confident(stored)


def _differing(then: Mapping[str, object], now: Mapping[str, str]) -> list[str]:
    # of either: a config may be new, or not be read any more
    return sorted(k for k in {*then, *now} if then.get(k) != now.get(k))


def _with_stored_words(study: ResolvedStudy, manifest: Mapping[str, object]) -> Iterator[str]:
    """Digests of today's study with the words and report settings that a manifest holds."""
    told = {key: manifest[key] for key in ("title", "question", "tolerance") if key in manifest}
    if study.swept is not None:
        targets = manifest.get("targets")
        limits = targets.get(study.swept.name, []) if isinstance(targets, Mapping) else []
        # a fixed target on the swept objective comes before those that are reported
        fixed = any(t.objective.name == study.swept.name for t in study.targets)
        told["report_at"] = tuple(limits[1:] if fixed else limits)
    # no manifest of then holds it
    for short in (study.spec.short, None):
        yield digest(study_as_data(study.spec.model_copy(update={**told, "short": short})))


def _without_words(data: object) -> object:
    if isinstance(data, dict):
        return {
            k: _without_words(v) for k, v in data.items() if not (k in _WORDS and isinstance(v, str | None))
        }
    return [_without_words(v) for v in data] if isinstance(data, list) else data
