"""Configs by name, alias and path; a user's folder is searched first."""

from pathlib import Path

import pytest

from dse.errors import SpecError
from dse.spec.catalog.config_paths import bundled
from dse.spec.catalog.lookup import KINDS, Catalog, file_problems
from dse.spec.schema.base import sourced_values
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import StudySpec
from dse.spec.schema.system import StackSpec
from dse.spec.schema.workload import WorkloadSpec

BUNDLED = bundled("configs")


def own_folder(tmp_path: Path, name: str, old: str = "", new: str = "", kind: str = "chips") -> Path:
    """A user's folder with a copy of a bundled config in which a text is exchanged."""
    text = (BUNDLED / kind / f"{name}.yaml").read_text(encoding="utf-8")
    assert old in text
    folder = tmp_path / "own"
    (folder / kind).mkdir(parents=True, exist_ok=True)
    (folder / kind / f"{name}.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["h100-sxm", "H100-SXM", "h100", "H100", "H100-SXM-80GB"])
def test_a_chip_goes_by_its_name_and_its_aliases_in_any_case(name: str) -> None:
    assert Catalog().get(ChipSpec, name).name == "h100-sxm"


def test_a_chip_goes_by_a_path(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, "h100-sxm", "title: NVIDIA H100 SXM5 80 GB", "title: Mine")
    assert Catalog().get(ChipSpec, str(folder / "chips" / "h100-sxm.yaml")).title == "Mine"


def test_a_path_to_nothing_is_told() -> None:
    with pytest.raises(SpecError, match=r"chip: expected a file, got 'nowhere/x.yaml', which does not exist"):
        Catalog().get(ChipSpec, "nowhere/x.yaml")


@pytest.mark.parametrize(
    ("spec", "name", "told"),
    [
        (ChipSpec, "h1000", "unknown chip 'h1000'; did you mean 'h100'"),
        (LlmSpec, "llama2-80b", "unknown llm 'llama2-80b'; did you mean 'llama2-"),
        (WorkloadSpec, "artcle", "unknown workload 'artcle'; did you mean 'article'?"),
        (StackSpec, "zzz", "unknown stack 'zzz'; "),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(spec: type, name: str, told: str) -> None:
    with pytest.raises(SpecError) as error:
        Catalog().get(spec, name)
    assert told in str(error.value)


def test_the_users_folder_wins(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, "h100-sxm", '"3350 GB/s"', '"5 TB/s"')
    chip = Catalog.of(folder).get(ChipSpec, "h100")
    assert chip.dram is not None
    assert chip.dram.bandwidth.value == 5e12
    assert chip != Catalog().get(ChipSpec, "h100")


def test_the_users_folder_adds_to_the_bundled_one(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, "h100-sxm")
    text = (folder / "chips" / "h100-sxm.yaml").read_text(encoding="utf-8")
    own = folder / "chips" / "zeta-one.yaml"
    own.write_text(
        text.replace("name: h100-sxm", "name: zeta-one").replace("[h100,", "[zed,"), encoding="utf-8"
    )
    catalog = Catalog.of(folder)
    assert catalog.get(ChipSpec, "ZED").name == "zeta-one"
    assert set(catalog.files("chips")) == set(Catalog().files("chips")) | {"zeta-one"}
    assert "zeta-one" not in Catalog().files("chips")


def test_a_folder_of_configs_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="--configs: expected a folder"):
        Catalog.of(tmp_path / "nowhere")


def test_configs_are_found_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = {kind: set(Catalog().files(kind)) for kind in KINDS}
    monkeypatch.chdir(tmp_path)
    assert {kind: set(Catalog().files(kind)) for kind in KINDS} == here
    assert all(here.values())
    assert Catalog().get(LlmSpec, "llama2-70b").name == "llama2-70b"


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, "h100-sxm", '"3350 GB/s"', '"5 TB/s"')
    catalog = Catalog.of(folder)
    before = catalog.get(ChipSpec, "h100")
    own_folder(tmp_path, "h100-sxm", '"3350 GB/s"', '"2750 GB/s"')
    after = catalog.get(ChipSpec, "h100")
    assert before.dram is not None
    assert after.dram is not None
    assert (before.dram.bandwidth.value, after.dram.bandwidth.value) == (5e12, 2.75e12)


def test_everything_bundled_is_whole() -> None:
    count = Catalog().check()
    assert count == sum(len(list((BUNDLED / kind).glob("*.yaml"))) for kind in KINDS)


def test_check_tells_all_problems_of_all_files_at_once(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, "h100-sxm", "stack: gpu-serving", "stack: gpu-servin")
    own_folder(tmp_path, "a100-sxm-80gb", "source: ", "source: nobody-")
    own_folder(tmp_path, "chat", "name: chat", "name: chats", kind="workloads")
    own_folder(tmp_path, "dnn", "serving:", "servings:", kind="workloads")
    with pytest.raises(SpecError) as error:
        Catalog.of(folder).check()
    told = str(error.value)
    assert "h100-sxm.yaml: unknown stack 'gpu-servin'; did you mean 'gpu-serving'" in told
    assert "a100-sxm-80gb.yaml: peak.fp32: unknown source 'nobody-" in told
    assert "chat.yaml: name: expected 'chat' as the file is called, got 'chats'" in told
    assert "servings: unknown key; did you mean 'serving'" in told


def test_a_broken_file_does_not_hide_what_is_wrong_in_another(tmp_path: Path) -> None:
    folder = own_folder(tmp_path, "h100-sxm", "stack: gpu-serving", "stack: gpu-servin")
    own_folder(tmp_path, "ideal", "tile_rows:", "tile_row:", kind="stacks")
    with pytest.raises(SpecError) as error:
        Catalog.of(folder).check()
    assert "unknown stack 'gpu-servin'" in str(error.value)
    assert "h100-sxm.yaml: tile_rows: missing key" not in str(error.value)


def test_two_sources_of_one_number_are_both_checked() -> None:
    catalog = Catalog()
    chip = catalog.get(ChipSpec, "lpu-hbm")
    assert any("+" in leaf.source for _, leaf in sourced_values(chip))
    known = catalog.sources()
    half = {key: known[key] for key in known if key != "linley"}
    told = [str(p) for p in file_problems(chip, catalog.path("chips", "lpu-hbm"), half)]
    assert len(told) == 1
    assert "link.bandwidth: unknown source 'linley'" in told[0]


def test_studies_are_no_kind_of_the_catalog() -> None:
    with pytest.raises(StopIteration):
        Catalog().get(StudySpec, "groq-vs-h100")
