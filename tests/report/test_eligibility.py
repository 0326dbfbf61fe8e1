"""Who may be called the best: chips that a measurement anchors, within one basis of prices."""

from dataclasses import replace

import pandas as pd
import pytest

from dse.front.axis import Axis
from dse.front.files import Front
from dse.report.info.cases_info import cases_info
from dse.report.words.answer import answer
from dse.report.words.eligibility import eligibility_of, with_unanchored

COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")
BASES = {"gpu-a": "street", "gpu-b": "list", "pod": "maker-cost", "wafer": "list"}
WHY = {"wafer": "No measurement of a chip of Wafers states enough."}
REAL = [("gpu-a", 8.0), ("gpu-b", 5.0), ("pod", 2.0), ("wafer", 1.0)]
"""At 1 ms all of them: the wafer is on the front, and nothing else is."""


def rows(*found: tuple[str, float]) -> pd.DataFrame:
    each = [(chip, "dram-only", 0.001, cost, 8) for chip, cost in found]
    return pd.DataFrame(each, columns=["chip", "branch", "tpot_s", "usd_per_token_per_s", "chips"]).assign(
        role="baseline"
    )


@pytest.fixture
def front() -> Front:
    told = {"targets": {"tpot": [0.01]}, "price_bases": BASES, "unanchored": WHY}
    return Front(rows(REAL[-1]), rows(*REAL), (COST, TPOT), told)


def test_the_best_is_one_of_the_prices_of_most_chips_and_anchored(front: Front) -> None:
    found = answer(front)
    assert [(r["chip"], r["usd_per_token_per_s"]) for r in found.best] == [("gpu-b", 5.0)]
    assert found.eligibility.group == "list and street prices"
    assert set(found.baselines) == set(BASES)  # all of them are shown
    assert cases_info([("one", front)]).winners[0][0].design == "gpu-b"


def test_an_unanchored_chip_wins_where_a_reader_asks_for_it(front: Front) -> None:
    assert answer(with_unanchored(front, True)).best[0]["chip"] == "wafer"
    assert answer(with_unanchored(front, False)).best[0]["chip"] == "gpu-b"


def test_who_wins_nothing_is_listed_with_its_reason(front: Front) -> None:
    told = list(answer(front).eligibility.lines())
    assert "cost to the maker: pod" in told[0]
    assert told[1].startswith("wafer is unanchored: No measurement of a chip of Wafers states enough.")
    assert "--with-unanchored" in told[1]


def test_results_that_say_nothing_of_prices_and_anchors_leave_all_in(front: Front) -> None:
    old = replace(front, manifest={"targets": {"tpot": [0.01]}})
    assert answer(old).best[0]["chip"] == "wafer"
    assert list(eligibility_of(old).lines()) == []


def test_without_targets_the_best_of_each_objective_is_one_that_may_win(front: Front) -> None:
    bare = replace(front, manifest={**front.manifest, "targets": {}})
    best = {row["best_for"]: row["chip"] for row in answer(bare).best}
    assert best["usd_per_token_per_second"] == "gpu-b"
    assert best["tpot"] in ("gpu-a", "gpu-b")  # both take 1 ms
