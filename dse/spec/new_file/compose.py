"""A new file of a kind: a small valid one, with the description of each key above it."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from textwrap import wrap

from dse.spec.json_schema.descriptions import keys_of
from dse.spec.json_schema.generate import json_schema, schema_text
from dse.spec.yaml.yaml_lines import parse_yaml

NEW = ("study", "chip", "space", "llm", "workload", "traffic")
"""Kinds that have a template."""

_WIDTH = 100
_FOLDERS = {
    "study": "studies",
    "chip": "chips",
    "space": "spaces",
    "llm": "llms",
    "workload": "workloads",
    "traffic": "traffic",
}

Path_ = tuple[Hashable, ...]


@dataclass(frozen=True)
class NewFile:
    """A file that may be written, and the JSON Schema that its first line names."""

    path: Path
    text: str
    schema_path: Path
    schema: str


def new_file(kind: str, name: str, configs: Path) -> NewFile:
    """A file of a `kind` of `NEW`: `studies/NAME/study.yaml`, or in the folder of its kind in `configs`."""
    if kind == "study":
        root, path = Path("studies"), Path("studies") / name / "study.yaml"
    else:
        root, path = configs, configs / _FOLDERS[kind] / f"{name}.yaml"
    # each file is one folder below the root, so the relative path is the same
    schema = f"schemas/{kind}.json"
    text = "\n".join([*_header(kind, path, f"../{schema}"), *_body(kind, name)]) + "\n"
    return NewFile(path, text, root / schema, schema_text(kind))


def _header(kind: str, path: Path, schema: str) -> Iterator[str]:
    about = str(json_schema(kind)["description"]).split("\n")[0]
    yield f"# yaml-language-server: $schema={schema}"
    yield f"# {about}"
    yield f"# Check it with: dse check {path}"
    if kind != "study":
        yield "# A number with its source: value (with its unit), source (a key of sources.yaml), basis, and"
        yield "# if known low, high, date and note. A null value is not published."


def _body(kind: str, name: str) -> Iterator[str]:
    """The template with comments, then the keys that it leaves out."""
    text = (files("dse.spec.new_file") / "templates" / f"{kind}.yaml").read_text(encoding="utf-8")
    text = text.replace("name: NAME", f"name: {name}")
    data, lines = parse_yaml(text, kind)
    keys = {key.path: key for key in keys_of(json_schema(kind), data)}
    first = _first_paths(lines)
    for number, line in enumerate(text.splitlines(), start=1):
        key = keys.get(first.get(number, ()))
        # the header has said what kind of file it is
        if key is not None and len(key.path) and key.path != ("kind",):
            # a comment is indented like its key; the dash of a list item counts as a blank
            indent = line[: len(line) - len(line.lstrip(" -"))].replace("-", " ")
            yield from _comment(key.description + (f" [{key.unit}]" if key.unit else ""), indent)
        yield line
    left_out = [key for key in keys.values() if not key.given]
    if left_out:
        yield ""
        yield "# Keys that may be added:"
    for key in left_out:
        yield from _comment(f"{key.dotted} [{key.default}]: {key.description}", "", hanging="  ")


def _first_paths(lines: dict[Path_, int]) -> dict[int, Path_]:
    """Line to the shortest path that begins there; what follows in the same line needs no comment."""
    found: dict[int, Path_] = {}
    for path, line in sorted(lines.items(), key=lambda item: len(item[0])):
        # an item of a list has no description of its own
        if path and not isinstance(path[-1], int):
            found.setdefault(line, path)
    return found


def _comment(text: str, indent: str, hanging: str = "") -> list[str]:
    first = f"{indent}# "
    # names of options and files hold hyphens, and stay whole
    return wrap(text, _WIDTH, initial_indent=first, subsequent_indent=first + hanging, break_on_hyphens=False)
