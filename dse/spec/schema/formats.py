"""Number formats by name, and those of the parts of the weights."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from dse.errors import unknown
from dse.spec.schema.base import Spec
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
