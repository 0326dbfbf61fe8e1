"""What is registered under an entry point, in a few words."""

import inspect
from collections.abc import Mapping
from functools import partial
from importlib.metadata import EntryPoint

from dse.chips.price_method import price_method
from dse.errors import PluginError, nearest, spec_error
from dse.plugins import cost_model, objective, registered
from dse.plugins.broken import loading
from dse.report.plots.registry import plot_named
from dse.spec.attention.kind import KindEntry


def plugin_rows(group: str) -> list[dict[str, object]]:
    """One row per registered plug-in: name, what it is, who provides it."""
    every: list[dict[str, object]] = []
    for name, point in registered(group).items():
        # one that is broken hides no other, and says so in its row
        try:
            told: dict[str, object] = {"title": _what(group, point), **_facts(group, point)}
        except PluginError as error:
            told = {"title": f"broken: {error}"}
        every.append({"name": name, **told, "provided_by": _provider(point)})
    # the rows of a table have the same columns
    columns = dict.fromkeys(column for row in every for column in row)
    return [{column: row.get(column, "") for column in columns} for row in every]


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
    """What else a row tells; a plug-in is made as a study makes it, so that what is broken shows here."""
    if group == "dse.objectives":
        goal = objective(point.name)
        return {"label": goal.label, "unit": goal.unit, "direction": goal.direction}
    if group == "dse.cost_models":
        return {"requires": ", ".join(cost_model(point.name).requires)}
    if group == "dse.price_methods":
        method = price_method(point.name)
        return {"ranks_among": method.group, "requires": ", ".join(method.requires)}
    return {}


def _doc(point: EntryPoint) -> str:
    with loading(point):
        loaded = point.load()
    if isinstance(loaded, KindEntry):  # an object; what it is, its keys say
        loaded = loaded.spec
    # a partial has the docstring of `functools.partial`, which says nothing about the plug-in
    return inspect.getdoc(loaded.func if isinstance(loaded, partial) else loaded) or ""


def _what(group: str, point: EntryPoint) -> str:
    """One sentence: what an objective or a plot calls itself, else the first line of the docstring."""
    title = ""
    if group == "dse.objectives":
        title = str(getattr(objective(point.name), "title", ""))
    if group == "dse.plots":
        title = plot_named(point.name).summary
    return title or (_doc(point).splitlines() or [""])[0]


def _provider(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else ""
