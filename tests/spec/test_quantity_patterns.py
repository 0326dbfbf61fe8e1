"""JSON Schemas of quantities against the reader of units, and keys in words against the schema."""

import re
from typing import Any

import pytest

from dse.errors import UnitError
from dse.spec.catalog.kinds import SPECS
from dse.spec.json_schema.descriptions import Key, is_sourced, keys_of, resolved, said, type_of
from dse.spec.json_schema.generate import json_schema
from dse.spec.json_schema.quantities import UNIT, quantity_schema
from dse.spec.yaml.units import parse

# Every text that a person may write, with the unit that it is a quantity of.
WRITTEN = {
    "B": (
        "80 GB",
        "16 GiB",
        "512 MiB",
        "1 B",
        "3 bytes",
        "8 bit",
        "1.5 TB",
        "0.5 kB",
        "2 Ti B".replace(" B", "B"),
    ),
    "B/s": ("3.35 TB/s", "100 GB/s", "900 Gbit/s", "150 GB / s", "1 GiB/s", "2 B/h"),
    "s": ("50 ms", "2 s", "3 min", "1 h", "4 years", "0.9 us", "7 ns", "1 day"),
    "USD": ("26 kUSD", "1 MUSD", "20000 USD"),
    "W": ("700 W", "1.2 kW", "5 mW"),
    "J": ("5 pJ", "1 kWh", "3 Wh", "2 J"),
    "FLOP/s": ("989 TFLOP/s", "1 PFLOP/s", "4 GOP/s", "3 op/s"),
    "token": ("512 token", "4 ktoken", "1 tokens"),
    "token/s": ("500 token/s", "2 ktoken/s"),
    "m2": ("814 mm2", "1 cm2", "2 m2", "5 um2"),
    "m": ("26 mm", "3 um", "1 cm", "1 m"),
    "USD/W": ("3 USD/W", "1 USD/kW"),
    "": ("0.5", "3", "1e3", "-2", "+.5"),
}


@pytest.mark.parametrize(
    ("unit", "text"), [(unit, text) for unit, texts in WRITTEN.items() for text in texts]
)
def test_what_the_reader_reads_an_editor_does_not_mark(unit: str, text: str) -> None:
    parse(text, unit)
    assert re.search(str(quantity_schema(unit)["pattern"]), text)


@pytest.mark.parametrize("unit", WRITTEN)
def test_what_an_editor_lets_through_has_the_dimension_of_its_unit(unit: str) -> None:
    """A text of another unit matches the pattern only where it can be converted."""
    pattern = str(quantity_schema(unit)["pattern"])
    for other, texts in WRITTEN.items():
        for text in texts:
            if re.search(pattern, text):
                parse(text, unit)
            elif other != unit:
                with pytest.raises(UnitError):
                    parse(text, unit)


@pytest.mark.parametrize(
    ("unit", "text"),
    [("B", "80"), ("B", "80 gb"), ("s", "50"), ("s", "ms"), ("", "4 GB"), ("B/s", "3 TB"), ("W", "1 kW/s")],
)
def test_a_quantity_without_its_unit_is_marked_and_refused(unit: str, text: str) -> None:
    assert not re.search(str(quantity_schema(unit)["pattern"]), text)
    with pytest.raises(UnitError):
        parse(text, unit)


def test_zero_is_the_only_bare_number_of_a_quantity_and_any_is_of_a_plain_one() -> None:
    assert {k: quantity_schema("B")[k] for k in ("minimum", "maximum")} == {"minimum": 0, "maximum": 0}
    assert "minimum" not in quantity_schema("") and quantity_schema("")[UNIT] == "1"


@pytest.mark.parametrize("unit", [*WRITTEN, "1/s", "USD/(token/s)", "m2*s/B"])
def test_the_example_of_a_schema_is_one_of_its_unit(unit: str) -> None:
    schema = quantity_schema(unit)
    (example,) = schema["examples"]  # type: ignore[misc]
    assert re.search(str(schema["pattern"]), example)
    assert parse(example, unit) == 1.0


# --- keys in words


ROOT: dict[str, Any] = {
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "Its name."},
        "speed": {"$ref": "#/$defs/sourced", "default": None, "description": "At this place."},
        "note": {"anyOf": [{"$ref": "#/$defs/inner"}, {"type": "null"}], "default": None},
        "many": {"type": "array", "items": {"$ref": "#/$defs/inner"}, "default": []},
        "free": {"type": "object", "additionalProperties": {"type": "number", UNIT: "B"}, "default": {}},
        "word": {"enum": ["a", "b"], "default": "a"},
        "flag": {"type": "boolean", "default": True},
    },
    "$defs": {
        "inner": {
            "type": "object",
            "description": "Of its own.",
            "properties": {"x": {"type": "integer", "description": "A count.", "default": 3}},
        },
        "sourced": {
            "description": "Any.",
            "properties": {"value": {"type": ["string", "number"], UNIT: "B/s"}, "source": {}, "basis": {}},
        },
    },
}


def by_path(data: Any = None) -> dict[str, Key]:
    return {key.dotted: key for key in keys_of(ROOT, data)}


def test_keys_come_in_the_order_of_the_schema_with_type_unit_and_default() -> None:
    found = by_path()
    assert list(found) == list(ROOT["properties"])
    shown = {name: (key.type, key.unit, key.default) for name, key in found.items()}
    assert shown == {
        "name": ("text", "", ""),
        "speed": ("quantity, with source", "B/s", "none"),
        "note": ("mapping", "", "none"),
        "many": ("list of mapping", "", "none"),
        "free": ("mapping of quantity", "B", "none"),
        "word": ("`a` \\| `b`", "", "a"),
        "flag": ("true or false", "", "true"),
    }
    assert [name for name, key in found.items() if key.required] == ["name"]


def test_the_words_at_the_place_of_use_win_over_those_of_the_type() -> None:
    found = by_path()
    assert found["speed"].description == "At this place."
    assert found["note"].description == "Of its own."


def test_keys_below_a_mapping_are_those_that_the_data_have() -> None:
    data = {"name": "a", "speed": {"value": "1 B/s"}, "note": {"x": 1}, "many": [{"x": 1}, {}]}
    found = by_path(data)
    assert {name for name, key in found.items() if key.given} == {
        "name",
        "speed",
        "note",
        "note.x",
        "many",
        "many.0.x",
    }
    assert "many.1.x" in found and not found["many.1.x"].given
    # a number with its source is one key
    assert not any(name.startswith("speed.") for name in found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (False, "false"),
        ([], "none"),
        ({}, "none"),
        (3, "3"),
        ("a b", "a b"),
        ({"a": 1, "b": None}, "a: 1, b: none"),
    ],
)
def test_a_default_is_written_as_a_file_writes_it(value: object, text: str) -> None:
    assert said(value) == text


def test_a_reference_and_an_optional_key_lead_to_the_same_schema() -> None:
    inner = ROOT["$defs"]["inner"]
    assert resolved(ROOT, {"$ref": "#/$defs/inner"}) is inner
    assert resolved(ROOT, ROOT["properties"]["note"]) is inner
    either = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    assert resolved(ROOT, either) is either and type_of(ROOT, either) == "text or whole number"


@pytest.mark.parametrize("kind", SPECS)
def test_every_key_of_a_spec_is_a_key_of_its_schema_with_its_requirement(kind: str) -> None:
    fields = {field.alias or name: field for name, field in SPECS[kind].model_fields.items()}
    found = {key.dotted: key for key in keys_of(json_schema(kind))}
    assert set(found) == set(fields)
    # of a study, a mix takes the place of the two; of a chip, entries of its list of memories
    mixed = {"study": {"llm", "workload"}, "chip": {"sram", "dram"}}.get(kind, set())
    for name, key in found.items():
        assert key.required is (fields[name].is_required() and name not in mixed), name
        assert key.description, name
        assert (key.default == "") is key.required, name


@pytest.mark.parametrize("kind", SPECS)
def test_numbers_with_a_source_are_named_by_their_unit_and_no_reference_leads_nowhere(kind: str) -> None:
    schema = json_schema(kind)
    definitions = schema.get("$defs", {})
    text = str(schema)
    for target in set(re.findall(r"#/\$defs/([\w.-]+)", text)):
        assert target in definitions
    for name, inner in definitions.items():
        assert name.startswith("sourced_") is is_sourced(inner), name
