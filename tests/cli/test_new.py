"""`dse new` writes a file that is right at once, and `dse schema` what its first line names."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from said import call

from dse.spec.catalog.kinds import SPECS
from dse.spec.json_schema.generate import json_schema
from dse.spec.new_file.compose import NEW


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(kind: str, *options: str) -> Path:
    said = call("new", kind, f"my-{kind}", *options)
    assert said.code == 0, said.err
    return Path(said.out.strip())


@pytest.mark.parametrize("kind", NEW)
def test_a_new_file_passes_the_check_at_once(kind: str) -> None:
    path = made(kind)
    assert call("check", path).out == "1 file, no problems\n"
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["name"] == f"my-{kind}"


@pytest.mark.parametrize("kind", NEW)
def test_the_first_line_of_a_new_file_names_a_schema_that_it_keeps(kind: str) -> None:
    path = made(kind)
    first, text = path.read_text(encoding="utf-8").split("\n", 1)
    schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")
    found = json.loads(schema.read_text(encoding="utf-8"))
    assert found == json_schema(kind)
    jsonschema.Draft202012Validator(found).validate(yaml.safe_load(text))


@pytest.mark.parametrize("kind", NEW)
def test_a_new_file_explains_each_of_its_keys_and_lists_all_others(kind: str) -> None:
    text = made(kind).read_text(encoding="utf-8")
    shown, _, others = text.partition("# Keys that may be added:")
    lines = shown.splitlines()
    for name in yaml.safe_load(text):
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{name}:"))
        assert lines[at - 1].startswith("# "), name
    for name in json_schema(kind)["properties"]:
        assert f"\n{name}:" in shown or f"\n# {name} [" in others, name


def test_a_file_that_exists_is_never_overwritten() -> None:
    path = made("chip")
    path.write_text("mine", encoding="utf-8")
    call("new", "chip", "my-chip").refused("NAME: expected a new name", str(path))
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_name_that_no_file_may_have_is_refused_with_one_that_may() -> None:
    call("new", "chip", "My Chip").refused("'my-chip'", "'My Chip'")
    call("new", "chip", "../chip").refused("NAME: expected a name")
    call("new", "chps", "x").refused("did you mean 'chip'?")
    assert list(Path().iterdir()) == []


def test_a_new_chip_llm_and_workload_are_found_by_name_in_their_folder() -> None:
    for kind in ("chip", "llm", "workload"):
        made(kind, "--configs", "mine")
    named = ["--chip", "my-chip", "--llm", "my-llm", "--workload", "my-workload"]
    said = call("estimate", *named, "--weights", "fp8", "--configs", "mine", "--format", "json")
    assert said.code == 0, said.err
    assert said.json["chip"] == "my-chip"


@pytest.mark.slow
def test_a_new_chip_without_its_folder_is_refused_with_the_option_that_finds_it() -> None:
    made("chip")
    call("chip", "my-chip").refused("unknown chip 'my-chip'; found in my-configs: add `--configs my-configs`")
    call("chip", "my-chap").refused("unknown chip 'my-chap'; known: ")


def test_a_new_study_runs_by_its_name() -> None:
    made("study")
    said = call("run", "my-study", "--trials", "6", "--no-verdicts", "--no-intervals", "--quiet")
    assert said.code == 0, said.err
    assert Path("results/my-study/front.csv").is_file()


def test_a_space_that_was_just_made_can_be_searched() -> None:
    made("space")
    study = made("study")
    text = study.read_text(encoding="utf-8")
    changed = text.replace("space: lpu-or-hbm", "space: my-configs/spaces/my-space.yaml")
    assert changed != text
    study.write_text(changed, encoding="utf-8")
    assert call("check", study).out == "1 file, no problems\n"


@pytest.mark.parametrize("kind", SPECS)
def test_schemas_are_printed_and_written_alike(kind: str) -> None:
    assert call("schema", kind).json == json_schema(kind)
    call("schema", kind, "-o", "here/schema.json")
    assert json.loads(Path("here/schema.json").read_text(encoding="utf-8")) == json_schema(kind)
