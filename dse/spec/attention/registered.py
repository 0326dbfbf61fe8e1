"""The registered kinds of attention by the key of their block; a broken one is refused by name."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint
from re import fullmatch

from dse.errors import PluginError
from dse.plugins import ATTENTION_KINDS, every_point, registered
from dse.plugins.broken import broken, loading
from dse.spec.attention.kind import KindEntry, LayerSpec, SecondCount
from objectives.api import AttentionLayer
from objectives.equations.llm.attention.kinds import AttentionKind

Kinds = Mapping[str, KindEntry[AttentionLayer]]


@cache
def attention_kinds() -> Kinds:
    """Every registered kind by its key, in the order of keys.

    Raises `PluginError` for one that does not load, is no `KindEntry`, lacks a function, or has the key or
    the class of another.
    """
    found: dict[str, KindEntry[AttentionLayer]] = {}
    for point in every_point(ATTENTION_KINDS):
        with loading(point):
            entry = point.load()
        if not isinstance(entry, KindEntry):
            got = type(entry).__name__
            raise broken(point, f"expected a dse.spec.attention.kind.KindEntry, got a {got}")
        for what in (*faults(entry), *_clashes(point.name, entry, found)):
            raise broken(point, what)
        found[point.name] = entry
    if not found:
        # as in a checkout that was installed before there were such entry points
        raise PluginError(f"{ATTENTION_KINDS}: expected the built-in kinds, got none; install dse again")
    return found


def second_count_of(layer: AttentionLayer) -> SecondCount[AttentionLayer]:
    """The second count of a layer; raises `TypeError` for a class that no entry point names."""
    # by the exact class: a subclass that adds a feature must not be counted as its parent in silence
    known = _second_counts()
    if type(layer) not in known:
        names = ", ".join(each.__name__ for each in known)
        raise TypeError(f"attention: expected one of {names}, got {type(layer).__name__}")
    return known[type(layer)]


def point_of(layer: AttentionLayer) -> EntryPoint | None:
    """The entry point that brings the kind of a layer, for a sentence about it; None where none is known."""
    kinds = attention_kinds()
    key = next((key for key, entry in kinds.items() if entry.architecture is type(layer)), "")
    return registered(ATTENTION_KINDS).get(key)


@cache
def _second_counts() -> Mapping[type, SecondCount[AttentionLayer]]:
    return {entry.architecture: entry.second_count for entry in attention_kinds().values()}


def faults(entry: KindEntry[AttentionLayer]) -> Iterator[str]:
    """What is wrong with a kind in itself, the first thing first."""
    if not isinstance(entry.architecture, type):
        yield f"architecture: expected a class, got {entry.architecture!r}"
    if not (isinstance(entry.spec, type) and issubclass(entry.spec, LayerSpec)):
        yield f"spec: expected a class derived from LayerSpec, got {entry.spec!r}"
    elif entry.spec.resolve is LayerSpec.resolve:
        yield "spec: expected a class with resolve, got one without"
    for part, protocol in (("counts", AttentionKind), ("second_count", SecondCount)):
        names = [name for name in vars(protocol) if not name.startswith("_")]
        lacking = [name for name in names if not callable(getattr(getattr(entry, part), name, None))]
        if lacking:
            yield f"{part}: expected the functions {', '.join(names)}, got none named {', '.join(lacking)}"


def _clashes(key: str, entry: KindEntry[AttentionLayer], others: Kinds) -> Iterator[str]:
    """What a kind has that is of another one, or of none that a file can write."""
    if not fullmatch(r"[a-z][a-z0-9_]*", key):
        yield f"expected a key of small letters, digits and _, got {key!r}"
    if key in others:
        yield f"expected a key of its own, got {key!r}, which another package has registered too"
    for name, other in others.items():
        if other.architecture is entry.architecture:
            yield f"architecture: expected a class of its own, got that of {name!r}"


def refuse_key(key: str) -> PluginError:
    """The error for a kind whose key a block has for something else."""
    (point,) = (point for point in every_point(ATTENTION_KINDS) if point.name == key)
    return broken(point, f"expected a key of its own, got {key!r}, which a block has already")
