"""Options that verbs share are fields of a dataclass; a verb takes the dataclass as one parameter."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, signature


def with_groups(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb` with every parameter that is a dataclass replaced by one option for each of its fields.

    A field without a default is a required option. The help lists the options in the order of the
    parameters, and the fields of a group in its place.
    """
    own = signature(verb).parameters
    kinds = {name: p.annotation for name, p in own.items()}
    # a plain option is `Annotated`, which is no class
    groups = {n: kind for n, kind in kinds.items() if isinstance(kind, type) and is_dataclass(kind)}

    @wraps(verb)
    def call(**values: object) -> None:
        made = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        verb(**values, **made)

    parameters = [q for name, p in own.items() for q in _options(p, groups.get(name))]
    # typer reads both the signature and the type hints of a command
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    call.__signature__ = signature(verb).replace(parameters=parameters)  # type: ignore[attr-defined]
    return call


def _options(own: Parameter, group: type | None) -> Iterator[Parameter]:
    """The parameters that stand for one: itself, or the fields of its group."""
    if group is None:
        # keyword-only, because a required option may follow one with a default
        yield own.replace(kind=Parameter.KEYWORD_ONLY)
        return
    for field in fields(group):
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=_default(field), annotation=field.type)


def _default(field: Field[object]) -> object:
    return Parameter.empty if field.default is MISSING else field.default
