"""What is registered under an entry point, in a few words."""

import inspect
from collections.abc import Mapping
from functools import partial
from importlib.metadata import EntryPoint

from dse.errors import nearest, spec_error
from dse.plugins import registered
from dse.spec.attention.kind import KindEntry


def plugin_rows(group: str) -> list[dict[str, object]]:
    """One row per registered plug-in: name, what it is, who provides it."""
    return [
        {"name": name, "title": _what(group, point), **_facts(group, point), "provided_by": _provider(point)}
        for name, point in registered(group).items()
    ]


def plugin_details(group: str, name: str) -> dict[str, object]:
    """Everything a plug-in says about itself; raises `SpecError` with the nearest names."""
    known = registered(group)
    if name not in known:
        raise spec_error("NAME", f"unknown name {name!r}; {nearest(name, known)}")
    point = known[name]
    return {
        "name": name,
        "what": _what(group, point),
        **_facts(group, point),
        "entry_point": point.value,
        "provided_by": _provider(point),
        "text": _doc(point),
    }


def _facts(group: str, point: EntryPoint) -> Mapping[str, object]:
    made = point.load()
    if group == "dse.objectives":
        goal = made()
        return {"label": goal.label, "unit": goal.unit, "direction": goal.direction}
    if group == "dse.cost_models":
        return {"requires": ", ".join(made().requires)}
    if group == "dse.price_methods":
        return {"ranks_among": made().group, "requires": ", ".join(made().requires)}
    return {}


def _doc(point: EntryPoint) -> str:
    loaded = point.load()
    if isinstance(loaded, KindEntry):  # an object; what it is, its keys say
        loaded = loaded.spec
    # a partial has the docstring of `functools.partial`, which says nothing about the plug-in
    return inspect.getdoc(loaded.func if isinstance(loaded, partial) else loaded) or ""


def _what(group: str, point: EntryPoint) -> str:
    """One sentence: what an objective or a plot calls itself, else the first line of the docstring."""
    own = {"dse.objectives": "title", "dse.plots": "summary"}.get(group)
    title = getattr(point.load()(), own, "") if own else ""
    return title or (_doc(point).splitlines() or [""])[0]


def _provider(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else ""
