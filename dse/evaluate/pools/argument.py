"""What a user says of a pool: `decode=lp30`, or with a layout, `decode=lp30,tp=8,pp=40`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dse.errors import Problem, SpecError, nearest, spec_error
from dse.text import short
from objectives.systems.split import ROLES, roles_problem

SIZES = ("batch", "tp", "cp", "pp", "ep", "dp")
"""Sizes of a layout that a pool may be given."""


@dataclass(frozen=True, kw_only=True)
class PoolArgument:
    """One pool as it is given."""

    role: str
    chip: str
    stack: str | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes that are given; those left out are chosen."""

    @property
    def where(self) -> str:
        """What an error names."""
        return f"--pool {self.role}={self.chip}"


def read_pools(texts: Sequence[str]) -> tuple[PoolArgument, ...]:
    """The pools of a command line, in the order of their split; raises `SpecError` with all problems."""
    problems: list[Problem] = []
    found: list[PoolArgument] = []
    for text in texts:
        try:
            found.append(read_pool(text))
        except SpecError as error:
            problems += error.problems
    roles = tuple(pool.role for pool in found)
    if twice := sorted({role for role in roles if roles.count(role) > 1}):
        problems.append(Problem("--pool", f"expected each role once, got {', '.join(twice)} twice"))
    elif not problems and (why := roles_problem(roles)):
        problems.append(Problem("--pool", why))
    if problems:
        raise SpecError(problems)
    return tuple(sorted(found, key=lambda pool: ROLES.index(pool.role)))


def read_pool(text: str) -> PoolArgument:
    """One pool; raises `SpecError` with all its problems."""
    head, *rest = text.split(",")
    role, equals, chip = (part.strip() for part in head.partition("="))
    if not equals or not role or not chip:
        raise spec_error("--pool", f"expected ROLE=CHIP, e.g. decode=lp30, got {short(text)}")
    problems: list[Problem] = []
    if role not in ROLES:
        problems.append(Problem("--pool", f"unknown role {role!r}; {nearest(role, ROLES)}"))
    sizes: dict[str, int] = {}
    stack: str | None = None
    for part in rest:
        name, _, value = (each.strip() for each in part.partition("="))
        if name == "stack" and value:
            stack = value
        elif name not in SIZES:
            known = (*SIZES, "stack")
            problems.append(Problem(f"--pool {head}", f"unknown name {name!r}; {nearest(name, known)}"))
        elif name in sizes:
            problems.append(Problem(f"--pool {head}", f"{name}: expected it once, got it twice"))
        elif not value.isdecimal() or not 1 <= int(value) <= 10**9:
            what = f"{name}: expected a whole number of at least 1, got {value or 'nothing'}"
            problems.append(Problem(f"--pool {head}", what))
        else:
            sizes[name] = int(value)
    if problems:
        raise SpecError(problems)
    return PoolArgument(role=role, chip=chip, stack=stack, sizes=sizes)
