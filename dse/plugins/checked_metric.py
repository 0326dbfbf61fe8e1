"""A metric of another package whose numbers are checked whenever it computes them."""

from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np

from dse.plugins.broken import asking, broken
from dse.plugins.last_batch import design_at, shape_of
from dse.plugins.numbers import fault_of, place_in
from dse.plugins.time_limit import limited
from objectives.api import Context, Metrics
from objectives.arrays import Array
from objectives.metrics import Metric


def checked_metric(point: EntryPoint, metric: Metric) -> Metric:
    """The metric, which raises `PluginError` with the design for what is no finite number."""
    compute = metric.compute
    # one that a cost model fills is checked with its other columns
    if compute is None:
        return metric

    def checked(found: Metrics, context: Context) -> Array:
        with asking(point, lambda: f"{metric.column}: {design_at(found, 0)}"), limited(point):
            column = compute(found, context)
            # inside: to look at what a plug-in returns may run its code
            if fault := fault_of(column, whole := shape_of(found), tiny=True):
                what, at = fault
                place = place_in(np.shape(column), at, whole) if at else 0
                raise broken(point, f"{metric.column}: {design_at(found, place)}: expected {what}")
        return column

    return replace(metric, compute=checked)
