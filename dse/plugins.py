"""Everything registered by name and by type: ours is registered exactly as what other packages bring."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from dse.errors import PluginError, spec_error, unknown
from objectives.api import CostModel, Objective
from objectives.equations.llm.attention import kinds
from objectives.equations.serving import registry
from objectives.equations.serving.mode import ServingMode
from objectives.metrics import METRICS, Metric, Place

PRICE_METHODS: Final = "dse.price_methods"
"""Entry-point group of price methods, whose type is `dse.chips.price_method.PriceMethod`."""

PLOTS: Final = "dse.plots"
"""Entry-point group of plots, whose type is `dse.report.plots.registry.Plot`."""

SERVING_MODES: Final = registry.GROUP
"""Entry-point group of serving modes, whose type is `objectives.equations.serving.mode.ServingMode`."""

ATTENTION_KINDS: Final = kinds.GROUP
"""Entry-point group of kinds of attention, whose type is `dse.spec.attention.kind.KindEntry`."""

GROUPS = {
    "cost-models": "dse.cost_models",
    "objectives": "dse.objectives",
    "samplers": "dse.samplers",
    "price-methods": PRICE_METHODS,
    "serving-modes": SERVING_MODES,
    "attention-kinds": ATTENTION_KINDS,
    "plots": PLOTS,
}
"""Word of the command line to entry-point group."""


@cache
def registered(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name."""
    # installed packages do not change while a program runs, so the scan is cached
    return {point.name: point for point in every_point(group)}


def every_point(group: str) -> tuple[EntryPoint, ...]:
    """Entry points of a group in the order of their names; two packages may have taken the same name."""
    return tuple(sorted(entry_points(group=group), key=lambda point: point.name))


def broken(point: EntryPoint, what: str) -> PluginError:
    """The error for a plug-in that is not what it must be; it names the entry point and its package."""
    owner = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
    return PluginError(f"{point.group} {point.name!r}{owner}: {what}")


@contextmanager
def loading(point: EntryPoint) -> Iterator[None]:
    """A plug-in that cannot be imported or made becomes a `PluginError` that names its package."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        # other exceptions are mistakes of the plug-in, whose stack trace its author needs
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise broken(point, f"expected a plug-in that loads, got: {reason}") from error


def point_named(group: str, what: str, name: str) -> EntryPoint:
    """The entry point registered as `name`; raises `SpecError` with the nearest and all valid names."""
    known = registered(group)
    if name not in known:
        raise spec_error("", unknown(what, name, known))
    return known[name]


def made(group: str, what: str, name: str) -> Any:
    """What the entry point registered as `name` makes; raises `SpecError` and `PluginError`."""
    point = point_named(group, what, name)
    with loading(point):
        return point.load()()


@cache
def metrics() -> tuple[Metric, ...]:
    """The table of metrics: our rows, then those that other packages register under `dse.metrics`.

    An entry point is a `Metric` or a tuple of them. Raises `PluginError` for anything else, and for a
    column that is registered twice.
    """
    # ours first, so that columns of other packages come behind them
    found = {metric.column: metric for metric in METRICS}
    for name, point in registered("dse.metrics").items():
        with loading(point):
            loaded = point.load()
        for metric in loaded if isinstance(loaded, tuple) else (loaded,):
            if not isinstance(metric, Metric):
                kind = type(metric).__name__
                raise PluginError(f"metric {name!r}: expected an objectives.metrics.Metric, got a {kind}")
            if metric.column in found:
                raise PluginError(f"metric {name!r}: expected a column of its own, got {metric.column!r}")
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
    found: CostModel = made("dse.cost_models", "cost model", name)
    return found


def objective(name: str) -> Objective:
    """The objective registered as `name`; raises `SpecError` with the nearest names."""
    found: Objective = made("dse.objectives", "objective", name)
    return found


def serving_mode(name: str) -> ServingMode:
    """The serving mode registered as `name`; raises `SpecError` with the nearest names, and `PluginError`."""
    point = point_named(SERVING_MODES, "serving mode", name)
    with loading(point):
        return registry.serving_mode(name)


def sampler_factory(name: str) -> Callable[..., object]:
    """The sampler factory registered as `name`: it makes an Optuna sampler, see `dse.testing`."""
    point = point_named("dse.samplers", "sampler", name)
    with loading(point):
        found: Callable[..., object] = point.load()
    return found
