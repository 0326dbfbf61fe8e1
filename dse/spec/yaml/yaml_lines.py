"""YAML text to plain data plus the line of every key and item."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final

import yaml

from dse.errors import Problem, SpecError, spec_error, told
from dse.reading import YAML_LIMIT, read_text
from dse.text import no_text, short

Loader = yaml.SafeLoader | yaml.CSafeLoader
Lines = dict[tuple[Hashable, ...], int]

LEVELS: Final = 100
"""Most levels of nesting, aliases followed; our own files have ten."""
NODES: Final = 100_000
"""Most values in a file, those behind an alias counted at each place where it is written; ours have 4,000."""
WHOLE: Final = 10**18
"""The largest whole number, which 64 bits hold."""
_DIGITS: Final = 100
"""Letters of a number, of which Python would otherwise compute thousands of digits."""
_WORDED: Final = 2**16
"""Letters of a text whose mistake is reported in the words of the parser in Python, which is slow."""

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = frozenset(
    _TAG + name for name in ("null", "bool", "int", "float", "str", "timestamp", "seq", "map", "merge")
)
"""Tags of what a file may hold; others make objects, sets or bytes, which no spec has."""


def read_yaml(path: Path) -> tuple[object, Lines]:
    """Data of a YAML file and the 1-based line of each path in it.

    Raises `SpecError` when the file cannot be read, is not YAML, repeats a key, or is larger than `NODES`,
    `LEVELS` and `YAML_LIMIT` allow.
    """
    return parse_yaml(read_text(path, YAML_LIMIT), str(path))


def parse_yaml(text: str, where: str) -> tuple[object, Lines]:
    """As `read_yaml`, for text that is already here."""
    try:
        loader = _loader(text, where)(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None, {(): 1}
            walk = _Walk(loader, where)
            # before the data are made, where PyYAML keeps the last of two equal keys in silence
            walk.into(node, ())
            if walk.problems:
                raise SpecError(told(walk.problems))
            return loader.construct_document(node), walk.lines
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise spec_error(f"{where}:{_line(error, text)}", f"expected YAML, got {reason}") from None


def _line(error: yaml.YAMLError, text: str) -> int:
    """Where the parser found a mistake; of a character that YAML does not allow it tells the position."""
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
    if mark:
        return int(mark.line) + 1
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


def _loader(text: str, where: str) -> type[Loader]:
    """The parser in C, eight times as fast, where there is one and the text is sound.

    It words its reasons differently. Raises `SpecError` for a text that would take time or memory without
    end, and `yaml.YAMLError` for what is none.
    """
    # PyYAML may be built without the library in C
    fast: type[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _bound(text, fast, where)
    except yaml.YAMLError:
        if len(text) > _WORDED:
            raise
        _bound(text, yaml.SafeLoader, where)
        return yaml.SafeLoader
    return fast


def _bound(text: str, loader: type[Loader], where: str) -> None:
    """Raise `SpecError` for more levels or values than a file may have.

    Events come one by one, so nothing is built, and nothing recurses into the text, before it is known.
    """
    size = _Size(where)
    for event in yaml.parse(text, Loader=loader):
        size.add(event)


@dataclass
class _Size:
    """Values and levels of a text so far, as if each alias were written out."""

    where: str
    count: int = 0
    opened: list[tuple[str | None, int, int]] = field(default_factory=list)
    """Anchor, values before it, and the deepest level inside, of each collection that is still open."""
    anchors: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Values and levels behind each anchor."""

    def add(self, event: yaml.Event) -> None:
        """Count one event."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, *_ in self.opened):
                raise self._refused(line, f"the alias *{event.anchor} is inside of what it names")
            # an unknown one is told by the parser
            values, levels = self.anchors.get(event.anchor or "", (1, 0))
            self._grow(line, values, levels)
        elif isinstance(event, yaml.ScalarEvent):
            self._grow(line, 1, 0)
            if event.anchor:
                self.anchors[event.anchor] = (1, 0)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.opened.append((event.anchor, self.count, 0))
            self._grow(line, 1, 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before, deepest = self.opened.pop()
            if anchor:
                self.anchors[anchor] = (self.count - before, deepest + 1)
            self._deepen(deepest + 1)

    def _grow(self, line: int, values: int, levels: int) -> None:
        self.count += values
        self._deepen(levels)
        if len(self.opened) + levels > LEVELS:
            raise self._refused(line, f"expected at most {LEVELS} levels of nesting, got more")
        if self.count > NODES:
            raise self._refused(line, f"expected at most {NODES:,} values, each alias written out, got more")

    def _deepen(self, levels: int) -> None:
        if self.opened:
            anchor, before, deepest = self.opened[-1]
            self.opened[-1] = (anchor, before, max(deepest, levels))

    def _refused(self, line: int, what: str) -> SpecError:
        return spec_error(f"{self.where}:{line}", what)


class _Walk:
    """The line of every key and item, and what is wrong with any of them."""

    def __init__(self, loader: Loader, where: str) -> None:
        self._loader = loader
        self._where = where
        self.lines: Lines = {}
        self.problems: list[Problem] = []

    def into(self, node: yaml.Node, path: tuple[Hashable, ...]) -> None:
        """Look at `node`, which stands at `path`, and all below it."""
        line = node.start_mark.line + 1
        # the line of a key, set by the mapping around it, stays
        self.lines.setdefault(path, line)
        if node.tag not in _PLAIN:
            self._add(line, f"expected YAML, got a value with the tag {short(node.tag)}")
        elif isinstance(node, yaml.MappingNode):
            self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self.into(value, (*path, i))
        elif why := self._wrong(node):
            self._add(line, f"expected YAML, got {why}")

    def _mapping(self, node: yaml.MappingNode, path: tuple[Hashable, ...]) -> None:
        """Look at each key, which is a word that no other key is, and at its value."""
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self._add(line, "expected a plain key, got a list or a mapping")
                continue
            if key.tag not in (_TAG + "str", _TAG + "merge"):
                self._add(line, f"expected a word as a key, got {short(key.value)}: write it in quotes")
                continue
            if no_text(key.value):
                self._add(line, f"expected text as a key, got {short(key.value)}")
            if key.value in seen:
                self._add(line, f"the key {short(key.value)} is written twice")
            seen.add(key.value)
            self.lines[(*path, key.value)] = line
            self.into(value, (*path, key.value))

    def _wrong(self, node: yaml.Node) -> str:
        """What is wrong with a single value; the empty string where it can be read."""
        if node.tag != _TAG + "str" and len(node.value) > _DIGITS:
            return f"{short(node.value)}, which is too long for a number or a date"
        try:
            # kept by the loader, which makes no value twice
            value = self._loader.construct_object(node)
        # dates that do not exist, and words that are no number or truth value although their tag says so
        except (ValueError, LookupError, ArithmeticError, AttributeError, TypeError):
            return f"{short(node.value)}, which is no {node.tag.removeprefix(_TAG)}"
        if isinstance(value, str) and no_text(value):
            return f"{short(value)}, which holds what is no character"
        if isinstance(value, int) and abs(value) > WHOLE:
            return f"{short(value)}, which is larger than {WHOLE:g}"
        return (
            f"{node.value}, which is not finite" if isinstance(value, float) and not isfinite(value) else ""
        )

    def _add(self, line: int, what: str) -> None:
        self.problems.append(Problem(f"{self._where}:{line}", what))
