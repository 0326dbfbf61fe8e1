"""Keys of a file by their path: description, unit, default, read from its JSON Schema."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from dse.spec.json_schema.generate import Schema
from dse.spec.json_schema.quantities import TYPE, UNIT


@dataclass(frozen=True)
class Key:
    """One key of a file."""

    path: tuple[Hashable, ...]
    description: str
    unit: str
    """SI unit of its number; empty for a plain number and for what is none."""
    required: bool
    default: str
    """As a file would say it; empty where the key is required."""
    type: str
    """What may be written, in words."""
    given: bool = False
    """Whether the data that were looked at have it."""

    @property
    def dotted(self) -> str:
        """The path with dots."""
        return ".".join(str(part) for part in self.path)


def keys_of(schema: Schema, data: Any = None) -> Iterator[Key]:
    """Keys of `schema`, in their order, and of the mappings that `data` has below them."""
    yield from _keys(schema, schema, (), data)


def _keys(root: Schema, schema: Schema, path: tuple[Hashable, ...], data: Any) -> Iterator[Key]:
    """Every key that `data` sets, with its path and what the schema says of it."""
    here = resolved(root, schema)
    if isinstance(data, list):
        for i, item in enumerate(data):
            yield from _keys(root, here.get("items", {}), (*path, i), item)
        return
    known = data if isinstance(data, dict) else {}
    for name, inner in here.get("properties", {}).items():
        yield key_of(root, here, inner, (*path, name), given=name in known)
        # a number with its source is one key: value, source and basis are explained once for all
        if name in known and not is_sourced(resolved(root, inner)):
            yield from _keys(root, inner, (*path, name), known[name])
    free = here.get("additionalProperties")
    if isinstance(free, dict) and not is_sourced(resolved(root, free)):
        for name, value in known.items():
            yield from _keys(root, free, (*path, name), value)


def key_of(
    root: Schema, parent: Schema, schema: Schema, path: tuple[Hashable, ...], *, given: bool = False
) -> Key:
    """The last key of `path`, with its `schema`, in a mapping with the schema `parent`."""
    here = resolved(root, schema)
    required = path[-1] in parent.get("required", ())
    # a number with its source has the unit of its value
    value = here["properties"]["value"] if is_sourced(here) else here
    unit = _unit(root, value)
    return Key(
        path=path,
        # the words at the place of use win over those of the type
        description=str(schema.get("description") or here.get("description") or ""),
        unit="" if unit in ("1", "name") else unit,
        required=required,
        default="" if required else said(schema.get("default")),
        type=type_of(root, schema),
        given=given,
    )


def resolved(root: Schema, schema: Schema) -> Schema:
    """The schema that a reference or an option other than null leads to."""
    if "$ref" in schema:
        found: Schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return found
    # an optional key has its own type and null; the former says what may be written
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return resolved(root, options[0]) if len(options) == 1 else schema


def is_sourced(schema: Schema) -> bool:
    """Whether it is a number with its source."""
    return {"value", "source", "basis"} <= set(schema.get("properties", {}))


def _unit(root: Schema, schema: Schema) -> str:
    here = resolved(root, schema)
    if UNIT in here:
        return str(here[UNIT])
    inner = here.get("items") or here.get("additionalProperties")
    return _unit(root, inner) if isinstance(inner, dict) else ""


_WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}


def type_of(root: Schema, schema: Schema) -> str:
    """What may be written, in words."""
    here = resolved(root, schema)
    # words of its own win over those that follow from the schema
    if TYPE in here:
        return str(here[TYPE])
    if is_sourced(here):
        return f"{type_of(root, here['properties']['value'])}, with source"
    if "enum" in here or "const" in here:
        # the words are shown in a table of Markdown, where a bare bar would end the cell
        return " \\| ".join(f"`{word}`" for word in here.get("enum", [here.get("const")]))
    if here.get(UNIT, "1") not in ("1", "name"):
        return "quantity"
    if here.get("type") == "array":
        return f"list of {type_of(root, here['items'])}"
    if here.get("type") == "object":
        free = here.get("additionalProperties")
        if isinstance(free, dict) and "properties" not in here:
            return f"mapping of {type_of(root, free)}"
        return "mapping"
    if "anyOf" in here:
        return " or ".join(dict.fromkeys(type_of(root, option) for option in here["anyOf"]))
    types = here.get("type", "string")
    listed: list[str] = types if isinstance(types, list) else [types]
    return " or ".join(_WORDS.get(kind, kind) for kind in listed)


def said(value: object) -> str:
    """A default as a file would say it."""
    if value is None:
        return "none"
    # as YAML spells it: `str` would give True
    if isinstance(value, bool):
        return str(value).lower()
    if value in ([], {}):
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {said(inner)}" for key, inner in value.items())
    return str(value)
