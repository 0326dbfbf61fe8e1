"""A page says what its table says: data of scripts, cells and sliders against the rows of the front."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from factories import LAW
from fronts_for_tests import design, front
from hypothesis import given
from hypothesis import strategies as st

from dse.report.drawing.scales import Scale
from dse.report.info.card_info import Ledger, card_of, constraints, ledgers_of
from dse.report.info.evidence import evidence
from dse.report.info.front_info import front_info
from dse.report.info.parallel_info import parallel_info
from dse.report.info.progress_info import progress_info
from dse.report.info.stacked_bars_info import StackInfo
from dse.report.page.card import card_html, ledger_html
from dse.report.page.html import tag
from dse.report.page.script_data import (
    filters_data,
    front_data,
    importance_data,
    listed,
    parallel_data,
    progress_data,
    rows_data,
    stack_data,
)
from dse.report.page.table import cell, table
from dse.report.words.quantities import quantity
from dse.search.analysis.importance import Importance
from dse.search.analysis.progress import Progress
from objectives.ledgers import LEDGERS

MORE = {"ttft_s": 0.5, "capex_usd": 1000.0, "tokens_per_s": 100.0}
ROWS = [
    design(0.002, 8.0, **MORE, param_sram=2.0**20),
    design(0.004, 3.0, **{**MORE, "capex_usd": 4000.0}, branch="dram-only", param_sram=None),
]
REAL = [design(0.003, 6.0, chip="h100", **MORE), design(0.009, 2.0, chip="h100", **{**MORE, "ttft_s": 2.0})]


class Cells(HTMLParser):
    """Texts and attributes of the tags of a page, in order."""

    def __init__(self, text: Any) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[list[str]] = []
        self.feed(str(text))

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        texts: list[str] = []
        self.tags.append((name, dict(attrs), texts))
        self._open.append(texts)

    def handle_endtag(self, name: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for texts in self._open:
            texts.append(data)

    def of(self, name: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attrs, "".join(texts)) for found, attrs, texts in self.tags if found == name]


# --- data of scripts


def test_every_point_that_a_script_draws_leads_to_its_row() -> None:
    whole = front(ROWS, REAL)
    found = evidence(whole, None)
    rows = rows_data(found)
    data = front_data(front_info(whole))
    drawn = [p for group in (*data["series"], *data["baselines"]) for p in group["points"]]
    assert {p["key"] for p in drawn} == set(rows) == {"f0", "f1", "b0", "b1"}
    for point in drawn:
        row = rows[point["key"]]
        assert (point["x"], point["y"]) == (row["tpot_s"] * 1e3, row["usd_per_token_per_s"])
        assert point["fx"] is None
        assert point["fy"] is None  # no stack is known
    json.dumps([rows, data], allow_nan=False)


def test_error_factors_of_points_are_those_of_their_chips() -> None:
    info = front_info(front(ROWS[:1], REAL[:1]), intervals={"h100": {"tpot": 1.5, "throughput": 1.25}})
    data = front_data(info)
    (point,) = data["baselines"][0]["points"]
    assert (point["fx"], point["fy"]) == (1.5, 1.25)
    assert data["series"][0]["points"][0]["fx"] is None


def test_axes_of_a_script_are_those_of_the_picture() -> None:
    info = front_info(front(ROWS, REAL, targets={"tpot": [0.005]}))
    data = front_data(info)
    for name, scale in (("x", info.x), ("y", info.y)):
        low, high = data[name]["limits"]
        assert (low, high) == scale.limits
        assert all(low <= value <= high for value, _ in data[name]["ticks"])
        assert [float(text.replace(",", "")) for _, text in data[name]["ticks"]] == pytest.approx(
            [value for value, _ in data[name]["ticks"]]
        )
    assert data["targets"] == [{"axis": "x", "value": 5.0, "label": "5 ms"}]


def test_what_hovers_over_a_design_names_its_numbers() -> None:
    rows = rows_data(evidence(front(ROWS, REAL), None))
    text = rows["f0"]["hover"]
    for words in ("sram-only-0 (SRAM-only)", "8.00", "2.00 ms", "500 ms", "1 chips", "$1,000", "SRAM 1 MiB"):
        assert words in text, words
    assert "SRAM" not in rows["f1"]["hover"].partition("\n")[2]  # it has none


def test_a_baseline_on_the_front_is_listed_once_and_still_has_its_row() -> None:
    both = [*ROWS, {**REAL[0], "role": "baseline"}]
    found = evidence(front(both, REAL), None)
    assert listed(found) == ["f0", "f1", "f2", "b1"]
    assert set(rows_data(found)) == {"f0", "f1", "f2", "b0", "b1"}


def test_sliders_reach_from_the_least_to_the_most_of_all_rows_and_are_left_out_where_nothing_varies() -> None:
    found = {f["column"]: f for f in filters_data(evidence(front(ROWS, REAL), None))}
    assert (found["tpot_s"]["low"], found["tpot_s"]["high"]) == (0.002, 0.009)
    assert (found["ttft_s"]["low"], found["ttft_s"]["high"]) == (0.5, 2.0)
    assert (found["capex_usd"]["low"], found["capex_usd"]["high"]) == (1000.0, 4000.0)
    assert found["tpot_s"]["factor"] == 1e3
    same = filters_data(evidence(front(ROWS[:1]), None))
    assert same == []


def test_parallel_lines_carry_their_row_and_the_numbers_shown() -> None:
    info = parallel_info(front(ROWS))
    data = parallel_data(info)
    titles = [a["title"] for a in data["axes"]]
    lines = {line["key"]: line for b in data["bundles"] for line in b["lines"]}
    assert set(lines) == {"f0", "f1"}
    at = titles.index("TPOT [ms]")
    assert (lines["f0"]["shown"][at], lines["f1"]["shown"][at]) == ("2", "4")
    sram = next(i for i, t in enumerate(titles) if t.startswith("SRAM")) if "SRAM [MiB]" in titles else None
    if sram is not None:
        assert lines["f1"]["shown"][sram] == "-"
        assert lines["f1"]["at"][sram] is None
    assert {b["label"] for b in data["bundles"]} == {"SRAM-only (1)", "DRAM-only (1)"}


def test_progress_goes_on_at_its_last_height_to_where_it_ended() -> None:
    found = progress_info(Progress(np.array([1, 5, 9]), np.array([1.0, 2.0, 4.0])), front(ROWS))
    data = progress_data(found)
    assert data["missing"] == [75.0, 50.0, 50.0]
    assert data["trials"] == [1.0, 5.0, 9.0]
    assert (data["complete"], data["end"]) == (9.0, 9.0)


def test_stacked_bars_and_importance_are_their_numbers() -> None:
    info = StackInfo(
        title="", subtitle="", y_label="y", x_label="x", bars=("a", "b"), kinds=("", ""), totals=("1", "2"),
        parts=(("one", np.array([1.0, np.nan])), ("two", np.array([3.0, 4.0]))), notes=(), dense=False,
    )  # fmt: skip
    data = stack_data(info)
    assert [(p["name"], p["values"]) for p in data["parts"]] == [("one", [1.0, None]), ("two", [3.0, 4.0])]
    shares = importance_data([Importance("hybrid", 1234, (("sram", 0.75), ("link_bandwidth", 0.25)))])
    (branch,) = shares["branches"]
    assert branch["label"] == "Hybrid: 1,234 trials"
    assert [value for _, value in branch["shares"]] == [75.0, 25.0]


# --- tables


@LAW
@given(st.lists(st.none() | st.floats(1e-6, 1e6) | st.integers(0, 10**6), min_size=1, max_size=6))
def test_a_cell_is_sorted_by_the_number_that_it_shows(values: list[float | int | None]) -> None:
    column = quantity("tpot_s")
    cells = [cell(v, column) for v in values]
    for value, made in zip(values, cells, strict=True):
        if value is None:
            assert (made.shown, made.key) == ("-", None)
            continue
        assert made.key == pytest.approx(float(value) * 1e3)
        shown = float(str(made.shown).replace(",", ""))
        assert shown == pytest.approx(made.key, rel=5.1e-4, abs=0.51 if abs(made.key) >= 1000 else 1e-300)


def test_a_table_has_a_row_for_each_design_with_the_keys_that_scripts_use() -> None:
    columns = [quantity(c) for c in ("chip", "tpot_s")]
    rows = [{q.column: cell(r[q.column], q) for q in columns} for r in
            ({"chip": "a<b", "tpot_s": 0.0015}, {"chip": "c", "tpot_s": None})]  # fmt: skip
    page = Cells(table("t", columns, rows, caption="Designs", keys=["f0", "f1"]))
    assert [attrs.get("data-key") for attrs, _ in page.of("tr")] == [None, "f0", "f1"]
    cells = [(attrs.get("data-v"), text) for attrs, text in page.of("td")]
    assert cells == [("a<b", "a<b"), ("1.5", "1.5"), ("c", "c"), (None, "-")]
    assert [text for _, text in page.of("th")] == ["design", "TPOT [ms]"]
    assert {attrs["data-column"] for attrs, _ in page.of("th")} == {"chip", "tpot_s"}
    assert [attrs["class"] for attrs, _ in page.of("td")] == ["wrap", "n", "wrap", "n"]


# --- cards


@LAW
@given(
    st.dictionaries(st.sampled_from(("ffn", "attention", "link", "fixed")), st.floats(0.0, 10.0), min_size=1)
)
def test_a_breakdown_of_a_card_is_whole_and_its_largest_part_comes_first(parts: dict[str, float]) -> None:
    ledger = Ledger("TPOT", "s", tuple(parts.items()))
    if ledger.total == 0.0:
        assert ledgers_of({"tpot_s": parts}) == ()
        return
    page = Cells(ledger_html(ledger))
    widths = [float(re.search(r"width:([\d.]+)%", attrs["style"])[1]) for attrs, _ in page.of("i")]  # type: ignore[index]
    shares = [float(re.search(r"([\d.]+) %$", text)[1]) for _, text in page.of("li")]  # type: ignore[index]
    assert len(widths) == len(shares) == sum(v != 0.0 for v in parts.values())
    assert sum(widths) == pytest.approx(100.0, abs=0.006 * len(parts))
    assert widths == sorted(widths, reverse=True)
    for width, share in zip(widths, shares, strict=True):
        assert width == pytest.approx(share, abs=0.06)


def test_breakdowns_of_a_card_are_in_their_order_with_their_totals() -> None:
    every = {ledger.name: {"a": 1.0, "b": 2.0} for ledger in reversed(LEDGERS)}
    made = ledgers_of(every)
    assert [m.unit for m in made] == [ledger.unit for ledger in LEDGERS]
    assert all(m.total == 3.0 for m in made)
    assert ledgers_of({}) == ()


def test_a_constraint_says_by_how_much_it_is_exceeded_or_what_is_left() -> None:
    found = constraints({"capacity": 2e9, "cooling": -50.0, "network_domain": 0.0})
    assert [(text, over) for _, text, over in found] == [
        ("exceeded by 2.00 GB", True), ("50.0 W to spare", False), ("0 chip to spare", False),
    ]  # fmt: skip


def test_a_card_without_its_study_holds_what_the_row_tells() -> None:
    row = {**ROWS[0], "chip": "sram-only-0", "branch": "sram-only", "role": "baseline", "batch": 64, "tp": 8,
           "pp": 2, "chips": 16, "price_usd": 1234.0, "violation_capacity": -1e9}  # fmt: skip
    card = card_of(row, None)
    facts = dict((*card.chip, *card.deployment, *card.results))
    assert facts["price"] == "$1,234"
    assert facts["chips"] == "16"
    assert "batch 64" in facts["deployment"]
    assert "TP 8" in facts["deployment"]
    assert facts["TPOT"] == "2.00 ms"
    assert facts["TTFT"] == "500 ms"
    assert card.ledgers == ()
    page = Cells(card_html(card))
    names = [text for _, text in page.of("dt")]
    values = [text for _, text in page.of("dd")]
    assert dict(zip(names, values, strict=True)) == facts
    assert "1.00 GB to spare" in "".join(text for _, text in page.of("li"))


def test_text_of_a_page_is_escaped_and_attributes_without_a_value_are_left_out() -> None:
    page = Cells(tag("p", "a < b & c", class_=None, title='"quoted"'))
    ((attrs, text),) = page.of("p")
    assert (attrs, text) == ({"title": '"quoted"'}, "a < b & c")


def test_an_upright_axis_of_progress_holds_what_is_drawn() -> None:
    found = progress_info(Progress(np.array([1, 2]), np.array([3.0, 4.0])), front(ROWS))
    assert isinstance(found.y, Scale)
    assert found.y.limits[0] < found.missing.min() <= found.missing.max() < found.y.limits[1]
