"""The page of accuracy: which interval a row left out gets, and what its tables count."""

from collections import defaultdict
from dataclasses import replace
from functools import cache
from math import log
from pathlib import Path

import pytest

from dse.calibrate.accuracy import (
    FITTED,
    LEFT_OUT,
    Unseen,
    factor_on,
    fitted_of,
    stack_without,
)
from dse.calibrate.left_out import GROUPINGS
from dse.calibrate.parameters import PARAMETERS
from dse.pages.accuracy.aims import AIMS, aims
from dse.pages.accuracy.floor import OTHER, SAME, apart, pairs
from dse.pages.accuracy.rival import OWN, RIVAL, rival, said, same_rows
from dse.pages.accuracy.scores import DENSE, DEP, EP, LAYOUTS, TP, layout_of, score
from dse.pages.accuracy.tables import compared, intervals
from dse.pages.accuracy.words import INTRODUCTION
from dse.pages.accuracy.wrong import WRONG, wrong
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case, Lookup
from dse.validate.measured.layouts import Layout
from dse.validate.measured.predictions import Predicted, Prediction
from dse.validate.measured.rows import find_table, read_rows

CATALOG = Catalog()
PAGE = (Path(__file__).resolve().parents[2] / "dse" / "docs" / "accuracy.md").read_text(encoding="utf-8")


@cache
def cases() -> tuple[Case, ...]:
    """Every row of the bundled table that can be looked up."""
    lookup = Lookup(CATALOG)
    found = [lookup.case(row) for row in read_rows(find_table("published", CATALOG))]
    return tuple(c for c in found if isinstance(c, Case))


def members() -> dict[str, list[Case]]:
    by: dict[str, list[Case]] = defaultdict(list)
    for case in cases():
        by[case.stack.name].append(case)
    return by


def one(stack: str, **wanted: str) -> Case:
    """A row of a stack, of a chip, an LLM or a metric where they are named."""
    return next(
        c
        for c in cases()
        if c.stack.name == stack
        and wanted.get("chip", c.chip.name) == c.chip.name
        and wanted.get("llm", c.llm.name) == c.llm.name
        and wanted.get("metric", c.row.metric) == c.row.metric
    )


def row(case: Case, error: float, factor: float | None = 2.0, grouping: str = FITTED) -> Unseen:
    return Unseen(case=case, grouping=grouping, error=error, factor=factor)


# --- intervals of rows left out


@pytest.mark.parametrize("grouping", LEFT_OUT)
def test_a_stack_lists_nothing_that_only_the_group_left_out_had(grouping: str) -> None:
    key = GROUPINGS[grouping]
    for case in cases()[::97]:
        found = stack_without(members(), grouping, case, CATALOG)
        if found.chips:
            left = [c for c in members()[found.name] if key(c) != key(case)]
            assert set(found.chips) <= {c.chip.name for c in left}
            assert set(found.llms) == {c.llm.name for c in left}


def test_a_chip_left_out_has_the_wider_interval_of_stack_and_class() -> None:
    case = one("sglang", chip="mi300x")
    found = stack_without(members(), "chip", case, CATALOG)
    assert "mi300x" not in found.chips
    of_class = CATALOG.get(StackSpec, case.chip.stack)
    factor = factor_on(found, case, CATALOG)
    assert factor is not None
    assert factor >= max(found.interval["tpot"], of_class.interval["tpot"])


def test_an_llm_left_out_is_unknown_and_its_interval_no_narrower() -> None:
    for name in ("nim", "trtllm-bench", "vllm-2025"):
        case = one(name)
        found = stack_without(members(), "llm", case, CATALOG)
        assert case.llm.name not in found.llms
        known, unknown = factor_on(case.stack, case, CATALOG), factor_on(found, case, CATALOG)
        assert known is not None
        assert unknown is not None
        assert unknown >= known


def test_an_engine_left_out_has_the_stack_of_its_class() -> None:
    assert stack_without(members(), "engine", one("nim"), CATALOG).name == "gpu-serving"
    assert stack_without(members(), "engine", one("llamacpp-consumer"), CATALOG).name == "gpu-consumer"


def test_the_only_engine_of_a_class_left_out_has_the_centre_of_all_engines() -> None:
    assert stack_without(members(), "engine", one("llamacpp-soc"), CATALOG).name == "gpu-serving"


def test_the_speed_of_a_user_counts_as_a_time_per_token() -> None:
    case = next(c for c in cases() if c.row.metric == "tok_s_user" and c.row.quality in ("A", "B"))
    # half the speed is twice the time
    slow = Prediction(case=case, predicted=case.row.value / 2.0)
    (found,) = fitted_of(Predicted(found=(slow,), refused=()), FITTED)
    assert found.error == pytest.approx(log(2.0))
    assert found.metric == "tpot"


# --- scores


def test_a_score_counts_both_sides_and_the_interval() -> None:
    case = one("nim")
    # twice, the same and half: off by 100, 0 and 50 %
    found = score([row(case, e, 1.9) for e in (log(2.0), 0.0, -log(2.0))])
    assert found is not None
    assert (found.n, found.median, found.bias) == (3, pytest.approx(0.5), 0.0)
    assert found.p90 == pytest.approx(0.9)
    assert found.inside == pytest.approx(1 / 3)
    assert score([]) is None


def test_rows_without_an_interval_are_neither_in_nor_out() -> None:
    found = score([row(one("nim"), 0.0, None)])
    assert found is not None
    assert found.inside is None


@pytest.mark.parametrize(
    ("tp", "dp", "ep", "layout"),
    [(8, 1, 1, TP), (8, 1, 8, EP), (8, 2, 8, EP), (1, 8, 8, DEP), (4, 2, 8, DEP)],
)
def test_layouts_are_told_apart_by_how_experts_are_spread(tp: int, dp: int, ep: int, layout: str) -> None:
    spread = Layout(tp=tp, pp=1, dp=dp, ep=ep, assumed="")
    assert layout_of(replace(one("sglang", llm="deepseek-r1"), layout=spread)) == layout
    assert layout_of(replace(one("nim"), layout=spread)) == DENSE


# --- tables


def filled(error: float) -> dict[str, list[Unseen]]:
    """A row of each kind that an aim is about, fitted without an error and off by `error` when left out."""
    kinds = (one("sglang", chip="mi300x"), one("nim"), one("fastertransformer"), one("trtllm-static"))
    found = {g: [row(c, error, grouping=g) for c in kinds] for g in LEFT_OUT}
    return {FITTED: [row(c, 0.0) for c in kinds], **found}


def test_an_aim_is_met_when_all_that_is_left_out_meets_it() -> None:
    for aim in AIMS:
        for error, met in ((aim.most * 0.9, "yes"), (aim.most * 1.1, "no: chip, llm, source, engine")):
            rows = filled(log(1.0 + error))
            if aim.reached(rows["chip"]) is not None:
                (line,) = [text for text in aims(rows).splitlines() if text.startswith(f"| {aim.what} |")]
                assert line.endswith(f"| {met} |"), line


def test_an_aim_without_any_row_has_no_number() -> None:
    (line,) = [text for text in aims(filled(0.0)).splitlines() if text.startswith("| TPOT in DEP |")]
    assert line.split(" | ")[2:-1] == ["-"] * 5


def test_shares_inside_the_interval_are_by_layout() -> None:
    dense, mixture = one("nim", metric="tpot_ms"), one("sglang", llm="deepseek-r1", metric="tpot_ms")
    rows = {g: [row(dense, 0.0), row(dense, 1.0), row(mixture, 0.0)] for g in LEFT_OUT}
    line = next(text for text in intervals(rows).splitlines() if text.startswith("| chip | TPOT"))
    shares = dict(zip(("all", *LAYOUTS), line.strip("| ").split(" | ")[2:], strict=True))
    assert shares["all"] == "66.7% of 3"
    assert shares[DENSE] == "50.0% of 2"
    assert shares[layout_of(mixture)] == "100.0% of 1"


def test_fitted_rows_are_next_to_the_same_rows_left_out() -> None:
    case = one("nim", metric="tpot_ms")
    rows = {FITTED: [row(case, 0.0)], "chip": [row(case, log(1.5))]}
    last = compared(rows, "chip", lambda c: c.chip.name, "chip").splitlines()[-1]
    errors = "0.0% | 0.0% | +0.0% | 100.0% | 50.0% | 50.0% | +50.0% | 100.0%"
    assert last == f"| TPOT | {case.chip.name} | 1 | {errors} |"


def test_what_is_wrong_is_predicted_over_measured() -> None:
    first = WRONG[0]
    case = next(c for c in cases() if first.among(c) and c.row.metric == "tpot_ms")
    rows = {FITTED: [row(case, -log(2.0))], "source": [row(case, -log(4.0))]}
    (line,) = wrong(rows).splitlines()[2:]
    assert line == f"| {first.what} | TPOT | 1 | 0.50 | 0.50 | 0.50 | 0.25 | {first.why} |"


def test_every_group_of_wrong_rows_has_rows() -> None:
    for w in WRONG:
        assert any(w.among(c) for c in cases()), w.what


# --- how near a prediction can be


def test_measurements_of_one_setting_are_compared_by_their_engines() -> None:
    first = replace(one("vllm-2025", metric="tpot_ms").row, run="a", engine="vLLM 0.12.0", value=10.0)
    alike = replace(first, run="b", engine="vLLM 0.18.0", value=15.0)
    other = replace(first, run="c", engine="SGLang", value=8.0)
    found = {(p.what, round(p.apart, 6)) for p in pairs([first, alike, other])}
    assert found == {(SAME, 0.5), (OTHER, 0.25), (OTHER, 0.875)}


@pytest.mark.parametrize(
    "changed", [{"batch": 3.0}, {"llm": "qwen"}, {"run": "a"}, {"stat": "p99"}, {"quality": "C"}, {"tp": 2.0}]
)
def test_rows_of_other_settings_of_one_run_and_tails_are_no_pairs(changed: dict[str, str | float]) -> None:
    first = replace(one("vllm-2025", metric="tpot_ms").row, run="a", batch=4.0, tp=1.0)
    assert pairs([first, replace(first, run="b")])
    assert not pairs([first, replace(first, **{"run": "b", **changed})])  # type: ignore[arg-type]


def test_few_pairs_are_not_shown() -> None:
    (pair,) = pairs([(first := one("nim", metric="tpot_ms").row), replace(first, run="b")])
    assert len(apart([pair] * 7).splitlines()) == 2
    assert len(apart([pair] * 8).splitlines()) == 3


# --- the peer on the same rows


def test_the_peer_is_compared_on_its_rows_alone() -> None:
    has, lacks = one("sglang", metric="tpot_ms"), one("nim", metric="tpot_ms")
    predicted = {(has.row.run, "tpot_ms"): has.row.value * 2.0}
    (found,) = rival([row(has, 0.0), row(lacks, 0.0)], predicted)
    assert found.grouping == RIVAL
    assert found.error == pytest.approx(log(2.0))
    rows = {FITTED: [row(has, 0.0), row(lacks, 1.0)], "source": [row(has, log(1.5)), row(lacks, 1.0)]}
    line = same_rows(rows, predicted).splitlines()[2]
    assert line == f"| TPOT | {layout_of(has)} | 1 | 100.0%, 100.0% | 0.0%, 0.0% | 50.0%, 50.0% |"


def test_every_prediction_of_the_peer_is_of_a_row_that_is_published() -> None:
    known = {(c.row.run, c.row.metric) for c in cases()}
    assert said().keys() <= known
    assert all(value > 0.0 for value in said().values())
    assert any(c.row.source == OWN for c in cases())


# --- the page


def test_the_page_has_every_aim_and_says_how_many_numbers_are_fitted() -> None:
    assert INTRODUCTION in PAGE
    assert f"\n{len(PARAMETERS)} numbers of an engine" in INTRODUCTION
    for aim in AIMS:
        assert f"| {aim.what} |" in PAGE
