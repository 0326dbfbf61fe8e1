"""Look-ups of what a study names: each problem gets its line, and all are reported at once."""

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from dse.errors import Problem, SpecError, UnitError
from dse.spec.yaml.yaml_lines import read_yaml

P = ParamSpec("P")
T = TypeVar("T")


class LookUps:
    """Runs look-ups one by one and keeps the problems of those that fail."""

    def __init__(self, study: Path, case: str | None) -> None:
        self.study, self.case = study, case
        self.problems: list[Problem] = []

    def __call__(self, field: str, look_up: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """The result of a look-up for the key `field` of the study; None where it failed, until `done`."""
        try:
            return look_up(*args, **options)
        except (SpecError, UnitError) as error:
            problems = error.problems if isinstance(error, SpecError) else [Problem("", str(error))]
            self.problems += [self._placed(field, p) for p in problems]
            return cast(T, None)  # `done` raises before it is used

    def done(self) -> None:
        """Raise `SpecError` with the problems of all look-ups so far, if there are any."""
        if self.problems:
            raise SpecError(self.problems)

    def _placed(self, field: str, problem: Problem) -> Problem:
        """A problem at the line of `field`, or of the key below it that the problem names."""
        # the problem may be about a key below the field, such as one of its settings
        key = problem.where if problem.where.startswith(f"{field}.") else field
        what = str(problem) if key != field else f"{field}: {problem}"
        return Problem(self._line(key), what)

    def _line(self, field: str) -> str:
        """File and line of a dotted key: in the case if it has the key, else in the study."""
        # read only once something is wrong, which is rare
        lines = read_yaml(self.study)[1] if self.study.is_file() else {}
        parts = tuple(field.split("."))
        if self.case is not None and ("cases", self.case, parts[0]) in lines:
            parts = ("cases", self.case, *parts)
        # the deepest part of the key that was written: what is left out has no line
        while parts and parts not in lines:
            parts = parts[:-1]
        return f"{self.study}:{lines.get(parts, 1)}"
