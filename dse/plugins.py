"""Cost models, objectives and samplers by name: ours are registered exactly as a stranger's are."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from dse.spec.problems import nearest, wrong
from objectives.api import CostModel, Objective

GROUPS = {"cost-models": "dse.cost_models", "objectives": "dse.objectives", "samplers": "dse.samplers"}
"""Word of the command line to entry-point group."""


@cache
def registered(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda p: p.name)}


def _load(group: str, what: str, name: str) -> Any:
    known = registered(group)
    if name not in known:
        raise wrong("", f"unknown {what} {name!r}; {nearest(name, known)}")
    return known[name].load()


def cost_model(name: str) -> CostModel:
    """The cost model registered as `name`; raises `SpecError` with the nearest names."""
    found: CostModel = _load("dse.cost_models", "cost model", name)()
    return found


def objective(name: str) -> Objective:
    """The objective registered as `name`; raises `SpecError` with the nearest names."""
    found: Objective = _load("dse.objectives", "objective", name)()
    return found


def sampler_factory(name: str) -> Callable[..., Any]:
    """The sampler factory registered as `name`: called with `seed` and the options of the study."""
    found: Callable[..., Any] = _load("dse.samplers", "sampler", name)
    return found
