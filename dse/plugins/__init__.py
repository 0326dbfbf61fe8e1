"""Everything registered by name and by type: ours is registered exactly as what other packages bring."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from dse.errors import DseError, PluginError, spec_error, unknown
from dse.plugins.broken import broken, loading, met_in, raised
from dse.plugins.checked_cost_model import CheckedCostModel
from dse.plugins.checked_metric import checked_metric
from dse.plugins.checked_objective import CheckedObjective
from dse.plugins.checked_serving_mode import CheckedServingMode
from dse.plugins.entry import foreign, name_of
from dse.plugins.once import forget_all, once
from objectives.api import CostModel, Objective
from objectives.equations.llm.attention import kinds
from objectives.equations.serving import registry
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


@once
def registered(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name."""
    return {point.name: point for point in every_point(group)}


def every_point(group: str) -> tuple[EntryPoint, ...]:
    """Entry points of a group in the order of their names; two packages may have taken the same name."""
    return tuple(sorted(entry_points(group=group), key=lambda point: point.name))


def point_named(group: str, what: str, name: str) -> EntryPoint:
    """The entry point registered as `name`; raises `SpecError` with the nearest and all valid names.

    Raises `PluginError` for a name that two packages have registered, of which none can be preferred.
    """
    known = registered(group)
    if name not in known:
        raise spec_error("", unknown(what, name, known))
    if name in _taken_twice(group):
        owners = " and ".join(name_of(point) for point in every_point(group) if point.name == name)
        raise PluginError(f"expected a name of its own, got two: {owners}", named=True)
    return known[name]


@once
def _taken_twice(group: str) -> frozenset[str]:
    """Names that several packages have registered."""
    return frozenset(name for name, n in Counter(p.name for p in every_point(group)).items() if n > 1)


def made(group: str, what: str, name: str) -> tuple[EntryPoint, Any]:
    """The entry point registered as `name` and what it makes; raises `SpecError` and `PluginError`."""
    point = point_named(group, what, name)
    with loading(point):
        return point, point.load()()


def forget() -> None:
    """Look at the installed packages again, after one has been added to the path of a running process."""
    forget_all()
    registry.forget()


def blamed(error: BaseException) -> PluginError | None:
    """The sentence for an error that came through a plug-in of another package; None for any other error.

    The last resort, where the call itself is not known.
    """
    if isinstance(error, DseError):
        return None
    point = met_in(error, _strangers())
    return None if point is None else raised(point, error)


@once
def _strangers() -> tuple[EntryPoint, ...]:
    """All that other packages bring."""
    every = (p for group in (*GROUPS.values(), "dse.metrics") for p in every_point(group))
    return tuple(point for point in every if foreign(point))


@once
def metrics() -> tuple[Metric, ...]:
    """The table of metrics: our rows, then those that other packages register under `dse.metrics`.

    An entry point is a `Metric` or a tuple of them. Raises `PluginError` for anything else, and for a
    column that is registered twice.
    """
    # ours first, so that columns of other packages come behind them
    found = {metric.column: metric for metric in METRICS}
    for point in registered("dse.metrics").values():
        with loading(point):
            loaded = point.load()
        for metric in loaded if isinstance(loaded, tuple) else (loaded,):
            if not isinstance(metric, Metric):
                kind = type(metric).__name__
                raise broken(point, f"expected an objectives.metrics.Metric, got a {kind}")
            if metric.column in found:
                raise broken(point, f"expected a column of its own, got {metric.column!r}")
            found[metric.column] = checked_metric(point, metric)
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
    every: list[Objective] = []
    for name in registered("dse.objectives"):
        # one that is broken is named where a study asks for it, and hides no other
        with suppress(PluginError):
            every.append(objective(name))
    return tuple(goal for goal in every if getattr(goal, "column", "") in columns)


def cost_model(name: str) -> CostModel:
    """The cost model registered as `name`, checked at every call; raises `SpecError` and `PluginError`."""
    return CheckedCostModel(*made("dse.cost_models", "cost model", name), users=_users())


def about(model: CostModel, chip: str) -> CostModel:
    """The cost model for batches of one chip, whose name is part of the sentence where it breaks."""
    return model.about(chip) if isinstance(model, CheckedCostModel) else model


@once
def _users() -> tuple[EntryPoint, ...]:
    """What other packages bring that a cost model may call."""
    return tuple(p for group in (SERVING_MODES, ATTENTION_KINDS) for p in every_point(group) if foreign(p))


# resolving a study asks for it at every change of a number
@once
def objective(name: str) -> Objective:
    """The objective registered as `name`, checked at every call; raises `SpecError` and `PluginError`."""
    return CheckedObjective(*made("dse.objectives", "objective", name))


def serving_mode(name: str) -> CheckedServingMode:
    """The serving mode registered as `name`; raises `SpecError` with the nearest names, and `PluginError`."""
    point = point_named(SERVING_MODES, "serving mode", name)
    with loading(point):
        mode = registry.serving_mode(name)
    return CheckedServingMode(point, mode)


def sampler_factory(name: str) -> Callable[..., object]:
    """The sampler factory registered as `name`: it makes an Optuna sampler, see `dse.testing`."""
    point = point_named("dse.samplers", "sampler", name)
    with loading(point):
        found: Callable[..., object] = point.load()
    if not callable(found):
        raise broken(point, f"expected a factory of samplers, got a {type(found).__name__}")
    return found
