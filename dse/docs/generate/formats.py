"""File formats: every key with its type, unit, default, an example and its description, from the specs."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dse.docs.generate.tables import code, table
from dse.spec.catalog.config_paths import bundled
from dse.spec.catalog.kinds import SPECS
from dse.spec.catalog.lookup import KINDS
from dse.spec.json_schema.descriptions import is_sourced, key_of, resolved
from dse.spec.json_schema.generate import Schema, json_schema
from dse.spec.new_file.compose import NEW, new_file
from dse.spec.yaml.yaml_lines import read_yaml

_COLUMNS = ("key", "type", "unit", "default", "example", "what it is")
_SOURCED = """A number **with source** is a mapping: `value` (with its unit), `source` (a key of
`sources.yaml`), `basis`, and optionally `date`, `low`, `high`, `note`. A null value is not
published."""


def format_pages() -> dict[str, str]:
    """Path in the site to the page of each kind of file, and to their overview."""
    pages = {f"reference/formats/{kind}.md": format_page(kind) for kind in SPECS}
    return {"reference/formats/index.md": _overview(), **pages}


def format_page(kind: str) -> str:
    """The page of one kind of file."""
    schema = json_schema(kind)
    lines = [f"# `{kind}`", "", str(schema["description"]), "", _place(kind), ""]
    lines += ["`dse check FILE` checks a file, `dse schema " + kind + "` prints its JSON Schema."]
    if kind in NEW:
        lines[-1] += f" `dse new {kind} NAME` writes one to begin with."
    lines += ["", _SOURCED, "", *_sections(schema)]
    if kind in NEW:
        text = new_file(kind, f"my-{kind}", Path("my-configs")).text
        lines += ["## A new file", "", "```yaml", text.rstrip(), "```", ""]
    return "\n".join(lines)


def _overview() -> str:
    rows = [
        (f"[`{kind}`]({kind}.md)", code(_folder(kind)), str(json_schema(kind)["description"]).split("\n")[0])
        for kind in SPECS
    ]
    rows.append(("[measurements](measurements.md)", "any CSV", "Published or own measurements, a row each."))
    start = "Every file is YAML, and its key `kind` says what it is. Quantities are text with a unit."
    return "\n".join(["# File formats", "", start, "", *table(("kind", "place", "what it is"), rows)])


def _folder(kind: str) -> str:
    folder = next((name for name, spec in KINDS.items() if spec is SPECS[kind]), "")
    if folder:
        return f"configs/{folder}/NAME.yaml"
    return "studies/NAME/study.yaml" if kind == "study" else "configs/sources.yaml"


def _place(kind: str) -> str:
    if kind == "study":
        return "The file is `studies/NAME/study.yaml`, in the current folder or among the bundled studies."
    if kind == "sources":
        return "The files are `sources*.yaml` in a folder of configs."
    folder = _folder(kind).removeprefix("configs/")
    return f"The file is `{folder}` in a folder of configs: your own (`--configs DIR`) or the bundled one."


def _sections(schema: Schema) -> Iterator[str]:
    """A table for the file and one for every mapping in it."""
    yield from _section(schema, schema, "", "")


def _section(root: Schema, schema: Schema, place: str, about: str) -> Iterator[str]:
    """The section of one spec: its description, the table of its keys, then those of inner specs."""
    yield from (f"## `{place}`" if place else "## Keys", "")
    if about:
        yield from (about, "")
    rows, inner = [], []
    for name, given in schema.get("properties", {}).items():
        key = key_of(root, schema, given, (name,))
        path = f"{place}.{name}" if place else name
        shown = f"`{name}`" + (" (required)" if key.required else "")
        default = code(key.default) if key.default and key.default != "none" else ""
        rows.append((shown, key.type, key.unit, default, code(_example(root, path)), key.description))
        inner += list(_below(root, given, path, key.description))
    yield from table(_COLUMNS, rows)
    yield ""
    for path, below, words in inner:
        yield from _section(root, below, path, words)


def _below(root: Schema, schema: Schema, path: str, about: str) -> Iterator[tuple[str, Schema, str]]:
    """Mappings with keys of their own that a key leads to, with their paths."""
    here = resolved(root, schema)
    # value, source and basis are explained once, at the top of the page
    if is_sourced(here):
        return
    if "properties" in here:
        yield path, here, str(here.get("description") or about)
    elif isinstance(here.get("items"), dict):
        yield from _below(root, here["items"], f"{path}[]", about)
    elif isinstance(here.get("additionalProperties"), dict):
        yield from _below(root, here["additionalProperties"], f"{path}.NAME", about)
    # a mapping, or a short form of it
    for option in here.get("anyOf", ()):
        if "$ref" in option:
            yield from _below(root, option, path, about)
    # names that are bounded
    for inner in here.get("patternProperties", {}).values():
        yield from _below(root, inner, f"{path}.NAME", about)


def _example(root: Schema, path: str) -> str:
    """What a bundled file says for the key; empty where none has it."""
    kind = str(root["title"]).removeprefix("dse ")
    for data in _bundled(kind):
        for value in _at(data, path.replace("[]", ".[]").split(".")):
            found = value["value"] if isinstance(value, dict) and {"value", "source"} <= set(value) else value
            if found not in (None, "", [], {}):
                return _short(found)
    return ""


def _at(data: Any, path: list[str]) -> Iterator[Any]:
    """Every value of `data` at a path of keys; `[]` and `NAME` mean all items."""
    if not path:
        yield data
        return
    head, rest = path[0], path[1:]
    if head == "[]":
        for item in data if isinstance(data, list) else ():
            yield from _at(item, rest)
    elif isinstance(data, dict):
        for key in data if head == "NAME" else (head,):
            if key in data:
                yield from _at(data[key], rest)


def _short(value: Any) -> str:
    """A value in at most forty characters."""
    # as YAML spells it: `str` would print True
    if isinstance(value, bool):
        return str(value).lower()
    return _cut(_inline(value))


def _inline(value: Any) -> str:
    """YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return str(value)


def _cut(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 40 else words[:37] + "..."


# every key of a kind is looked up in the same files
@cache
def _bundled(kind: str) -> tuple[Any, ...]:
    """Data of the bundled files of a kind."""
    folder = next((name for name, spec in KINDS.items() if spec is SPECS[kind]), None)
    if folder is not None:
        paths = sorted((bundled("configs") / folder).glob("*.yaml"))
    elif kind == "study":
        paths = sorted(bundled("studies").glob("*/study.yaml"))
    else:
        paths = sorted(bundled("configs").glob("sources*.yaml"))
    return tuple(read_yaml(path)[0] for path in paths)


def measurements_page(root: Path) -> str:
    """The page of the measurements table, which is that of the bundled ones."""
    return (root / "configs" / "measurements" / "README.md").read_text(encoding="utf-8")
