"""JSON Schemas of the files: what an editor needs to complete keys and to mark mistakes."""

from json import dumps
from typing import Any

from dse.spec.catalog.kinds import SPECS
from dse.spec.json_schema.quantities import UNIT
from dse.spec.schema.cases import FIXED

Schema = dict[str, Any]
"""A JSON Schema as plain data."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(kind: str) -> Schema:
    """The schema of files of a `kind` of `dse.spec.catalog.kinds.SPECS`."""
    schema = SPECS[kind].model_json_schema()
    if kind == "study":
        _describe_cases(schema)
    # the title last: that of the spec is the name of a class
    titled = {"$schema": _DIALECT, **schema, "title": f"dse {kind}"}
    named: Schema = _renamed(titled, _names(schema.get("$defs", {})))
    return named


def _describe_cases(schema: Schema) -> None:
    """Give a case the keys of a study, but for those that it has in common with its study."""
    keys = {name: _loose(key) for name, key in schema["properties"].items() if name not in FIXED}
    (case,) = schema["properties"]["cases"]["patternProperties"].values()
    case |= {"properties": keys, "additionalProperties": False}


def _loose(key: Schema) -> Schema:
    """The schema of a key in a case: a mapping may give some of its keys, and null removes a key."""
    options = key.get("anyOf", [key])
    inner = any("$ref" in option for option in options)
    said = {"description": key["description"]} if "description" in key else {}
    return {"type": ["object", "null"], **said} if inner else {"anyOf": [*options, {"type": "null"}], **said}


def schema_text(kind: str) -> str:
    """The schema of a `kind` as the text of a file."""
    return dumps(json_schema(kind), indent=1) + "\n"


def _names(definitions: Schema) -> dict[str, str]:
    """A definition to the name that it gets: numbers with a source are named by their unit."""
    found: dict[str, str] = {}
    for name, schema in definitions.items():
        short = _sourced_name(schema) or name
        # several types may have one unit, such as numbers with different limits
        number = sum(other.partition("-")[0] == short for other in found.values())
        found[name] = f"{short}-{number + 1}" if number else short
    return found


def _sourced_name(schema: Schema) -> str | None:
    """`sourced_B_per_s` for a number with a source in B/s; None for another definition."""
    keys = schema.get("properties", {})
    if not {"value", "source", "basis"} <= keys.keys():
        return None
    unit = next((u for u in _units(keys["value"])), "value")
    return f"sourced_{unit.replace('/', '_per_').replace('*', '_')}"


def _units(schema: Schema) -> list[str]:
    """Units that a schema or its options name, plain numbers left out."""
    own = [schema[UNIT]] if schema.get(UNIT, "1") != "1" else []
    return own + [unit for option in schema.get("anyOf", ()) for unit in _units(option)]


def _renamed(data: Any, names: dict[str, str]) -> Any:
    """`data` with definitions and references to them under their new names."""
    if isinstance(data, list):
        return [_renamed(item, names) for item in data]
    if not isinstance(data, dict):
        return data
    out = {key: _renamed(value, names) for key, value in data.items()}
    # both at once: else a reference would lead nowhere
    if "$defs" in out:
        out["$defs"] = {names[name]: value for name, value in out["$defs"].items()}
    if "$ref" in out:
        old = out["$ref"].removeprefix("#/$defs/")
        out["$ref"] = f"#/$defs/{names[old]}"
    return out
