"""Of a front that is too large for a page as many designs are shown as fit, and the answer is that of all."""

import time
from pathlib import Path

import numpy as np
from fronts_for_tests import design, front

from dse.front.files import load_front, write_front
from dse.report.info.evidence import evidence
from dse.report.info.thinned import MOST, thinned
from dse.report.page.study_report import study_report
from dse.report.words.answer import answer

TARGETS = {"tpot": [float(t) for t in np.geomspace(0.002, 0.9, 100)]}


def large(n: int):
    rows = [design(float(t), 1.0 / float(t), trial=i) for i, t in enumerate(np.linspace(0.001, 1.0, n))]
    return front(rows, [design(0.5, 9.0, trial=-1)], goal="usd_per_token_per_second", targets=TARGETS)


def test_a_small_front_stays_as_it_is() -> None:
    small = large(MOST)
    assert thinned(small, answer(small)) == (small, "")


def test_a_large_front_is_shown_in_part_and_answered_from_all_of_it() -> None:
    whole = large(20_000)
    found = evidence(whole, None)
    assert MOST <= len(found.rows) <= MOST + len(TARGETS["tpot"])
    assert found.designs == 20_000 and found.answer == answer(whole)
    shown = {row["chip"] for row in found.rows}
    assert {row["chip"] for row in found.answer.best} <= shown
    assert {whole.frame["chip"].iloc[0], whole.frame["chip"].iloc[-1]} <= shown
    assert any("of 20,000 designs are shown" in text for text in found.cautions)
    page = study_report(found)
    assert "20,000 designs on the front" in page and len(page) < 20e6


def test_a_large_table_is_read_in_seconds(tmp_path: Path) -> None:
    write_front(tmp_path, large(50_000))
    begun = time.process_time()
    assert len(load_front(tmp_path).frame) == 50_000
    assert time.process_time() - begun < 5.0
