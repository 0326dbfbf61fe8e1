"""Number formats of what a sequence keeps: its KV cache, the keys of an index, and the states of layers."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

from dse.errors import unknown
from dse.text import short
from objectives.equations.chip.formats import FORMATS

CACHE: Final = "cache"
"""Part that each other format has where it is not named, but for `state`."""

_PARTS: Final = (CACHE, "index", "state")


def kept_parts(kv: str) -> dict[str, str]:
    """Part to its format, of a word such as `fp8` or `cache=fp8,index=bf16`; `cache` is always there.

    What is not named is left out: an index has the format of the cache, a state that of the LLM file.
    """
    return dict(pair.split("=") for pair in kv.split(",")) if "=" in kv else {CACHE: kv}


def kv_named(value: object) -> str:
    """Formats of what is kept as one word, from a word or parts; raises `ValueError` with all problems."""
    if isinstance(value, str) and "=" not in value:
        if value not in FORMATS:
            raise ValueError(unknown("number format", value, FORMATS))
        return value
    given = value
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.split(",")]
        names = [name.strip() for name, _, _ in pairs]
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            raise ValueError(f"expected each part once, got {twice[0]} twice")
        given = {name: text.strip() for name, (_, _, text) in zip(names, pairs, strict=True)}
    if not isinstance(given, Mapping):
        raise ValueError(f"expected a number format, or one for each part, got {short(value)}")
    problems = [unknown("part of what is kept", part, _PARTS) for part in given if part not in _PARTS]
    problems += [
        f"{part}: {unknown('number format', name, FORMATS)}"
        for part, name in given.items()
        if part in _PARTS and (not isinstance(name, str) or name not in FORMATS)
    ]
    if CACHE not in given and not problems:  # a misspelt one is named already
        problems.append(f"expected {CACHE}, the format of the KV cache, got {', '.join(map(str, given))}")
    if problems:
        raise ValueError("; ".join(problems))
    found = {part: str(given[part]) for part in _PARTS if part in given}
    if found.get("index") == found[CACHE]:
        del found["index"]
    return ",".join(f"{part}={name}" for part, name in found.items()) if len(found) > 1 else found[CACHE]


KvFormats = Annotated[
    str,
    BeforeValidator(kv_named),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": [*FORMATS]},
                {
                    "type": "object",
                    "properties": {part: {"type": "string", "enum": [*FORMATS]} for part in _PARTS},
                    "required": [CACHE],
                    "additionalProperties": False,
                },
                {"type": "string", "pattern": "^[a-z]+=[a-z0-9_.-]+(,[a-z]+=[a-z0-9_.-]+)*$"},
            ]
        }
    ),
]
"""The format of the KV cache, or one for each of cache, index and state; kept as one word."""
