"""A YAML file to a frozen spec, or every problem in it with its line."""

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dse.errors import Problem, SpecError, nearest, told, unknown
from dse.spec.yaml.wrong_values import wrong_value
from dse.spec.yaml.yaml_lines import Lines, read_yaml
from dse.text import is_count, short

S = TypeVar("S", bound=BaseModel)
KEY: Final = "[key]"
"""What pydantic puts behind the place of a problem with a key instead of its value."""


def load_spec(spec: type[S], path: Path) -> S:
    """The file at `path` as a `spec`; raises `SpecError` with all of its problems."""
    data, lines = read_yaml(path)
    return build_spec(spec, data, str(path), lines)


def build_spec(spec: type[S], data: object, where: str, lines: Lines | None = None) -> S:
    """`data` as a `spec`; `lines` has the line in `where` of each path."""
    lines = lines or {}
    if not isinstance(data, dict):
        got = "nothing" if data is None else type(data).__name__
        raise SpecError([Problem(f"{where}:1", f"expected the keys of a {spec.__name__}, got {got}")])
    try:
        return spec.model_validate(data)
    except ValidationError as error:
        places = getattr(spec, "places", None)
        moved = {} if places is None else places(data)
        raise SpecError(_problems(spec, error, where, _with_moved(lines, moved), moved)) from None


Moved = Mapping[tuple[Hashable, ...], tuple[Hashable, ...]]
"""Place in a spec to the place in its file, see `ChipSpec.places`."""


def _with_moved(lines: Lines, moved: Moved) -> Lines:
    """Lines of what a spec has in another place than the file."""
    new = dict(lines)
    for now, before in moved.items():
        found = {now + at[len(before) :]: n for at, n in lines.items() if at[: len(before)] == before}
        new = {at: n for at, n in new.items() if at[: len(now)] != now} | found
    return new


def build_leaf(spec: type[S], data: Mapping[str, object], where: str, name: str) -> S:
    """As `build_spec`, of one number that the reader knows as `name`, whichever part of it is wrong."""
    try:
        return spec.model_validate(data)
    except ValidationError as error:
        # a union reports the same mistake once for each of its options
        details = error.errors(include_url=False)
        texts = {_say(spec, tuple(detail["loc"]), detail): None for detail in details}
        raise SpecError(Problem(where, f"{name}: {text}", key=name) for text in texts) from None


def _problems(
    spec: type[BaseModel], error: ValidationError, where: str, lines: Lines, moved: Moved
) -> list[Problem]:
    details = _without_echoes(error.errors(include_url=False))
    # a union reports the same mistake once for each of its options
    found = dict.fromkeys(told(_problem(spec, detail, where, lines, moved) for detail in details))
    return sorted(found, key=lambda p: line_number(p.where))


def _problem(spec: type[BaseModel], detail: ErrorDetails, where: str, lines: Lines, moved: Moved) -> Problem:
    loc = tuple(part for part in detail["loc"] if part != KEY)
    if not loc and detail["type"] == "value_error":
        # of a whole file: the line of the key that the sentence begins with, such as `blocks.1.attention`
        text = _say(spec, loc, detail)
        parts = text.partition(":")[0].split(".")
        at = tuple(int(part) if is_count(part) else part for part in parts)
        return Problem(_place(at, where, lines), text)
    return Problem(_place(loc, where, lines), f"{_dotted(as_written(loc, moved))}{_say(spec, loc, detail)}")


def as_written(loc: tuple[Hashable, ...], moved: Moved) -> tuple[Hashable, ...]:
    """The place in the file of a place in a spec."""
    return next((old + loc[len(new) :] for new, old in moved.items() if loc[: len(new)] == new), loc)


def _without_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows: a list is too short where an item of it is wrong and does not count."""
    around = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in around]


def _place(loc: tuple[Hashable, ...], where: str, lines: Lines) -> str:
    # the deepest part that has a line: a missing key is reported where its mapping begins
    for end in range(len(loc), -1, -1):
        if loc[:end] in lines:
            return f"{where}:{lines[loc[:end]]}"
    return where


def line_number(where: str) -> int:
    """The line in `file:line`; 0 where there is none."""
    tail = where.rpartition(":")[2]
    return int(tail) if is_count(tail) else 0


def _dotted(loc: Iterable[Hashable]) -> str:
    text = ".".join(str(part) for part in loc)
    return f"{text}: " if text else ""


def _say(spec: type[BaseModel], loc: tuple[Hashable, ...], detail: ErrorDetails) -> str:
    """One mistake in plain words, with the nearest names where one is unknown."""
    kind, got = detail["type"], detail.get("input")
    if kind == "extra_forbidden":
        return f"unknown key; {nearest(str(loc[-1]), _keys(spec, loc[:-1]))}"
    if kind == "missing":
        return "missing key"
    # our own validators speak in whole sentences already
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "literal_error":
        known = _words_at(spec, loc, key=detail["loc"][-1] == KEY)
        return unknown("value", got, known)
    if kind in ("model_type", "model_attributes_type", "dataclass_type"):
        return f"expected {_form_at(spec, loc, got)}, got {short(got)}"
    return wrong_value(kind, detail.get("ctx", {}), detail["msg"], got)


def _form_at(spec: object, loc: tuple[Hashable, ...], got: object) -> str:
    """What a mapping at `loc` looks like, with an example where it is a number and its source."""
    keys = _keys(spec, loc)
    if {"value", "source", "basis"} <= set(keys):
        # what was written, in the form that a file wants
        value = short(got) if isinstance(got, int | float | str) else "VALUE"
        example = f"{{value: {value}, source: assumption, basis: assumption}}"
        return f"a value with its source and basis, such as {example}"
    return f"a mapping of the keys {', '.join(keys)}" if keys else "a mapping of keys to values"


def _words_at(spec: object, loc: tuple[Hashable, ...], *, key: bool) -> list[str]:
    """Words that the type of the value at `loc` allows, or that of its key."""
    for part in loc[: -1 if key else None]:
        spec = _step(spec, part)
    return _literals(get_args(spec)[0] if key else spec)


def _literals(annotation: object) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for inner in get_args(annotation) for word in _literals(inner)]


def _keys(spec: object, loc: tuple[Hashable, ...]) -> list[str]:
    """Keys that the spec knows at `loc`."""
    for part in loc:
        spec = _step(spec, part)
    found = _model(spec)
    return [] if found is None else [f.alias or name for name, f in found.model_fields.items()]


def _step(spec: object, part: Hashable) -> object:
    """The type of what a key or an index of a value of type `spec` holds."""
    found = _model(spec)
    if found is not None:
        for name, field in found.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        # no key, such as the option of a union that pydantic names: the type stays
        return spec
    args = [a for a in get_args(spec) if a is not Ellipsis]
    # dict[K, V] and tuple[V, ...]: the last argument is the type of what is held
    return args[-1] if args else spec


def _model(spec: object) -> type[BaseModel] | None:
    if isinstance(spec, type) and issubclass(spec, BaseModel):
        return spec
    # of a union the first model: what else may be there has no keys
    if get_origin(spec) in (Union, UnionType):
        for arg in get_args(spec):
            if (found := _model(arg)) is not None:
                return found
    return None
