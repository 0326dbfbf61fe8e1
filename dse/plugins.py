"""Cost models, objectives, metrics and samplers by name: ours are registered exactly as external ones are."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from dse.errors import nearest, wrong
from objectives.api import CostModel, Objective
from objectives.metrics import METRICS, Metric, Place

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


@cache
def metrics() -> tuple[Metric, ...]:
    """The table of metrics: our rows, then those that other packages register under `dse.metrics`.

    An entry point is a `Metric` or a tuple of them. Raises `SpecError` for anything else, and for a column
    that is registered twice.
    """
    found = {metric.column: metric for metric in METRICS}
    for name, point in registered("dse.metrics").items():
        loaded = point.load()
        for metric in loaded if isinstance(loaded, tuple) else (loaded,):
            if not isinstance(metric, Metric):
                kind = type(metric).__name__
                raise wrong("", f"metric {name!r}: expected an objectives.metrics.Metric, got a {kind}")
            if metric.column in found:
                raise wrong("", f"metric {name!r}: expected a column of its own, got {metric.column!r}")
            found[metric.column] = metric
    return tuple(found.values())


def metrics_of(place: Place) -> tuple[Metric, ...]:
    """Metrics that are shown at a place."""
    return tuple(metric for metric in metrics() if place in metric.shown)


def metric_of(column: str) -> Metric | None:
    """The metric that a column holds; None where it holds something else."""
    return next((metric for metric in metrics() if metric.column == column), None)


def interval_of(column: str) -> str:
    """Error bar of a calibrated stack that a column has: tpot, ttft or throughput; empty for none."""
    metric = metric_of(column)
    return "" if metric is None else metric.interval


def metric_objectives() -> tuple[Objective, ...]:
    """Registered objectives that are a metric of every front, so that a condition may bound them."""
    columns = {metric.column for metric in metrics_of("table")}
    every = [objective(name) for name in registered("dse.objectives")]
    return tuple(goal for goal in every if getattr(goal, "column", "") in columns)


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
