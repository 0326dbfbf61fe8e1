"""JSON Schemas: every bundled file keeps its schema, mistakes do not, and every key is described."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from dse.errors import SpecError
from dse.spec.catalog.kinds import SPECS
from dse.spec.json_schema.generate import Schema, json_schema
from dse.spec.json_schema.quantities import UNIT
from dse.spec.schema.base import Sourced
from dse.spec.yaml.loading import build_spec

ROOT = Path(__file__).resolve().parents[2]
FILES = [*sorted((ROOT / "configs").rglob("*.yaml")), *sorted((ROOT / "studies").rglob("*.yaml"))]


@cache
def validator(kind: str) -> Any:
    schema = json_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def as_json(data: Any) -> Any:
    """YAML as an editor reads it: dates are text."""
    if isinstance(data, dict):
        return {str(key): as_json(value) for key, value in data.items()}
    if isinstance(data, list):
        return [as_json(value) for value in data]
    return data.isoformat() if isinstance(data, date) else data


def read(path: Path) -> Any:
    return as_json(yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


@pytest.mark.parametrize("kind", SPECS)
def test_every_bundled_file_keeps_its_schema(kind: str) -> None:
    files = [(path, data) for path in FILES if (data := read(path))["kind"] == kind]
    assert files
    wrong = [f"{p.name}: {e.message}" for p, data in files for e in validator(kind).iter_errors(data)]
    assert wrong == []


BROKEN = {
    "workload: an unknown key": ("workload", ["serving_mode"], "aggregated"),
    "workload: an unknown word": ("workload", ["serving"], "agregated"),
    "workload: a bare number": ("workload", ["isl", "value"], 512),
    "workload: the wrong unit": ("workload", ["isl", "value"], "512 GB"),
    "workload: a negative quantity": ("workload", ["isl", "value"], [512]),
    "workload: a target without its unit": ("workload", ["targets", "tpot"], "50"),
    "chip: a capacity as bandwidth": ("chip", ["sram", "bandwidth", "value"], "80 TB"),
    "chip: an unknown number format": ("chip", ["peak", "fp17"], {"value": "1 TFLOP/s"}),
    "chip: a basis that is none": ("chip", ["power", "basis"], "guess"),
    "chip: no name of a file": ("chip", ["name"], "My Chip"),
    "llm: no layers": ("llm", ["blocks"], []),
    "llm: no heads": ("llm", ["blocks", 0, "attention", "heads"], 0),
    "space: an unknown parameter": ("space", ["branches", "sram-only", "parameters", "sramm"], "1 MB"),
    "space: the wrong unit": ("space", ["branches", "sram-only", "parameters", "sram", "low"], "32 GB/s"),
    "space: names as a range": ("space", ["branches", "sram-only", "parameters", "process"], "n5"),
    "study: an unknown number format": ("study", ["precision", "kv"], "fp7"),
    "study: no trials": ("study", ["budget", "trials"], 0),
    "study: an unknown price method": ("study", ["price", "method"], "cheap"),
}
GOOD = {
    "workload": "configs/workloads/chat.yaml",
    "chip": "configs/chips/lpu-hbm.yaml",
    "llm": "configs/llms/llama3.3-70b.yaml",
    "space": "configs/spaces/lpu-or-hbm.yaml",
    "study": "studies/0001-groq-vs-h100/study.yaml",
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_breaks_the_schema_and_the_spec_alike(mistake: str) -> None:
    kind, (*path, last), value = BROKEN[mistake]
    data = read(ROOT / GOOD[kind])
    assert validator(kind).is_valid(data)
    inner = data
    for key in path:
        inner = inner[key]
    inner[last] = value
    assert not validator(kind).is_valid(data)
    with pytest.raises(SpecError):
        build_spec(SPECS[kind], data, "file")


@pytest.mark.parametrize("kind", GOOD)
def test_every_missing_key_breaks_the_schema(kind: str) -> None:
    good = read(ROOT / GOOD[kind])
    required = json_schema(kind)["required"]
    assert required
    for key in required:
        assert not validator(kind).is_valid({k: v for k, v in good.items() if k != key}), key


def test_a_mix_stands_for_the_llm_and_the_workload_of_a_study() -> None:
    study = read(ROOT / GOOD["study"])
    part = {"llm": study.pop("llm"), "workload": study.pop("workload"), "weight": 1}
    assert not validator("study").is_valid(study)
    assert validator("study").is_valid({**study, "mix": [part, part]})


@pytest.mark.parametrize("key", ["deployments", "name", "cases"])
def test_a_case_has_the_keys_of_a_study_but_for_its_name_and_cases(key: str) -> None:
    study = read(ROOT / GOOD["study"])
    assert study["cases"]
    study["cases"]["batch-1"][key] = {}
    assert not validator("study").is_valid(study)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _all_models(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    if model not in seen:
        seen.add(model)
        for field in model.model_fields.values():
            for inner in _models(field.annotation):
                _all_models(inner, seen)
    return seen


@pytest.mark.parametrize("kind", SPECS)
def test_every_key_is_described(kind: str) -> None:
    models = _all_models(SPECS[kind], set())
    missing = [f"{m.__name__}.{n}" for m in models for n, f in m.model_fields.items() if not f.description]
    assert missing == [], "write a docstring below each of these"
    assert all(model.__doc__ for model in models if not issubclass(model, Sourced))


def _numbers(schema: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    """Every schema of a number that is no count, with its place."""
    if "number" in schema.get("type", ()) and "enum" not in schema:
        yield place, schema
    for key, inner in schema.get("properties", {}).items():
        yield from _numbers(inner, f"{place}.{key}")
    for word in ("anyOf", "allOf", "prefixItems"):
        for inner in schema.get(word, ()):
            yield from _numbers(inner, place)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from _numbers(schema[word], f"{place}[]")


FREE = {"study.settings[]", "study.confidence"}
"""Numbers whose unit is that of the number they replace, and a probability."""


@pytest.mark.parametrize("kind", SPECS)
def test_every_number_says_its_unit(kind: str) -> None:
    schema = json_schema(kind)
    places = [*_numbers(schema, kind)]
    for name, inner in schema.get("$defs", {}).items():
        places += _numbers(inner, name)
    assert [place for place, found in places if UNIT not in found and place not in FREE] == []
