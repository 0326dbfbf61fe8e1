"""How accurate the bundled profiles are: on the rows they were fitted to, and on rows left out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.calibrate.bundled import CLASS, Bundle, bundle, left_out_in
from dse.calibrate.left_out import GROUPINGS, metric_of
from dse.chips.interval import interval_on
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case
from dse.validate.measured.dataflow import DataflowComparison, compare_dataflow
from dse.validate.measured.predictions import INTERVAL_OF, Predicted, predictions
from dse.validate.measured.rows import Measured
from objectives import api

LEFT_OUT: Final = ("chip", "llm", "source", "engine")
"""What is left out in turn, all rows of all stacks at once."""
FITTED: Final = "fitted"
"""Grouping of a row that was fitted itself."""
BASELINES: Final = ("ideal", "gpu-published")
"""Stacks that no row was fitted to, for the same rows: a chip without losses, and published derates."""
GOOD: Final = ("A", "B", "")
"""Quality of rows that count; of others the layout is assumed in several ways."""


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """One row, predicted by stacks that had not seen its chip, LLM, source or engine, or by those fitted."""

    case: Case
    grouping: str
    """What was left out, or `FITTED`, or one of `BASELINES`."""
    error: float
    """log(predicted / measured) of a time or a rate: the speed of a user counts as TPOT."""
    factor: float | None = None
    """Up and down of the 80 % interval that a row of this kind gets; None without one."""

    @property
    def metric(self) -> str:
        """Family of the row's metric."""
        return metric_of(self.case)

    @property
    def miss(self) -> float:
        """|predicted / measured - 1|."""
        return float(abs(np.expm1(self.error)))

    @property
    def inside(self) -> bool | None:
        """Whether the measured value is inside the interval; None without one."""
        # an interval is a factor up and down: symmetric in logarithms
        return None if self.factor is None else bool(abs(self.error) <= np.log(self.factor))


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """What the page of accuracy shows."""

    predicted: Predicted
    rows: Mapping[str, tuple[Unseen, ...]]
    """Rows of quality A and B: `FITTED`, each of `LEFT_OUT`, and each of `BASELINES`."""
    dataflow: DataflowComparison
    """Rows of dataflow chips, with their vendor left out."""


def accuracy(
    model: api.CostModel, rows: Sequence[Measured], catalog: Catalog, progress: Callable[[str], None]
) -> Accuracy:
    """Predict all rows, then fit all stacks again without each chip, LLM, source and engine."""
    predicted = predictions(model, rows, catalog, progress=progress)
    found = {FITTED: fitted_of(predicted, FITTED)}
    for name in BASELINES:
        progress(f"predicting on {name}")
        found[name] = fitted_of(predictions(model, rows, catalog, name), name)
    progress("fitting all stacks")
    b = bundle(model, list(rows), catalog)
    for grouping in LEFT_OUT:
        progress(f"fitting without each {grouping}")
        found[grouping] = tuple(left_out_of(b, grouping, catalog))
    progress("predicting dataflow chips")
    return Accuracy(predicted=predicted, rows=found, dataflow=compare_dataflow(model, catalog))


def fitted_of(predicted: Predicted, grouping: str) -> tuple[Unseen, ...]:
    """Rows of quality A and B as they are predicted."""
    return tuple(
        Unseen(case=p.case, grouping=grouping, error=float(np.log1p(p.family_error)), factor=p.factor)
        for p in predicted.found
        if p.case.row.quality in GOOD
    )


def left_out_of(b: Bundle, grouping: str, catalog: Catalog) -> list[Unseen]:
    """Every row under a fit without the rows of its group, in whatever stack they are.

    Its interval is that of `interval_on` for the stack of `stack_without`.
    """
    members = {name: rows.cases for name, rows in b.rows.items()}
    stacks: dict[tuple[str, str, str], StackSpec] = {}
    found = []
    for case, error in left_out_in(b, grouping):
        # by all that the stack depends on
        key = (GROUPINGS[grouping](case), case.stack.name, case.chip.stack)
        if key not in stacks:
            stacks[key] = stack_without(members, grouping, case, catalog)
        factor = factor_on(stacks[key], case, catalog)
        sign = -1.0 if case.row.metric == "tok_s_user" else 1.0
        found.append(Unseen(case=case, grouping=grouping, error=sign * error, factor=factor))
    return found


def stack_without(
    members: Mapping[str, Sequence[Case]], grouping: str, case: Case, catalog: Catalog
) -> StackSpec:
    """The stack of a row as it would be written without the group of the row, of the rows of all stacks.

    It lists neither the chips nor the LLMs that only this group had. Limits: a stack without any row left is
    that of the class of the row's chip.
    """
    key = GROUPINGS[grouping]
    left = {name: [c for c in cases if key(c) != key(case)] for name, cases in members.items()}
    stack = case.stack
    if not left[stack.name]:
        own = catalog.get(StackSpec, case.chip.stack)
        # a class of one engine has nothing left either: the centre of all engines predicts such a row
        stack = own if own.name != stack.name else catalog.get(StackSpec, CLASS)
    # a stack that names no chips is that of a class, which knows the LLMs of all its engines
    known = left.get(stack.name, []) if stack.chips else [c for cases in left.values() for c in cases]
    return _listing(stack, known)


def _listing(stack: StackSpec, known: Collection[Case]) -> StackSpec:
    """A stack that names the chips and LLMs of some rows alone."""
    chips, llms = {c.chip.name for c in known}, {c.llm.name for c in known}
    return stack.model_copy(
        update={
            "chips": tuple(name for name in stack.chips if name in chips),
            "llms": tuple(sorted(llms)),
        }
    )


def factor_on(stack: StackSpec, case: Case, catalog: Catalog) -> float | None:
    """Factor of the interval that a row gets on a stack; None where the stack states none."""
    joined = case.llm.expert_count > 0 and (case.layout.ep or 1.0) > case.layout.tp
    known = interval_on(stack, case.chip, catalog, (case.llm,), joined=joined)
    metric = metric_of(case)
    return known.get(metric, known.get(INTERVAL_OF.get(metric, metric)))
