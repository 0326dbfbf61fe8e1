"""Where the problems of a study's names are: at the line of the key that is wrong."""

from collections.abc import Callable, Mapping
from pathlib import Path

from dse.errors import Problem
from dse.spec.yaml.yaml_lines import read_yaml


def at_key_of(
    study: Path, case: str | None, keys: Mapping[str, str] | None = None
) -> Callable[[str, Problem], Problem]:
    """What places a problem of a key at its line in the file `study`, or in the case if that has the key.

    `keys` are those that the file has elsewhere: the space of a pool is no key of the study.
    """

    def place(field: str, problem: Problem) -> Problem:
        # the problem may be about a key below the field, such as one of its settings
        key = problem.where if problem.where.startswith(f"{field}.") else field
        size = f"{field}.{problem.where}"  # such as deployment.tp, of which the problem says tp
        if keys and (known := next((k for k in (key, size, field) if k in keys), None)):
            said = problem if known == field else problem.what
            return Problem(_line(study, case, keys[known]), f"{keys[known]}: {said}")
        what = str(problem) if key != field else f"{field}: {problem}"
        return Problem(_line(study, case, key), what)

    return place


def _line(study: Path, case: str | None, field: str) -> str:
    """File and line of a dotted key: in the case if it has the key, else in the study."""
    # read only once something is wrong, which is rare
    lines = read_yaml(study)[1] if study.is_file() else {}
    parts = tuple(field.split("."))
    if case is not None and ("cases", case, parts[0]) in lines:
        parts = ("cases", case, *parts)
    # the deepest part of the key that was written: what is left out has no line
    while parts and parts not in lines:
        parts = parts[:-1]
    return f"{study}:{lines.get(parts, 1)}"
