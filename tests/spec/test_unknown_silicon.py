"""What nobody has published stays null, and is refused by name exactly where a design needs it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from said import call
from silicon_chips import PATH
from studies_for_tests import write_study

import dse
from dse.chips.price_methods.margin import margin_of
from dse.chips.prices import built_up
from dse.chips.resolve import chip_columns
from dse.chips.setting import Setting
from dse.errors import SpecError
from dse.spec.catalog.config_paths import bundled
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import SourcedUsd
from dse.spec.schema.build import Build
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import build_spec
from dse.spec.yaml.writing import yaml_of

RAW = yaml.safe_load(PATH.read_text())
WHOLE = Build(node="n5", wafer_scale=True, cooling="wafer")
HOT = tuple(Build(node="n5", cooling=c, hypothetical=True, scaled=True, stacked=True) for c in RAW["cooling"])
"""Chips that do not exist, whose heat is limited."""
OPTIONAL = ("latency", "write_bandwidth", "write_energy")
"""Of DRAM: asked for as a memory only."""


def leaves(node: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, inner in node.items():
        if isinstance(inner, dict):
            yield from [(*path, name)] if {"value", "source"} <= set(inner) else leaves(inner, (*path, name))


LEAVES = tuple(leaves(RAW))


def without(path: tuple[str, ...]) -> TechnologySpec:
    """The technology with one number unknown."""
    data = deepcopy(RAW)
    inner = data
    for name in path:
        inner = inner[name]
    inner["value"] = None
    return build_spec(TechnologySpec, data, "technology")


def named(technology: TechnologySpec, build: Build) -> set[str]:
    """The paths that a build names as unknown."""
    told = [p.what for p in technology.problems(build, "here")]
    assert all(what.startswith("expected a known ") for what in told)
    return {what.removeprefix("expected a known ").partition(" in ")[0] for what in told}


def test_what_is_unknown_today_is_what_the_file_says() -> None:
    technology = build_spec(TechnologySpec, RAW, "technology")
    unknown = {".".join(p) for p in LEAVES if _at(p)["value"] is None}
    assert unknown  # a table without gaps would be one with guesses
    nodes = {p for n in technology.nodes for p in named(technology, Build(node=n, cache=True))}
    kinds = {p for g in technology.dram for p in named(technology, Build(node="n5", generation=g))}
    assert nodes | kinds == {p for p in unknown if p.startswith(("nodes.", "dram."))}
    memories = {p for p in unknown if p.startswith("memories.")}
    for path in sorted(memories):
        _, name, number = path.split(".")
        with pytest.raises(SpecError, match=path):
            technology.memory(name, wanted=(number,))
    for path in sorted(unknown - nodes - kinds - memories):
        seller = path.rpartition(".")[2]
        with pytest.raises(SpecError, match=path):
            margin_of(PriceSpec(method="margin", seller=seller), technology)


def _at(path: tuple[str, ...]) -> dict[str, Any]:
    inner: Any = RAW
    for name in path:
        inner = inner[name]
    return dict(inner)


PARTS = [p for p in LEAVES if p[0] in ("nodes", "dram") and p[-1] not in OPTIONAL]


@pytest.mark.parametrize("path", PARTS, ids=lambda p: ".".join(p))
def test_a_node_or_dram_with_an_unknown_number_is_refused_by_name_and_others_are_not(
    path: tuple[str, ...],
) -> None:
    technology, name = without(path), ".".join(path)
    if path[0] == "nodes":
        wanted = Build(node=path[1], cache=True)
        other = Build(node="n5" if path[1] != "n5" else "n3", cache=True, generation="HBM3")
        beneath = Build(node=other.node, cache=True, io_node=path[1], io_cache=True)
        assert name in named(technology, beneath)
    else:
        wanted = Build(node="n5", generation=path[1])
        other = Build(node="n5", generation="HBM4" if path[1] != "HBM4" else "HBM3")
    assert name in named(technology, wanted)
    assert name not in named(technology, other)
    with pytest.raises(SpecError, match=f"expected a known {name}"):
        technology.resolve(wanted)


def test_a_price_or_a_cache_that_is_not_needed_is_not_asked_for() -> None:
    technology = build_spec(TechnologySpec, RAW, "technology")
    assert "dram.DDR4.cost" in named(technology, Build(node="n5", generation="DDR4"))
    assert not named(technology, Build(node="n5", generation="DDR4", priced=False))
    assert "nodes.n16.cache_area" in named(technology, Build(node="n16", cache=True))
    assert not named(technology, Build(node="n16"))


SHARED = [p for p in LEAVES if p[0] not in ("nodes", "dram", "memories", "system", "economics")]


@pytest.mark.parametrize("path", SHARED, ids=lambda p: ".".join(p))
def test_what_every_chip_needs_is_named(path: tuple[str, ...]) -> None:
    technology = without(path)
    assert any(".".join(path) in named(technology, build) for build in (Build(node="n5"), WHOLE, *HOT))


@pytest.mark.parametrize(
    "path", [p for p in SHARED if p[0] in ("thermal", "clock")], ids=lambda p: ".".join(p)
)
def test_the_heat_of_a_chip_that_exists_is_not_asked_for(path: tuple[str, ...]) -> None:
    assert not named(without(path), Build(node="n5"))


def test_a_class_of_cooling_without_a_density_is_refused_by_name() -> None:
    data = deepcopy(RAW)
    del data["thermal"]["density"]["air"]
    technology = build_spec(TechnologySpec, data, "technology")
    told = [p.what for p in technology.problems(Build(node="n5", cooling="air", hypothetical=True), "here")]
    assert len(told) == 1
    assert (
        "expected a class of cooling in thermal.density that the technology file knows, got 'air'" in told[0]
    )
    assert not list(technology.problems(Build(node="n5", cooling="air"), "here"))


@pytest.mark.parametrize("name", sorted(RAW["system"]))
def test_a_system_with_an_unknown_price_is_refused_by_name(name: str) -> None:
    catalog, technology = Catalog(), without(("system", name))
    economy = catalog.get(EconomySpec, "datacentre-2026")
    needed = 2 if name == "optics_energy" else 0  # asked for by the power of every chip, see `reach_columns`
    for network in ("nvswitch-hopper", "groq-dragonfly"):
        given = (np.asarray([700.0]), np.asarray([4.5e11]), catalog.get(NetworkSpec, network))
        try:
            built_up(*given, technology, economy)
        except SpecError as error:
            assert str(error) == f"price.system: expected a known system.{name}, got null"
            needed += 1
    # a dragonfly of LPUs has no scale-out network
    assert needed == (1 if name in ("nic", "fabric") else 2)


def test_an_unknown_volume_is_asked_for_by_a_price_by_margin_only() -> None:
    technology = without(("economics", "volume", "amd-chip"))
    with pytest.raises(SpecError, match=r"expected a known economics\.volume\.amd-chip"):
        margin_of(PriceSpec(method="margin", seller="amd-chip"), technology)
    assert margin_of(PriceSpec(method="margin", seller="amd-chip", volume=5000), technology).volume == 5000


def test_an_economy_with_gaps_is_refused_by_name(tmp_path: Path) -> None:
    text = (bundled("configs") / "economies" / "datacentre-2026.yaml").read_text()
    data = yaml.safe_load(text)
    for name in ("electricity", "utilisation"):
        data[name] = {**data[name], "value": None, "source": "not-found"}
    with pytest.raises(SpecError) as caught:
        build_spec(EconomySpec, data, "economy").resolve()
    assert [str(p) for p in caught.value.problems] == [
        f"economies/datacentre-2026: {name}: expected a known value, got null"
        for name in ("electricity", "utilisation")
    ]


def test_a_number_that_the_file_of_a_chip_leaves_out_is_unknown_and_needed_like_a_null(
    tmp_path: Path,
) -> None:
    data = yaml.safe_load((bundled("configs") / "chips" / "h100-sxm.yaml").read_text())
    null = {"value": None, "source": "not-found", "basis": "published"}
    needed: dict[str, list[str]] = {}
    for kind, change in (("null", lambda d: d.update(price=null)), ("left out", lambda d: d.pop("price"))):
        changed = deepcopy(data)
        change(changed)
        chip = build_spec(ChipSpec, changed, "chip")
        assert chip.price == SourcedUsd(**null)
        setting = Setting(
            catalog=Catalog(),
            precision=PrecisionSpec(weights="fp16", kv="fp16", activations="fp16"),
            price=PriceSpec(method="listed"),
            technology=build_spec(TechnologySpec, RAW, "technology"),
        )
        with pytest.raises(SpecError) as caught:
            chip_columns(chip, setting)
        needed[kind] = [str(p) for p in caught.value.problems]
    assert needed["null"] == needed["left out"]
    assert needed["null"][0].startswith("chips/h100-sxm: price: expected a known value, got null")


def test_a_chip_that_is_written_shows_the_numbers_that_its_file_left_out() -> None:
    data = yaml.safe_load((bundled("configs") / "chips" / "h100-sxm.yaml").read_text())
    del data["power"]
    chip = build_spec(ChipSpec, data, "chip")
    text = yaml_of(chip)
    assert "power: {value: null, source: not-found" in text
    assert build_spec(ChipSpec, yaml.safe_load(text), "chip") == chip


# --- as somebody meets it -----------------------------------------------------------------------------


def test_a_chip_on_a_node_without_caches_is_refused_by_the_verb() -> None:
    said = call("chip", "h100", "--node", "16nm")
    assert said.code == 2
    assert "chips/h100-sxm: silicon: expected a known nodes.n16.cache_area in the technology file" in said.err
    assert call("chip", "groq", "--node", "2nm").code == 0  # sourced, though estimates


def test_a_space_with_dram_of_unknown_price_is_refused_before_the_first_trial(tmp_path: Path) -> None:
    space = yaml.safe_load((bundled("configs") / "spaces" / "open-chip.yaml").read_text())
    for branch in space["branches"].values():
        if "dram_generation" in branch["parameters"]:
            branch["parameters"]["dram_generation"] = {"choices": ["DDR4", "GDDR6", "HBM3"]}
    path = tmp_path / "configs" / "spaces" / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({**space, "name": "mine", "aliases": []}))
    study = write_study(tmp_path, "mine", space="mine")
    with pytest.raises(SpecError) as caught:
        dse.load_study(str(study), configs=tmp_path / "configs")
    told = "\n".join(str(p) for p in caught.value.problems)
    for name in ("dram.DDR4.cost", "dram.GDDR6.cost"):
        assert told.count(name) == 2  # in the branches dram-only and hybrid
    assert "HBM3" not in told


def test_a_searched_node_without_caches_is_refused_by_name(tmp_path: Path) -> None:
    space = yaml.safe_load((bundled("configs") / "spaces" / "open-chip.yaml").read_text())
    space["branches"]["dram-only"]["parameters"]["process"] = {"choices": ["n16", "n5"]}
    path = tmp_path / "configs" / "spaces" / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({**space, "name": "mine", "aliases": []}))
    with pytest.raises(SpecError, match=r"branches\.dram-only: expected a known nodes\.n16\.cache_area"):
        dse.load_study(str(write_study(tmp_path, "mine", space="mine")), configs=tmp_path / "configs")
