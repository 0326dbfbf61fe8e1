"""Tables of a page against the committed CSV files of its study, which the `csv` module reads alone."""

import csv
import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fronts_for_tests import design, front

from dse.errors import SpecError
from dse.pages.study.answers import Answer, answer_of, read_answers
from dse.pages.study.columns import COUNTS, cell, heading, said
from dse.pages.study.expressions import said_of
from dse.pages.study.tables import chosen, limit_text, markdown, targets_of, who_of, within
from dse.pages.study.template import filled, table_of

STUDY = Path(__file__).resolve().parents[2] / "studies" / "0001-groq-vs-h100"
GOAL = "usd_per_token_per_s"
Line = dict[str, str]
Answers = dict[str, Answer]


def lines_of(case: str, *names: str) -> list[Line]:
    """Rows of the CSV files of a case."""
    found: list[Line] = []
    for name in names:
        with (STUDY / case / f"{name}.csv").open(newline="") as file:
            found += csv.DictReader(file)
    return found


def of_chip(case: str, chip: str) -> list[Line]:
    """Deployments of a chip of the catalog: the stored ones, and those solved again at the targets."""
    return [line for line in lines_of(case, "baselines", "at_targets") if line["chip"] == chip]


def rows_of(table: str) -> list[list[str]]:
    """Cells of a Markdown table below its headings."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[c.strip() for c in line.strip("|").split("|")] for line in lines[2:]]


@pytest.fixture(scope="session")
def committed() -> Answers:
    return read_answers(STUDY)


@pytest.fixture(scope="session")
def study(committed: Answers) -> Answer:
    return committed[""]


def test_a_study_has_an_answer_for_itself_and_for_each_folder_of_a_case(committed: Answers) -> None:
    folders = {path.parent.name for path in STUDY.glob("*/manifest.json")}
    assert set(committed) == {"", *folders}
    assert next(iter(committed)) == ""


@pytest.mark.parametrize("case", ["", "listed", "batch-8"])
def test_the_best_deployment_of_a_chip_costs_as_much_as_the_cheapest_line_of_its_files(
    committed: Answers, case: str
) -> None:
    answer = committed[case]
    assert answer.chips
    for chip in answer.chips:
        lines = of_chip(case, chip)
        pick = answer.pick(chip, f"least {GOAL}")
        if not lines:
            assert pick is None
            continue
        assert pick is not None
        assert pick.row["chip"] == chip
        assert float(pick.row[GOAL]) == min(float(line[GOAL]) for line in lines)


@pytest.mark.parametrize("column", ["tpot_s", "capex_usd", "chips"])
@pytest.mark.parametrize(("order", "extreme"), [("least", min), ("most", max)])
def test_least_and_most_are_the_ends_of_a_column(
    study: Answer, column: str, order: str, extreme: type[min]
) -> None:
    for chip in ("h100-sxm", "groq-lpu-v1"):
        pick = study.pick(chip, f"{order} {column}")
        assert pick is not None
        assert float(pick.row[column]) == extreme(float(line[column]) for line in of_chip("", chip))


@pytest.mark.parametrize("limit", [0.002, 0.01, 0.05])
@pytest.mark.parametrize("chip", ["h100-sxm", "groq-lpu-v1"])
def test_a_latency_target_leaves_the_lines_that_meet_it(study: Answer, chip: str, limit: float) -> None:
    axis, _ = targets_of(study)
    fast = [line for line in of_chip("", chip) if float(line["tpot_s"]) <= limit]
    pick = study.pick(chip, f"{within(axis, limit)} least {GOAL}")
    if not fast:
        assert pick is None
        return
    assert pick is not None and float(pick.row["tpot_s"]) <= limit
    assert float(pick.row[GOAL]) == min(float(line[GOAL]) for line in fast)


@pytest.mark.parametrize("kind", ["sram-only", "dram-only", "hybrid"])
def test_a_storage_kind_means_searched_chips_of_that_kind_alone(study: Answer, kind: str) -> None:
    lines = [
        line
        for line in lines_of("", "front", "at_targets")
        if line["role"] == "search" and line["branch"] == kind
    ]
    pick = study.pick(kind, f"least {GOAL}")
    assert (pick is None) is (not lines)
    if pick is not None:
        assert (pick.row["role"], pick.row["branch"]) == ("search", kind)
        assert float(pick.row[GOAL]) == min(float(line[GOAL]) for line in lines)


def by_hand(tolerance: float) -> Any:
    """A searched front of two chips: `a` in systems of three sizes, and `b`."""
    rows = [
        design(0.001, 1.000, chip="a", chips=64),
        design(0.001, 1.009, chip="a", chips=8),
        design(0.001, 1.020, chip="a", chips=1),
        design(0.001, 1.005, chip="b", chips=2),
    ]
    study = SimpleNamespace(baselines=(), slug="by-hand")
    return Answer("by hand", cast(Any, study), front(rows, tolerance=tolerance))


@pytest.mark.parametrize(("tolerance", "chips"), [(0.0, 64), (0.001, 64), (0.01, 8), (0.05, 1)])
def test_the_smallest_system_of_the_best_chip_within_the_tolerance_is_preferred(
    tolerance: float, chips: int
) -> None:
    pick = by_hand(tolerance).pick("search", "")
    assert (pick.row["chip"], pick.row["chips"]) == ("a", chips)
    # least and most mean what they say
    assert by_hand(tolerance).pick("search", f"least {GOAL}").row["chips"] == 64
    assert by_hand(tolerance).pick("search", "most chips").row["chips"] == 64


# --- tables


def test_rows_hold_one_line_for_each_chip_with_the_numbers_of_its_cheapest_deployment(
    committed: Answers,
) -> None:
    table = table_of(f"rows : . : h100-sxm groq-lpu-v1 : least {GOAL} : chips, batch, tp, {GOAL}", committed)
    rows = rows_of(table)
    assert [row[0] for row in rows] == ["h100-sxm", "groq-lpu-v1"]
    for chip, *cells in rows:
        best = min(of_chip("", chip), key=lambda line: float(line[GOAL]))
        shown = [float(text.replace(",", "")) for text in cells]
        assert shown[:3] == [float(best[name]) for name in ("chips", "batch", "tp")]
        assert shown[3] == pytest.approx(float(best[GOAL]), rel=0.005)  # three digits


def test_a_matrix_has_the_numbers_of_its_rows_turned_by_case(committed: Answers) -> None:
    cases = ["", "batch-8", "batch-128"]
    names = ". batch-8 batch-128"
    matrix = rows_of(table_of(f"matrix : {names} : h100-sxm groq-lpu-v1 : least {GOAL} : {GOAL}", committed))
    rows = rows_of(table_of(f"rows : {names} : h100-sxm groq-lpu-v1 : least {GOAL} : {GOAL}", committed))
    assert [row[0] for row in matrix] == [committed[case].title for case in cases]
    flat = [
        (title, chip, value)
        for title, *cells in matrix
        for chip, value in zip(("h100-sxm", "groq-lpu-v1"), cells, strict=True)
    ]
    assert [tuple(row) for row in rows] == flat


def test_the_table_of_targets_has_a_column_for_each_target_of_the_manifest(committed: Answers) -> None:
    limits = sorted(json.loads((STUDY / "manifest.json").read_text())["targets"]["tpot"])
    table = table_of(f"targets : . : h100-sxm groq-lpu-v1 : {GOAL}", committed)
    heads = next(line for line in table.splitlines() if line.startswith("|")).strip("|").split("|")
    assert len(heads) == 1 + len(limits)
    for row in rows_of(table):
        # a looser target is met by every design that meets a tighter one
        costs = [float(text.replace(",", "")) for text in row[1:] if text != "none"]
        assert "none" not in row[1 + row[1:].count("none") :]
        # but for the tolerance within which a smaller system is preferred
        assert all(later <= earlier * 1.02 for earlier, later in pairwise(costs))


def test_at_its_break_even_price_a_chip_costs_as_much_as_its_best_rival(committed: Answers) -> None:
    """In a case of chips alone, where $/(token/s) is in proportion to the price of a chip."""
    answer = committed["chips-alone"]
    axis, limits = targets_of(answer)
    rows = {row[0]: row for row in rows_of(table_of("breakeven : chips-alone : *", committed))}
    assert set(rows) == set(answer.chips)
    checked = 0
    for name, row in rows.items():
        for limit, text in zip(limits, row[2:], strict=True):
            own = answer.pick(name, within(axis, limit))
            assert (text == "too slow") is (own is None)
            if own is None or not text.startswith("$"):
                continue
            rivals = [answer.pick(other, within(axis, limit)) for other in rows if other != name]
            groups = answer.eligibility.group_of
            alike = [
                float(p.row[GOAL]) for p in rivals if p and groups.get(p.row["chip"]) == groups.get(name)
            ]
            factor = float(text.strip("$ M").replace(",", "")) * (1e6 if text.endswith("M") else 1.0)
            scaled = float(own.row[GOAL]) * factor / float(own.row["price_usd"])
            assert scaled == pytest.approx(min(alike), rel=0.006)  # three digits
            checked += 1
    assert checked > len(rows)


def test_the_best_table_names_who_wins_each_target_and_what_it_costs(committed: Answers) -> None:
    answer = committed[""]
    axis, limits = targets_of(answer)
    rows = rows_of(table_of("best", committed))
    assert [row[0] for row in rows] == [limit_text(limit, axis.unit) for limit in limits]
    for limit, row in zip(limits, rows, strict=True):
        pick = answer.pick("", within(axis, limit))
        assert (row[1] == "none") is (pick is None)
        if pick is not None:
            assert float(row[2].replace(",", "")) == pytest.approx(float(pick.row[GOAL]), rel=0.005)
            low, high = (
                (float(end.replace(",", "").strip(" M$")) for end in row[4].split(" to "))
                if (" to " in row[4])
                else (0.0, float("inf"))
            )
            assert low <= high


# --- numbers in sentences


@pytest.mark.parametrize("column", ["tp", "pp", "batch", "chips"])
def test_a_count_is_shown_in_full(study: Answer, column: str) -> None:
    assert column in COUNTS
    pick = study.pick("groq-lpu-v1", f"most {column}")
    assert pick is not None
    assert cell(pick, column).text == f"{max(int(line[column]) for line in of_chip('', 'groq-lpu-v1')):,}"


@pytest.mark.parametrize("chip", ["h100-sxm", "groq-lpu-v1"])
def test_derived_columns_are_arithmetic_on_the_line_of_the_file(committed: Answers, chip: str) -> None:
    line = min(of_chip("", chip), key=lambda line: (float(line[GOAL]), float(line["tpot_s"])))
    term = f"[ : {chip} : least {GOAL} : "
    number = {name: float(line[name]) for name in ("tpot_s", "tokens_per_s", "chips", "capex_usd")}
    for text, wanted in (
        (f"{term}speed]", 1.0 / number["tpot_s"]),
        (f"{term}per_chip]", number["tokens_per_s"] / number["chips"]),
        (f"{term}capex_usd] / {term}tokens_per_s]", number["capex_usd"] / number["tokens_per_s"]),
        (f"{term}chips] * 2 - 1", 2 * number["chips"] - 1),
    ):
        assert float(said_of(text, committed).replace(",", "")) == pytest.approx(wanted, rel=0.005)
    layout = said_of(f"{term}layout]", committed)
    assert layout.split(", ")[0] == f"{line['tp']} x {line['pp']}"


@pytest.mark.parametrize("chip", ["h100-sxm", "groq-lpu-v1"])
@pytest.mark.parametrize("ledger", ["tpot", "ttft"])
def test_parts_of_a_breakdown_add_up_to_its_column(study: Answer, chip: str, ledger: str) -> None:
    pick = study.pick(chip, f"least {GOAL}")
    assert pick is not None
    parts = pick.seen.ledgers[f"{ledger}_s"]
    cells = [cell(pick, f"{ledger}.{part}") for part in parts]
    assert sum(float(c.value) for c in cells) == pytest.approx(float(pick.row[f"{ledger}_s"]), rel=1e-9)
    assert {c.unit for c in cells} == {"s"}


def test_what_binds_is_a_share_of_tpot_and_all_shares_are_one(study: Answer) -> None:
    pick = study.pick("h100-sxm", f"least {GOAL}")
    assert pick is not None
    shares = [float(cell(pick, f"{name}%").value) for name in pick.seen.ledgers["bound_s"]]
    assert sum(shares) == pytest.approx(1.0, rel=1e-9)
    assert cell(pick, "nothing%").value == 0.0
    assert heading("hbm_bandwidth%") == "hbm bandwidth binds"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ : h100-sxm : : tpot_ms]", "unknown column 'tpot_ms'; did you mean 'tpot_s'"),
        ("[ : h100-sxm : least tpot_ss : tpot_s]", "unknown column 'tpot_ss'"),
        ("[ : h100-sxn : : tpot_s]", "did you mean 'h100-sxm'"),
        ("[btch-8 : h100-sxm : : tpot_s]", "unknown case 'btch-8'; did you mean 'batch-8'"),
        ("[ : h100-sxm : : tpot.colectives]", "did you mean 'collectives'"),
        ("[ : h100-sxm : : chip.prise]", "unknown column 'chip.prise'"),
        ("[ : h100-sxm : : chip] + 1", "expected a number, got 'h100-sxm'"),
        ("[ : h100-sxm : tpot_s<=1 ns : tpot_s]", "expected a design, got none"),
        ("[ : h100-sxm : tpot_s]", "expected [CASE : WHO : CONDITIONS : COLUMN]"),
        ("1 + 'a'", "expected numbers and terms with + - * / and brackets"),
        ("2 % 3", "expected numbers and terms with + - * / and brackets"),
        ("tpot", "expected numbers and terms with + - * / and brackets"),
    ],
)
def test_a_term_that_cannot_be_read_is_refused_with_what_was_expected(
    committed: Answers, text: str, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        said_of(text, committed)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3", "7.00"),
        ("(1 + 2) * 3", "9.00"),
        ("8 / 4 / 2", "1.00"),
        ("10 - 3 - 2", "5.00"),
        ("1 / 3", "0.333"),
        ("1 / 3 as s to 5", "333.33 ms"),
        ("2 / 3 as %", "67 %"),
        ("1234.5 as USD", "$1,234"),
        ("0 - 1234567 as USD", "-$1.23 M"),
        ("3e9 as B/s", "3.00 GB/s"),
        ("1999.5 as count", "2,000"),
    ],
)
def test_arithmetic_needs_no_front(text: str, wanted: str) -> None:
    assert said_of(text, {}) == wanted


@pytest.mark.parametrize(
    ("value", "unit", "digits", "wanted"),
    [
        (0.5, "%", 3, "50 %"),
        (1e6, "USD", 3, "$1.00 M"),
        (999_999.0, "USD", 3, "$999,999"),
        (-5.0, "USD", 3, "-$5.00"),
        (2.5, "USD/(token/s)", 3, "2.50"),
        (2.5, "USD/(token/s)", 2, "2.5"),
        (0.001, "s", 3, "1.00 ms"),
        (4096.0, "count", 3, "4,096"),
    ],
)
def test_a_number_is_written_by_its_unit(value: float, unit: str, digits: int, wanted: str) -> None:
    assert said(value, unit, digits) == wanted


# --- names


def test_cases_and_chips_are_named_by_marks_or_by_name(committed: Answers, study: Answer) -> None:
    assert [a.title for a in chosen(committed, "*")] == [a.title for a in committed.values()]
    assert chosen(committed, ". batch-8") == [committed[""], committed["batch-8"]]
    assert who_of(study, "*") == list(study.chips)
    assert who_of(study, "any h100-sxm") == ["", "h100-sxm"]
    assert who_of(study, "") == [""]
    with pytest.raises(SpecError, match="expected names of cases"):
        chosen(committed, " ")
    with pytest.raises(SpecError, match="did you mean 'batch-32'"):
        answer_of(committed, "batch-33")


@pytest.mark.parametrize(
    ("value", "text"), [(0.01, "10 ms"), (0.0025, "2.5 ms"), (1.0, "1 s"), (0.1, "100 ms"), (2e-6, "2 us")]
)
def test_a_target_is_written_as_a_person_writes_it(value: float, text: str) -> None:
    assert limit_text(value, "s") == text


def test_a_table_of_markdown_has_as_many_bars_in_every_line() -> None:
    lines = markdown(["a", "b"], [["1", "2"], ["3", ""]]).splitlines()
    assert [line.count("|") for line in lines] == [3, 3, 3, 3]
    assert rows_of("\n".join(lines)) == [["1", "2"], ["3", ""]]


# --- the template


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("rows : . : *", "rows: expected 4 arguments, got 2"),
        ("best : a : b", "best: expected 0 to 1 arguments, got 2"),
        ("rowz : . : * : : chips", "unknown table 'rowz'; did you mean 'rows'"),
        ("best : btch-8", "did you mean 'batch-8'"),
    ],
)
def test_a_mark_of_a_table_that_cannot_be_filled_is_quoted(committed: Answers, mark: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        filled(f"Text.\n\n{{% {mark} %}}\n", committed)
    (problem,) = caught.value.problems
    assert problem.where == f"{{ {mark} }}"
    assert words in problem.what


def test_a_page_without_marks_is_its_template(committed: Answers) -> None:
    text = "# Title\n\nA sentence.\n\n- one\n- two\n"
    assert filled(text, committed) == text
    assert filled(text + "\n\n\n\nEnd.", committed) == text + "\nEnd.\n"


def test_a_value_inside_a_sentence_is_replaced_and_the_sentence_is_wrapped_again(
    committed: Answers,
) -> None:
    page = filled("It is {{ 1 +\n1 }} and\n{{ 2 as % }}.\n\nEnd.\n", committed)
    assert page == "It is 2.00 and 200 %.\n\nEnd.\n"
