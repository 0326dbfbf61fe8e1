"""What the pictures of the page show."""

from collections.abc import Iterable

from dse.calibrate.accuracy import FITTED, GOOD, Accuracy
from dse.report.info.validation_info import Point
from dse.report.plots.errors_by_batch_plot import BatchPoint
from dse.validate.measured.predictions import Prediction


def points(predictions: Iterable[Prediction]) -> list[Point]:
    """Every prediction of a row that counts as a point of the picture."""
    return [
        Point(
            family=p.metric,
            column=p.case.row.metric,
            stack=p.case.stack.name,
            own_stack=p.case.own_stack,
            measured=p.case.row.value,
            predicted=p.predicted,
        )
        for p in predictions
        if p.case.row.quality in GOOD
    ]


def by_batch(found: Accuracy) -> list[BatchPoint]:
    """TPOT by batch: rows as they were fitted, and with their LLM left out."""
    return [
        BatchPoint(batch=u.case.row.batch, error=u.error, left_out=grouping != FITTED)
        for grouping in (FITTED, "llm")
        for u in found.rows[grouping]
        if u.metric == "tpot" and u.case.row.batch
    ]
