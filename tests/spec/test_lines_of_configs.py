"""Every value of a config on a line of its own, and names that lead to one file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dse.errors import SpecError
from dse.spec.catalog.lookup import KINDS, Catalog
from dse.spec.catalog.names import ChipName, chip_name, spelt_chip, spelt_llm
from dse.spec.schema.base import sourced_values
from dse.spec.schema.system import NetworkSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.sourced_values import lines
from dse.spec.yaml.units import parse

CATALOG = Catalog()
FILES = [(kind, name) for kind in KINDS for name in list(CATALOG.files(kind))[::9]]


def at(data: Any, path: str) -> Any:
    """The plain data at a dotted path; keys may hold dots, so the longest is tried first."""
    if not path:
        return data
    parts = path.split(".")
    for n in range(len(parts), 0, -1):
        head, rest = ".".join(parts[:n]), ".".join(parts[n:])
        if isinstance(data, dict) and head in data:
            return at(data[head], rest)
        if isinstance(data, list) and head.isdigit():
            return at(data[int(head)], rest)
    raise KeyError(path)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_every_sourced_number_is_on_one_line_as_its_file_writes_it(kind: str, name: str) -> None:
    path = CATALOG.path(kind, name)
    written, spec = yaml.safe_load(path.read_text(encoding="utf-8")), CATALOG.get(KINDS[kind], name)
    found = list(lines(spec, written))
    assert len({line.path for line in found}) == len(found)
    sourced = {line.path: line for line in found if line.source}
    assert set(sourced) == {where for where, _ in sourced_values(spec)}
    for where, leaf in sourced_values(spec):
        line = sourced[where]
        assert (line.value, line.source, line.basis) == (leaf.value, leaf.source, leaf.basis), where
        assert (line.low, line.high) == (leaf.low, leaf.high), where
        try:
            text = at(written, where)["value"]
        except KeyError:
            assert leaf.value is None  # what a file leaves out is unknown
            continue
        if text is None:
            assert line.shown == "unknown"
        elif isinstance(text, str) and line.unit:
            assert parse(text, line.unit) == line.value, where
            # three digits are shown: half a unit of the third is at most 0.5 %
            assert line.written == " ".join(text.split())


# --- names


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("NVIDIA H100 80GB HBM3", ("h100", None, 80)), ("h100-sxm5-80 GB", ("h100", "sxm", 80)),
        ("NVIDIA GeForce RTX 4090", ("rtx4090", None, None)),
        ("AMD Instinct MI300X OAM", ("mi300x", None, None)),
        ("A100 PCIe 40GB", ("a100", "pcie", 40)), ("GB200 NVL72", ("gb200", "sxm", None)),
    ],
)  # fmt: skip
def test_a_chips_name_is_taken_apart(text: str, parts: tuple[str, str | None, int | None]) -> None:
    assert chip_name(text) == ChipName(*parts)


CHIPS = {"a100-sxm-40gb": 1, "a100-sxm-80gb": 2, "a100-pcie-80gb": 3, "b200": 4, "b200 192GB": 4}


@pytest.mark.parametrize(
    ("text", "chip"),
    [
        ("NVIDIA A100 SXM4 40GB", 1), ("A100-PCIE-80GB", 3), ("A100 SXM 80GB", 2), ("A100", None),
        ("A100 80GB", None),
        ("A100 16GB", None), ("B200 180GB", 4), ("B200 96GB", None), ("B300", None), ("NVIDIA", None),
    ],
)  # fmt: skip
def test_a_spelling_means_a_chip_where_form_and_dram_leave_one(text: str, chip: int | None) -> None:
    assert spelt_chip(text, CHIPS) == chip


@pytest.mark.parametrize(
    ("text", "llm"),
    [
        ("meta-llama/Llama-3.1-70B-Instruct", 1), ("llama-3_1-70b-fp8", 1),
        ("llama-3.1-70b-q4_k_m", 1), ("Qwen3-235B-A22B-Instruct-2507", 2), ("Llama-3.1-8B", None), ("", None),
    ],
)  # fmt: skip
def test_a_spelling_means_an_llm_whatever_it_was_trained_for(text: str, llm: int | None) -> None:
    assert spelt_llm(text, {"llama-3.1-70b": 1, "qwen3-235b-a22b": 2}) == llm


def test_every_name_of_the_catalog_leads_to_its_own_file() -> None:
    for kind, spec in KINDS.items():
        for name, path in list(CATALOG.files(kind).items())[::7]:
            assert CATALOG.path(kind, name) == CATALOG.path(kind, name.upper()) == path
            for alias in getattr(CATALOG.get(spec, name), "aliases", ()):
                assert CATALOG.path(kind, alias.upper()) == path, alias


# --- a folder of one's own


def own(folder: Path, name: str, base: str = "chat", **changes: Any) -> Path:
    """A copy of a bundled workload under a name of its own."""
    data = yaml.safe_load(CATALOG.path("workloads", base).read_text(encoding="utf-8"))
    path = folder / "workloads" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({**data, "name": name, "aliases": [], **changes}), encoding="utf-8")
    return path


def test_a_folder_of_ones_own_is_searched_first_and_the_rest_stays(tmp_path: Path) -> None:
    path = own(tmp_path, "chat", title="Mine")
    own(tmp_path, "other", aliases=["Nick"])
    mine = Catalog.of(tmp_path)
    assert mine.path("workloads", "chat") == path
    assert mine.get(WorkloadSpec, "chat").title == "Mine"
    assert mine.get(WorkloadSpec, "nick").name == "other"
    assert mine.get(WorkloadSpec, "article") == CATALOG.get(WorkloadSpec, "article")
    assert set(mine.files("workloads")) == {*CATALOG.files("workloads"), "other"}
    assert mine.get(WorkloadSpec, str(path)).title == "Mine"
    with pytest.raises(SpecError, match=r"expected a file, got 'none\.yaml', which does not exist"):
        mine.path("workloads", "none.yaml")
    with pytest.raises(SpecError, match="expected a folder"):
        Catalog.of(tmp_path / "none")


def test_a_file_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    own(tmp_path, "mine", title="One")
    mine = Catalog.of(tmp_path)
    assert mine.get(WorkloadSpec, "mine").title == "One"
    own(tmp_path, "mine", title="Another title")
    assert mine.get(WorkloadSpec, "mine").title == "Another title"


def test_a_spec_that_stands_in_is_found_by_every_name_of_its_file() -> None:
    network = CATALOG.get(NetworkSpec, "torus-3d")
    other = network.model_copy(update={"title": "Exchanged"})
    changed = CATALOG.with_overrides([other])
    for name in (network.name, *network.aliases):
        assert changed.get(NetworkSpec, name).title == "Exchanged"
    assert CATALOG.get(NetworkSpec, "torus-3d").title == network.title
    assert changed.get(NetworkSpec, "torus-2d") == CATALOG.get(NetworkSpec, "torus-2d")


def test_an_unknown_name_is_refused_by_its_kind_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="unknown workload 'chatt'; did you mean 'chat'"):
        CATALOG.get(WorkloadSpec, "chatt")
    for kind, word in (("economies", "economy"), ("silicon", "technology"), ("chips", "chip")):
        with pytest.raises(SpecError, match=f"unknown {word} 'zzzz'"):
            CATALOG.path(kind, "zzzz")
