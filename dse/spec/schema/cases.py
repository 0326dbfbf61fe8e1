"""Cases of a study: the same question with other values of a few keys.

A study is a whole question by itself, its first case. Every entry under `cases` names the keys that differ, a
mapping by its inner keys; `title` is then the short text that identifies the case. A case has the name
`STUDY/CASE` wherever a study has one, and its results are stored in a folder of the results of its study.

The same question under other software is a case as well, written behind an `@`: `STUDY@equal`,
`STUDY/CASE@ideal` (see `dse.spec.schema.software`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.schema.software import split_software
from dse.spec.schema.study import StudySpec
from dse.spec.yaml.loading import build_spec, load_spec
from dse.spec.yaml.yaml_lines import Lines, read_yaml
from dse.text import no_text

FIXED: Final = ("kind", "name", "cases")
"""Keys that a case has in common with its study."""


def case_spec(path: Path, case: str | None) -> StudySpec:
    """The question of one case of the study at `path`, of the study itself for None.

    Raises `SpecError` with all problems, at the lines where the case was written.
    """
    name, software = split_software(case or "")
    if software is None:
        return _case(path, case)
    spec = _case(path, name or None)
    changes: dict[str, object] = {"title": f"{spec.title}: {software} software", "software": software}
    if software != "as-sold":  # stacks say what is sold
        changes |= {"stack": None, "stacks": {}}
    return spec.model_copy(update=changes)


def _case(path: Path, case: str | None) -> StudySpec:
    """A case under the software that it is sold with; its problems have the lines of its own keys."""
    # the whole file first: its own mistakes are reported before those of a case
    study = load_spec(StudySpec, path)
    if case is None:
        return study
    if case not in study.cases:
        raise spec_error(str(path), f"unknown case {case!r}; {nearest(case, study.cases)}")
    data, lines = read_yaml(path)
    given = study.cases[case]
    if shared := [key for key in FIXED if key in given]:
        where = f"{path}:{lines.get(('cases', case, shared[0]), 1)}"
        raise SpecError(
            [
                Problem(
                    where, f"cases.{case}: expected only keys that a case may change, got {', '.join(shared)}"
                )
            ]
        )
    keys = cast(dict[str, object], data)  # `load_spec` has read the same file
    # without the other cases: a case has none of its own
    merged = _merged({**keys, "cases": {}, "title": f"{study.title}: {case}"}, given)
    return build_spec(StudySpec, merged, str(path), _with_lines_of(lines, case))


def slug_of(spec: StudySpec, path: Path, case: str | None) -> str:
    """Name of the results: the folder of a study, the name in a file that is elsewhere; then the case."""
    # resolved: the relative path `study.yaml` has no folder in it
    slug = path.resolve().parent.name if path.name == "study.yaml" else spec.name
    # results are stored under it, as text
    if no_text(slug):
        raise spec_error(str(path), "expected a folder whose name is UTF-8 text, got another encoding")
    return f"{slug}/{case}" if case else slug


def _merged(base: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """`base` with the keys of `other` in place, mappings key by key."""
    out = dict(base)
    for key, value in other.items():
        old = out.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            out[key] = _merged(old, value)
        else:
            # a list too is replaced as a whole: nothing says which item is meant
            out[key] = value
    return out


def _with_lines_of(lines: Lines, case: str) -> Lines:
    """Lines of a merged question: those of the case for its own keys, those of its study for the others."""
    # places in the merged question, which has neither `cases` nor the name of the case
    own = {path[2:]: line for path, line in lines.items() if path[:2] == ("cases", case) and len(path) > 2}
    return {**lines, **own}
