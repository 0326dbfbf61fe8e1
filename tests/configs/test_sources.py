"""Every number has a birth certificate, and every source is there because a number needs it."""

import gzip
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from dse.spec.catalog.lookup import KINDS, Catalog
from dse.spec.schema.base import Basis, Sourced, sourced_values
from dse.spec.yaml.yaml_lines import read_yaml

CATALOG = Catalog()
CONFIGS = CATALOG.folders[-1]
FILES = [(kind, path) for kind in KINDS for path in CATALOG.files(kind).values()]
SPECIFIED = [(k, p) for k, p in FILES if k not in ("silicon", "spaces")]
"""Files about things that exist or are asked for; technology files and spaces have shapes of their own."""

# Numbers that stand outside a leaf: sizes of a network share the certificate of its `architecture`,
# and latency targets are promises that a study makes, not facts.
UNCERTIFIED = {
    "chips": {"released"},
    "llms": {
        "nominal_params",
        "hidden",
        "vocab",
        "context",
        "learned_positions",
        "blocks",
        "encoder",
        "draft_layers",
    },
    "workloads": {"targets"},
    "stacks": {
        "interval",
        "widened",
        "since",
        "until",
        "chips",
        "rows",
        "llms",
    },  # of the same rows as the fitted leaves beside them
}

MACHINE = re.compile(r"(?<![\w.])/(work|opt|tmp|home|root)/|\.\./|\bshared/")
QUANTITY = re.compile(r"^\s*[-+]?\d+(\.\d+)?(e[-+]?\d+)?\s*([A-Za-z%][\w/*.]*)?\s*$")


def _leaves(kind: str, path: Path) -> Iterator[tuple[str, Sourced[Any]]]:
    yield from sourced_values(CATALOG.get(KINDS[kind], path.stem))


def _ids(files: list[tuple[str, Path]]) -> list[str]:
    return [f"{kind}/{path.stem}" for kind, path in files]


@pytest.mark.parametrize(("kind", "path"), FILES, ids=_ids(FILES))
def test_every_number_has_a_known_source_a_date_and_a_basis(kind: str, path: Path) -> None:
    known = CATALOG.sources()
    for where, leaf in _leaves(kind, path):
        keys = leaf.source.split("+")
        assert set(keys) <= set(known), f"{where}: {leaf.source}"
        assert leaf.date or all(known[key].date for key in keys), f"{where}: no date"
        assert leaf.basis in get_args(Basis), where


@pytest.mark.parametrize(("kind", "path"), FILES, ids=_ids(FILES))
def test_low_and_high_embrace_the_value(kind: str, path: Path) -> None:
    for where, leaf in _leaves(kind, path):
        bounds = [x for x in (leaf.low, leaf.value, leaf.high) if x is not None]
        assert bounds == sorted(bounds), where


@pytest.mark.parametrize(("kind", "path"), SPECIFIED, ids=_ids(SPECIFIED))
def test_what_we_derived_or_assumed_says_how(kind: str, path: Path) -> None:
    for where, leaf in _leaves(kind, path):
        assert leaf.basis not in ("derived", "assumption") or leaf.note, where


@pytest.mark.parametrize(("kind", "path"), SPECIFIED, ids=_ids(SPECIFIED))
def test_an_unknown_number_claims_no_source_and_a_known_one_does(kind: str, path: Path) -> None:
    for where, leaf in _leaves(kind, path):
        assert (leaf.value is None) == (leaf.source == "not-found"), where


@pytest.mark.parametrize(("kind", "path"), SPECIFIED, ids=_ids(SPECIFIED))
def test_no_number_stands_outside_a_sourced_leaf(kind: str, path: Path) -> None:
    data, _ = read_yaml(path)
    allowed = UNCERTIFIED.get(kind, set())
    bare = [where for where in _bare_numbers(data, ()) if where[0] not in allowed]
    assert bare == []


def _bare_numbers(node: Any, where: tuple[Hashable, ...]) -> Iterator[tuple[Hashable, ...]]:
    """Paths of numbers and quantities that no mapping with `source` and `basis` holds."""
    if isinstance(node, dict):
        if {"value", "source", "basis"} <= set(node):
            return
        for key, value in node.items():
            if key not in ("aliases", "name", "title", "generation"):  # names may look like numbers
                yield from _bare_numbers(value, (*where, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _bare_numbers(value, (*where, i))
    elif _is_number(node):
        yield where


def _is_number(node: Any) -> bool:
    if isinstance(node, str):
        return QUANTITY.match(node) is not None
    return isinstance(node, (int, float)) and not isinstance(node, bool)


def test_a_number_without_a_source_is_found() -> None:
    data = {"power": "700 W", "domain": 8, "price": {"value": "1 USD", "source": "x", "basis": "press"}}
    assert list(_bare_numbers(data, ())) == [("power",), ("domain",)]


def test_no_source_is_unused() -> None:
    used = {key for kind, path in FILES for _, leaf in _leaves(kind, path) for key in leaf.source.split("+")}
    written = {
        "proposal",
        "own-measurements",
    }  # by `dse propose` and `dse calibrate`, into files of their users
    assert sorted(set(CATALOG.sources()) - used - written) == []


def test_no_source_is_listed_twice() -> None:
    keys = [key for path in CONFIGS.glob("sources*.yaml") for key in read_yaml(path)[0]["sources"]]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.*")), ids=lambda p: str(p.relative_to(CONFIGS)))
def test_configs_mention_no_place_on_a_machine(path: Path) -> None:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    assert not MACHINE.search(text)
