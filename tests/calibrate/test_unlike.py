"""How much wider an interval is for what the rows hardly had, on made-up errors whose quantiles are known."""

from math import exp, log, sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dse.calibrate.left_out import FEW_ROWS, on_top
from dse.calibrate.unlike import Missed, widened


def case(experts: int = 0, ep: float = 1.0) -> Any:
    return SimpleNamespace(
        llm=SimpleNamespace(expert_count=experts),
        layout=SimpleNamespace(ep=ep, tp=1.0),
        stack=SimpleNamespace(name="one"),
        row=SimpleNamespace(metric="tpot_ms"),
    )


@pytest.mark.parametrize(("spread", "known"), [(0.3, 0.1), (0.2, 0.2), (0.1, 0.3)])
def test_the_two_errors_together_hold_eight_rows_in_ten(spread: float, known: float) -> None:
    errors = spread * np.random.default_rng(1).standard_normal(4000)
    factor = on_top(errors, np.full(4000, known))
    whole = sqrt(known**2 + log(factor) ** 2)
    held = float(np.mean(np.abs(errors) <= whole))
    # an interval that holds enough already is left as it is
    assert held == pytest.approx(0.8, abs=0.005) or (factor == 1.0 and held > 0.8)


def test_each_error_comes_on_top_of_those_before_it() -> None:
    rng = np.random.default_rng(2)
    n = 2000
    found = [Missed(case=case(), error=float(e)) for e in 0.1 * rng.standard_normal(n)]
    found += [Missed(case=case(8), error=float(e)) for e in 0.2 * rng.standard_normal(n)]
    found += [Missed(case=case(8, 8.0), error=float(e)) for e in 0.4 * rng.standard_normal(n)]
    top = widened(found, {"one": {"tpot": exp(0.05)}})
    held = log(exp(0.05)) ** 2
    for what, spread in (("llm", 0.1), ("experts", 0.2), ("joined", 0.4)):
        held += log(top[what]["tpot"]) ** 2  # type: ignore[index]
        assert sqrt(held) == pytest.approx(1.2816 * spread, rel=0.06)


def test_few_rows_say_nothing() -> None:
    few = [Missed(case=case(8), error=9.0)] * (FEW_ROWS - 1)
    assert widened(few, {"one": {"tpot": 1.1}}) == {}
