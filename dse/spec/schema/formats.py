"""Number formats by name, and those of the parts of the weights."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from dse.errors import unknown
from dse.spec.schema.base import Spec
from dse.text import short
from objectives.equations.chip.formats import FORMATS

Format = Annotated[
    # a lambda, since the function is defined below
    str, BeforeValidator(lambda v: _format(v)), WithJsonSchema({"type": "string", "enum": [*FORMATS]})
]


def _format(value: object) -> str:
    if not isinstance(value, str) or value not in FORMATS:
        raise ValueError(unknown("number format", value, FORMATS))
    return value


_Other = Annotated[Format | None, Field(exclude_if=lambda v: v is None)]


class FormatsSpec(Spec):
    """Number formats of the parts of the weights."""

    experts: _Other = None
    """Of routed experts [default: `rest`]."""
    shared: _Other = None
    """Of experts that every token visits [default: `dense`]."""
    dense: _Other = None
    """Of FFNs and bare matrices [default: `rest`]."""
    attention: _Other = None
    """Of projections of attention and of layers with a state [default: `rest`]."""
    embedding: _Other = None
    """Of the embedding [default: `rest`]."""
    head: _Other = None
    """Of the LM head [default: `rest`]."""
    router: _Other = None
    """Of the matrices that choose experts [default: `rest`]."""
    rest: Format
    """Of all parts that are not named."""


_DEFAULTS: Final = MappingProxyType(
    {
        "experts": "rest",
        "dense": "rest",
        "shared": "dense",
        "attention": "rest",
        "embedding": "rest",
        "head": "rest",
        "router": "rest",
    }
)
"""Part to the part whose format it has where it is not named."""

PUBLISHED: Final = "published"
"""Word for the formats that the LLM is published in."""

REST: Final = "rest"
"""All parts that are not named."""


def parts_of(weights: str) -> dict[str, str]:
    """Part to its format, of a word such as `int4` or `experts=mxfp4,rest=bf16`; `rest` is the first."""
    named = dict(pair.split("=") for pair in weights.split(",")) if "=" in weights else {REST: weights}
    found = {REST: named[REST]}
    for part, other in _DEFAULTS.items():
        found[part] = named.get(part, found[other])
    return found


def multiplied(weights: str) -> dict[str, str]:
    """As `parts_of`, of what is multiplied in another format than the rest; `rest` is always there."""
    parts = parts_of(weights)
    return {
        part: name
        for part, name in parts.items()
        if part == REST or (part != "embedding" and name != parts[REST])
    }


def in_a_word(formats: Mapping[str, str]) -> str:
    """The formats of parts as one word, the shortest that says them; that of `rest` where all have it."""
    parts = parts_of(",".join(f"{part}={name}" for part, name in formats.items()))
    named = [f"{part}={parts[part]}" for part, other in _DEFAULTS.items() if parts[part] != parts[other]]
    return ",".join([*named, f"{REST}={parts[REST]}"]) if named else parts[REST]


def weights_named(value: object) -> str:
    """Formats of weights as one word, from a word or from parts; raises `ValueError` with all problems."""
    if value == PUBLISHED:
        what = "Only dse estimate --weights takes that word; write the `formats` of the LLM here"
        raise ValueError(f"expected a number format, or one for each part, got {PUBLISHED}. {what}")
    if isinstance(value, str) and "=" not in value:
        return _format(value)
    given = value
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.split(",")]
        names = [name.strip() for name, _, _ in pairs]
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            raise ValueError(f"expected each part once, got {twice[0]} twice")
        given = {name: text.strip() for name, (_, _, text) in zip(names, pairs, strict=True)}
    if not isinstance(given, dict):
        raise ValueError(f"expected a number format, or one for each part, got {short(value)}")
    if problems := list(_problems(given)):
        raise ValueError("; ".join(problems))
    return in_a_word(given)


def _problems(given: Mapping[object, object]) -> Iterator[str]:
    """What is wrong with formats of parts."""
    parts = (*_DEFAULTS, REST)
    for part, name in given.items():
        if part not in parts:
            yield unknown("part of the weights", part, parts)
        elif not isinstance(name, str) or name not in FORMATS:
            yield f"{part}: {unknown('number format', name, FORMATS)}"
    if REST not in given:
        yield f"expected {REST}, the format of all parts that are not named, got {', '.join(map(str, given))}"


Weights = Annotated[
    str,
    BeforeValidator(weights_named),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": [*FORMATS]},
                {
                    "type": "object",
                    "properties": {
                        part: {"type": "string", "enum": [*FORMATS]} for part in (*_DEFAULTS, REST)
                    },
                    "required": [REST],
                    "additionalProperties": False,
                },
                {"type": "string", "pattern": "^[a-z]+=[a-z0-9_.-]+(,[a-z]+=[a-z0-9_.-]+)*$"},
            ]
        }
    ),
]
"""The format of all weights, or of each part; kept as one word."""
