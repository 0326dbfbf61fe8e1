"""Published speeds of dataflow chips beside ours: every row is shown, and the errors are what is promised."""

import csv
import json
from functools import cache
from math import sqrt

import pytest
from typer.testing import CliRunner

import dse
from dse.chips.anchors import anchored
from dse.cli.main import app
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.system import StackSpec
from dse.validate.measured.dataflow import (
    FAMILY,
    TABLE,
    ComparedRow,
    DataflowComparison,
    compare_dataflow,
    find_bundled,
)
from dse.validate.measured.drafts import drafted

CATALOG = Catalog()


@cache
def shown() -> DataflowComparison:
    return compare_dataflow(cost_model("roofline"), CATALOG)


def of(chip: str, llm: str) -> list[ComparedRow]:
    return [b for b in shown().rows if (b.row.chip, b.row.llm) == (chip, llm) and b.predicted is not None]


def lines() -> list[dict[str, str]]:
    with find_bundled(CATALOG, TABLE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_is_shown_and_one_that_is_not_predicted_says_why() -> None:
    assert len(shown().rows) == len(lines())
    for b in shown().rows:
        assert (b.predicted is None) == bool(b.why_not)


def test_the_median_error_with_the_vendor_left_out_is_as_promised() -> None:
    assert (shown().median() or 1.0) <= 0.35
    assert (shown().median(left_out=False) or 1.0) <= (shown().median() or 0.0)


def test_the_interval_holds_four_rows_of_five() -> None:
    assert 0.7 <= shown().inside <= 0.95


@pytest.mark.parametrize(("llm", "measured"), [("llama3.1-70b", 450.0), ("llama3.1-8b", 1800.0)])
def test_a_wafer_is_within_a_factor_of_two_even_with_its_vendor_left_out(llm: str, measured: float) -> None:
    (b,) = of("wse-3", llm)
    assert b.row.value == measured
    assert 0.5 <= (b.ratio or 0.0) <= 2.0
    assert 0.5 <= (b.unseen_ratio or 0.0) <= 2.0


def test_the_demonstration_on_576_lpus_is_within_a_quarter() -> None:
    (b,) = of("groq-lpu-v1", "llama2-70b")
    assert (b.row.chips, b.row.value) == (576.0, 300.0)
    assert abs((b.ratio or 0.0) - 1.0) <= 0.25


def test_the_lpu_has_the_constants_that_its_vendor_counts() -> None:
    chip = CATALOG.get(ChipSpec, "groq-lpu-v1")
    # 64 streams of 320 bytes at 0.9 GHz; 576 of them are the 10,616 TB/s of the paper
    assert chip.sram.bandwidth.value == pytest.approx(64 * 320 * 0.9e9, rel=1e-3)
    assert 576 * (chip.sram.bandwidth.value or 0.0) == pytest.approx(10616e12, rel=1e-3)
    # nine nodes, each with four cables to each other: cut 4 | 5, 80 cables cross, 853 GB/s in all
    cables = 4 * 5 * 4
    assert (chip.link.bandwidth.value or 0.0) / 11 == pytest.approx(853e9 / cables, rel=5e-3)
    assert 2.0 * (chip.link.bandwidth.value or 0.0) == pytest.approx(235e9)


def test_sums_cross_a_wafer_and_come_back_with_any_software() -> None:
    # 949 hops of 0.85 GHz there and back, for two all-reduces of each of 32 layers
    there_and_back = 2 * sqrt(900_000) / 0.85e9
    for stack in (None, "ideal", "equal"):
        found = dse.estimate("wse-3", "llama3.1-8b", "chat", weights="fp16", batch=1, tp=1, pp=1, stack=stack)
        assert found.ledgers["tpot_s"]["die_to_die"] == pytest.approx(32 * 2 * there_and_back, rel=5e-3)


def test_columns_that_nobody_stated_are_named() -> None:
    for line in lines():
        if line["refused"]:
            continue
        assert line["ours"], line


def test_drafts_are_predicted_only_where_somebody_says_how_many_were_accepted() -> None:
    for b in shown().rows:
        if b.row.spec_decode:
            assert (b.predicted is not None) == (b.row.accepted is not None)


def test_the_chance_of_a_draft_yields_the_tokens_that_a_step_was_measured_to() -> None:
    (b, *_) = of("sn50", "deepseek-r1")
    drafts = drafted(b.row, CATALOG.get(LlmSpec, "deepseek-r1").resolve())
    assert drafts is not None
    a = drafts.acceptance
    assert 1.0 + a + a**2 + a**3 == pytest.approx(3.1)
    assert drafts.length == 3
    assert drafts.cost == 1 / 61  # a module is one layer of 61


def test_no_claim_from_memory_is_in_the_table() -> None:
    assert not [line for line in lines() if "memory" in line["basis"].lower()]


def test_chips_whose_vendor_published_too_little_are_not_anchored() -> None:
    def standing(name: str) -> bool:
        chip = CATALOG.get(ChipSpec, name)
        return anchored(CATALOG.get(StackSpec, chip.stack), chip)

    assert all(standing(n) for n in ("groq-lpu-v1", "wse-3", "wse-2", "sn40l", "lpu-template", "hybrid-n5"))
    assert not any(standing(n) for n in ("taalas-hc1", "etched-sohu", "corsair", "lp30"))


def test_every_vendors_interval_is_that_of_vendors_left_out() -> None:
    family = CATALOG.get(StackSpec, FAMILY)
    assert family.estimate == "calibrated"
    for stack in CATALOG.all(StackSpec).values():
        if stack.vendors:
            assert stack.interval == family.interval, stack.name


def test_the_verb_prints_rows_and_medians() -> None:
    told = CliRunner().invoke(app, ["validate", "dataflow", "--format", "json"])
    assert told.exit_code == 0
    found = json.loads(told.stdout)
    assert len(found["rows"]) == len(lines())
    assert found["median_abs_error_vendor_left_out"] <= 0.35
    (row,) = [r for r in found["rows"] if r["chip"] == "wse-3" and r["llm"] == "llama3.1-8b"]
    assert row["ratio"] == pytest.approx(row["predicted"] / row["measured"])
    table = CliRunner().invoke(app, ["validate", "dataflow"])
    assert table.exit_code == 0
    assert "not predicted: taalas-hc1" in table.stdout


def test_medians_are_medians_of_what_is_shown() -> None:
    ratios = sorted(abs((b.unseen_ratio or 0.0) - 1.0) for b in shown().rows if b.unseen_ratio is not None)
    assert len(ratios) % 2 == 1
    assert shown().median() == pytest.approx(ratios[len(ratios) // 2])
