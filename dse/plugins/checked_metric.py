"""A metric of another package whose numbers are checked whenever it computes them."""

from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np

from dse.plugins.broken import asking, broken
from dse.plugins.last_batch import design_at, shape_of
from dse.plugins.numbers import broadcasts, fault_of, place_in
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
        whole, own = shape_of(found), np.shape(column)
        if fault := fault_of(column):
            what, at = fault
            place = place_in(own, at, whole) if broadcasts(own, whole) else 0
            raise broken(point, f"{metric.column}: {design_at(found, place)}: expected {what}")
        if not broadcasts(own, whole):
            what = f"expected a column that broadcasts to {whole}, got {own}"
            raise broken(point, f"{metric.column}: {design_at(found, 0)}: {what}")
        return column

    return replace(metric, compute=checked)
