"""New files: the template as it is, a comment above each of its keys, and a list of the keys left out."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from dse.spec.catalog.kinds import SPECS
from dse.spec.json_schema.generate import json_schema, schema_text
from dse.spec.new_file.compose import NEW, NewFile, new_file
from dse.spec.yaml.loading import build_spec

TEMPLATES = Path(__file__).resolve().parents[2] / "dse" / "spec" / "new_file" / "templates"
OTHERS = "# Keys that may be added:"


@pytest.fixture(scope="module", params=NEW)
def made(request: pytest.FixtureRequest) -> tuple[str, NewFile]:
    return request.param, new_file(request.param, "my-thing", Path("mine"))


def test_without_its_comments_a_new_file_is_its_template_with_its_name(made: tuple[str, NewFile]) -> None:
    kind, new = made
    plain = [line for line in new.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    wanted = (TEMPLATES / f"{kind}.yaml").read_text().replace("NAME", "my-thing")
    assert plain == wanted.splitlines()


def test_a_new_file_is_a_spec_of_its_kind_by_yaml_alone(made: tuple[str, NewFile]) -> None:
    kind, new = made
    data = yaml.safe_load(new.text)
    assert (data["kind"], data["name"]) == (kind, "my-thing")
    build_spec(SPECS[kind], data, str(new.path))


def test_a_comment_has_the_indent_of_the_key_below_it(made: tuple[str, NewFile]) -> None:
    _, new = made
    body = new.text.partition(OTHERS)[0].splitlines()
    start = next(i for i, line in enumerate(body) if line.startswith("kind:"))
    for above, below in pairwise(body[start:]):
        if above.lstrip().startswith("#") and below.strip():
            depth = len(above) - len(above.lstrip())
            # the dash of an item of a list takes the place of two blanks
            assert depth in (len(below) - len(below.lstrip()), len(below) - len(below.lstrip(" -")))


def test_no_line_of_a_comment_is_wider_than_a_hundred_characters(made: tuple[str, NewFile]) -> None:
    _, new = made
    assert max(len(line) for line in new.text.splitlines() if line.lstrip().startswith("#")) <= 100


def test_every_key_of_the_schema_is_written_or_listed_and_never_both(made: tuple[str, NewFile]) -> None:
    kind, new = made
    shown, _, others = new.text.partition(OTHERS)
    given = set(yaml.safe_load(shown))
    listed = {
        line.removeprefix("# ").partition(" [")[0]
        for line in others.splitlines()
        if line.startswith("# ") and not line.startswith("#   ")
    }
    top = {name for name in listed if "." not in name}
    assert given | top == set(json_schema(kind)["properties"])
    assert not given & top


def test_the_first_line_leads_from_the_file_to_its_schema(made: tuple[str, NewFile]) -> None:
    kind, new = made
    target = new.text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    parts = list(new.path.parent.parts)
    for step in target.split("/"):
        parts = parts[:-1] if step == ".." else [*parts, step]
    assert Path(*parts) == new.schema_path
    assert json.loads(new.schema) == json_schema(kind) == json.loads(schema_text(kind))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("study", "studies/a/study.yaml"),
        ("chip", "mine/chips/a.yaml"),
        ("space", "mine/spaces/a.yaml"),
        ("llm", "mine/llms/a.yaml"),
        ("workload", "mine/workloads/a.yaml"),
    ],
)
def test_a_new_file_is_in_the_folder_of_its_kind(kind: str, path: str) -> None:
    assert new_file(kind, "a", Path("mine")).path == Path(path)


def test_units_are_in_the_comments_of_numbers() -> None:
    lines = new_file("workload", "a", Path("mine")).text.splitlines()
    for key, unit in (("isl:", "[token]"), ("targets:", "[s]")):
        at = next(i for i, line in enumerate(lines) if line.startswith(key))
        assert lines[at - 1].endswith(unit), lines[at - 1]
