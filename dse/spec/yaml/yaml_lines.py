"""YAML text to plain data plus the line of every key and item."""

from collections.abc import Hashable
from pathlib import Path

import yaml

from dse.errors import Problem, SpecError, spec_error

Loader = yaml.SafeLoader | yaml.CSafeLoader
Lines = dict[tuple[Hashable, ...], int]

_LEVELS = 100
"""Levels of nesting that the parser in C is trusted with."""


def read_yaml(path: Path) -> tuple[object, Lines]:
    """Data of a YAML file and the 1-based line of each path in it.

    Raises `SpecError` when the file cannot be read, is not YAML, or repeats a key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise spec_error(str(path), f"cannot be read: {reason}") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> tuple[object, Lines]:
    """As `read_yaml`, for text that is already here."""
    loader = _loader(text)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {(): 1}
        lines: Lines = {}
        problems: list[Problem] = []
        # before the data are made, where PyYAML keeps the last of two equal keys in silence
        _walk(node, (), lines, problems, where)
        if problems:
            raise SpecError(problems)
        return loader.construct_document(node), lines
    # the parser in Python recurses once a level, and has no other limit than Python's
    except RecursionError:
        raise spec_error(where, "expected YAML with a few levels of nesting, got thousands") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(error, "problem", None) or "not YAML"
        raise spec_error(f"{where}:{line}", f"expected YAML, got {reason}") from None
    finally:
        loader.dispose()


def _loader(text: str) -> type[Loader]:
    """The parser in C, eight times as fast, where there is one and the text is sound and of a few levels.

    That parser has no guard against deep nesting, and it words its reasons differently.
    """
    # PyYAML may be built without the library in C
    fast: type[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    # events come one by one, so the depth is known before anything recurses into the text
    try:
        for event in yaml.parse(text, Loader=fast):
            starts = isinstance(event, yaml.CollectionStartEvent)
            depth += starts - isinstance(event, yaml.CollectionEndEvent)
            if depth > _LEVELS:
                return yaml.SafeLoader
    except yaml.YAMLError:
        return yaml.SafeLoader
    return fast


def _walk(
    node: yaml.Node, path: tuple[Hashable, ...], lines: Lines, problems: list[Problem], where: str
) -> None:
    """Adds the line of every key and item below `node` to `lines`, and what is wrong to `problems`."""
    # the line of a key, set by the mapping around it, stays
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                problems.append(Problem(f"{where}:{line}", "expected a plain key, got a list or a mapping"))
                continue
            if key.value in seen:
                problems.append(Problem(f"{where}:{line}", f"the key {key.value!r} is written twice"))
            seen.add(key.value)
            lines[(*path, key.value)] = line
            _walk(value, (*path, key.value), lines, problems, where)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _walk(value, (*path, i), lines, problems, where)
