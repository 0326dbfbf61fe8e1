"""Rows of a front evaluated again: every ledger sums to the number in the row, whoever computed it."""

from pathlib import Path

import numpy as np
import pytest
from again import chip_of_row

from dse.errors import SpecError
from dse.evaluate.detail import DesignDetail, details_of
from dse.front.files import Front, load_front
from dse.question.resolved_study import ResolvedStudy, load_study

STUDY = Path(__file__).resolve().parents[2] / "studies" / "0001-groq-vs-h100"


@pytest.fixture(scope="module")
def study() -> ResolvedStudy:
    return load_study(str(STUDY))


@pytest.fixture(scope="module")
def front() -> Front:
    return load_front(STUDY)


@pytest.fixture(scope="module", params=["frame", "baselines"])
def pairs(
    request: pytest.FixtureRequest, study: ResolvedStudy, front: Front
) -> list[tuple[dict, DesignDetail]]:
    frame = getattr(front, request.param)
    return list(zip(frame.to_dict("records"), details_of(study, frame), strict=True))


@pytest.mark.parametrize("column", ["tpot_s", "ttft_s", "capex_usd", "usd_per_million_tokens"])
def test_every_ledger_sums_to_the_number_in_its_row(
    pairs: list[tuple[dict, DesignDetail]], column: str
) -> None:
    for row, seen in pairs:
        assert sum(seen.ledgers[column].values()) == pytest.approx(row[column], rel=1e-9), row["chip"]
        assert min(seen.ledgers[column].values()) >= 0.0


def test_what_binds_adds_up_to_tpot(pairs: list[tuple[dict, DesignDetail]]) -> None:
    for row, seen in pairs:
        bounds = seen.ledgers["bound_s"]
        assert sum(bounds.values()) == pytest.approx(row["tpot_s"], rel=1e-9)
        assert bounds[seen.bound_by] == max(bounds.values())


def test_the_chip_is_the_one_of_the_row(pairs: list[tuple[dict, DesignDetail]], study: ResolvedStudy) -> None:
    for row, seen in pairs:
        own = {
            name: float(np.asarray(a).reshape(-1)[0]) for name, a in chip_of_row(study, row).columns().items()
        }
        assert seen.chip == pytest.approx(own, rel=1e-12)


def test_violations_are_those_of_the_row(pairs: list[tuple[dict, DesignDetail]]) -> None:
    for row, seen in pairs:
        for name, value in seen.violations.items():
            assert (value <= 0.0) == (row[f"violation_{name}"] <= 0.0)


def test_rows_keep_their_order_whatever_order_they_are_in(study: ResolvedStudy, front: Front) -> None:
    turned = front.frame.iloc[::-1]
    assert [s.chip["price_usd"] for s in details_of(study, turned)] == pytest.approx(
        list(turned["price_usd"]), rel=1e-12
    )


def test_a_chip_of_another_space_is_refused_by_name(study: ResolvedStudy, front: Front) -> None:
    foreign = front.frame.head(1).assign(chip="photonic-3")
    with pytest.raises(SpecError, match=r"expected chips of the branches .*, got 'photonic'"):
        details_of(study, foreign)
