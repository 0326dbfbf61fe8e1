"""Texts of strangers: quantities never compute, nothing steers a terminal, no cell is a formula."""

import csv
import io
import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fronts_for_tests import design, front
from hostile.doors import RAW, alarm
from hypothesis import given
from hypothesis import strategies as st
from said import call

import dse
from dse.cli.terminal.machine_output import print_csv, print_json
from dse.cli.terminal.tables import stdout, table
from dse.errors import Problem, SpecError, UnitError, nearest
from dse.front.files import load_front, write_front
from dse.front.tables import from_csv, kinds, to_csv, to_format
from dse.spec.schema.pattern import SEEN, pattern_problem
from dse.spec.yaml.units import parse, plain_number
from dse.text import cell, from_cell, short, visible, visible_json

# --- quantities

COMPUTED = [
    "9^9^9^9 B", "2^2^40", "2**2**40 B", "2²B", "2² B", "(1,2) B", "1e400 B", "1_0 GB", "1__0 B", "1 B**2",
    "1 B^2", "1+1 B", "1-1 B", "1*2 B", "1/2 B", "1 B 1", "B", "", "1", "nan B", "inf B", "0x10 B", "٣ B",
    "1e9999999 B", "1e-31 B", "1e31 B", "1 B;1", "1 B\0", "1 __import__('os')", "1 lambda", "[1] B",
    "1 B" * 1_000, "9" * 10_000 + " B", "(" * 1_000 + "1 B", "1 " + "(" * 50 + "B" + ")" * 50,
]  # fmt: skip


@pytest.mark.parametrize("text", COMPUTED, ids=[text[:12] for text in COMPUTED])
def test_a_quantity_that_would_have_to_be_computed_is_refused_at_once(text: str) -> None:
    with (
        alarm(1.0),
        pytest.raises(UnitError, match="expected a number with a unit such as '1 B', got ") as said,
    ):
        parse(text, "B")
    assert len(str(said.value)) < 400
    with alarm(), pytest.raises(SpecError):
        dse.estimate("h100", "llama2-7b", "chat", settings={"sram": text})


@pytest.mark.parametrize(
    ("text", "unit", "si"),
    [
        ("1_000 GB", "B", 1e12), ("1_234_567.5 B", "B", 1234567.5), ("+.5e1 s", "s", 5.0), ("2. s", "s", 2.0),
        ("5ms", "s", 0.005), ("0.05 / cm2", "1/m2", 500.0), ("3 USD/(GB/s)", "USD*s/B", 3e-9),
        ("0 B", "B", 0.0), (" 1 B\n", "B", 1.0),
    ],
)  # fmt: skip
def test_a_number_and_a_unit_are_read(text: str, unit: str, si: float) -> None:
    assert parse(text, unit) == pytest.approx(si, rel=1e-12)


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("1_000", 1000), ("1.5", 1.5), ("1e3", 1000.0)])
def test_a_plain_number_is_one(text: str, number: float) -> None:
    assert plain_number(text) == number


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", "1 B", "²", "9" * 5_000, "0x1", "1,5", ""])
def test_no_other_text_is_a_plain_number(text: str) -> None:
    assert plain_number(text) is None


@pytest.mark.parametrize(
    "condition", ["tpot<=9^9^9^9 ms", "batch>=2**2**40", "tpot<=" + " " * 50_000, "tp=²", "tp=(1,2)"]
)
def test_a_condition_computes_nothing(condition: str, tmp_path: Path) -> None:
    write_front(tmp_path / "r", front([design(0.01, 2.0)], study="0001-groq-vs-h100"))
    with alarm():
        call(
            "front", "groq-vs-h100", "--out", tmp_path / "r", "--no-intervals", "--where", condition
        ).refused("--where: ")


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$",
        "(a|a)*b",
        "a?" * 20 + "a" * 20,
        ".*.*.*.*x",
        r"(a)\1",
        "(?=x)",
        "a{9999999999}",
        "(",
        "x" * 300,
    ],
)
def test_a_pattern_that_may_take_for_ever_is_refused(text: str) -> None:
    with alarm():
        assert pattern_problem(text).startswith("expected a regular expression")


@pytest.mark.parametrize(
    "text", ["^vLLM( v?(0\\.([7-9]|\\d\\d)|[1-9])[.0-9a-z]*)?", "a*a*a*b", "a?a?a?a?a?a?aaaaaa", ""]
)
def test_the_worst_pattern_that_is_let_through_is_quick(text: str) -> None:
    assert not pattern_problem(text)
    with alarm(1.0):
        re.search(text, "a" * SEEN, re.IGNORECASE)


# --- terminals

STEERING = "\x1b]0;pwned\x07\x1b[2J\x1b[31mred\r\b\x9b1m\u202egnp\u2066"


def test_what_steers_a_terminal_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    stdout().print(table([f"name{STEERING}"], [[STEERING]], title=STEERING))
    stdout().print(STEERING)
    print_csv([{"name": STEERING}])
    said = capsys.readouterr().out
    assert not RAW.search(said)
    assert said.count(r"\x1b[2J\x1b[31mred\r".replace(r"\r", r"\x0d")) >= 3


def test_json_stays_the_same_data(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": STEERING, "ü": "\x7f"})
    said = capsys.readouterr().out
    assert not RAW.search(said)
    assert json.loads(said) == {"name": STEERING, "ü": "\x7f"}


def test_a_title_and_a_note_of_a_file_are_shown(tmp_path: Path) -> None:
    own = tmp_path / "my" / "workloads" / "mine.yaml"
    own.parent.mkdir(parents=True)
    steering = json.dumps(STEERING)
    own.write_text(
        f"kind: workload\nname: mine\ntitle: {steering}\nserving: aggregated\nnotes: {steering}\n"
        "isl: {value: 512 token, source: assumption, basis: assumption}\n"
        "osl: {value: 128 token, source: assumption, basis: assumption}\n"
    )
    for words in ((), ("mine",)):
        for form in ("table", "csv", "json"):
            said = call("catalog", "workloads", *words, "--configs", tmp_path / "my", "--format", form)
            assert said.code == 0 and not RAW.search(said.out + said.err), (words, form)
            assert "[2J" in said.out


def test_a_key_and_a_name_in_a_message_are_shown(tmp_path: Path) -> None:
    own = tmp_path / "m\x1b[31m\n.yaml"
    own.write_text(f"kind: chip\n{json.dumps(STEERING)}: 1\n")
    said = call("check", own).refused(r"\x1b[2J", "unknown key")
    assert not RAW.search(said.err)
    # a line for each problem, whatever is written into a name
    assert all(r"m\x1b[31m\n.yaml" in line for line in said.err.splitlines()[:-1])
    assert str(Problem("a\nb", "c\x1bd\n")) == r"a\nb: c\x1bd\n"
    assert str(SpecError([Problem("x", STEERING)])) == f"x: {visible(STEERING)}"


@given(st.text())
def test_any_text_is_shown_without_what_steers_and_json_reads_back(text: str) -> None:
    assert not RAW.search(visible(text))
    assert visible(visible(text)) == visible(text)
    assert json.loads(visible_json(json.dumps(text, ensure_ascii=False))) == text


def test_a_value_in_a_message_is_short() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    for value in (
        "x" * 10**6,
        10**10_000,
        list(range(10**6)),
        {str(i): i for i in range(10**5)},
        deep,
        b"x" * 10**6,
    ):
        with alarm(1.0):
            assert len(short(value)) <= 170


def test_a_name_as_long_as_a_page_has_no_nearest() -> None:
    with alarm(1.0):
        assert nearest("x" * 10**6, ["a", "b"]) == "known: a, b"
        assert len(nearest("x", map(str, range(10**4)))) < 200


# --- cells

FORMULAS = [
    "=1+1",
    "+x",
    "-x",
    "@x",
    "\tx",
    "\rx",
    "'=x",
    "''=x",
    '=HYPERLINK("http://x")',
    "-1+1|cmd",
    "- 5",
]
HARMLESS = ["-5", "+5", "-1.5e-3", "5", "h100", "'h100", "", "a=b"]


@pytest.mark.parametrize("text", [*FORMULAS, *HARMLESS])
def test_a_cell_is_no_formula_and_reads_back(text: str) -> None:
    written = cell(text)
    assert from_cell(written) == text
    assert (written != text) == (text in FORMULAS)
    assert written == text or written[0] == "'"


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=1))
def test_every_text_of_a_table_reads_back(texts: list[str]) -> None:
    assert [from_cell(cell(text)) for text in texts] == texts


def test_a_stored_front_has_no_formula_and_reads_back(tmp_path: Path) -> None:
    rows = [
        design(0.01 * (i + 1), -2.0, branch=text or "none", trial=-i)
        for i, text in enumerate(FORMULAS)
        if "\r" not in text  # no name of a part of a file has one
    ]
    made = front(rows)
    write_front(tmp_path, made)
    written = list(csv.DictReader(StringIO((tmp_path / "front.csv").read_text(encoding="utf-8"))))
    assert all(row["branch"].startswith("'") for row in written)
    assert [float(row["trial"]) for row in written] == made.frame["trial"].tolist()
    pd.testing.assert_frame_equal(
        load_front(tmp_path).frame[["branch", "trial"]], made.frame[["branch", "trial"]], check_dtype=False
    )
    assert from_csv(to_csv(made.frame), kinds(made.frame))["branch"].tolist() == made.frame["branch"].tolist()
    shown = list(csv.DictReader(io.StringIO(to_format(made.frame, "csv").decode(), newline="")))
    assert all(row["branch"].startswith("'") for row in shown)
    assert [row["branch"] for row in json.loads(to_format(made.frame, "json"))] == made.frame[
        "branch"
    ].tolist()


def test_the_table_of_a_validation_has_no_formula_and_reads_back(tmp_path: Path) -> None:
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    rows.write_text(
        "chip,llm,weights,isl,osl,metric,value,batch,batch_kind,run_id,engine\n"
        "h100-sxm,llama2-7b,fp16,128,128,tpot_ms,15,8,static,=1+1,@vLLM\n"
    )
    assert call("validate", rows, "--out", out).code == 0
    (row,) = csv.DictReader(StringIO(out.read_text(encoding="utf-8")))
    assert (row["run_id"], row["engine"]) == ("'=1+1", "'@vLLM")
    assert float(row["error"]) < 0 and not row["error"].startswith("'")
    again = tmp_path / "again.csv"
    assert call("validate", out, "--out", again).code == 0
    (read,) = csv.DictReader(StringIO(again.read_text(encoding="utf-8")))
    assert (read["run_id"], read["engine"]) == ("'=1+1", "'@vLLM")


# --- calls from Python and command lines


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tp": "2"}, "--tp: expected a whole number"),
        ({"tp": float("nan")}, "--tp: expected a whole number"),
        ({"tp": True}, "--tp: expected a whole number"),
        ({"batch": list(range(10**6))}, "--batch: expected a whole number"),
        ({"batch": 10**18}, "--batch: expected a whole number of at most 1,000,000,000"),
        ({"weights": 8}, "--weights: expected a name, got 8"),
        ({"settings": {"price": None}}, "--set: price: expected a number with its unit"),
        ({"settings": {"price": float("nan")}}, "--set: price: "),
        ({"settings": {3: "1 GB"}}, "--set: 3: "),
        ({"settings": [1]}, "--set: expected a mapping"),
        ({"stack": ["x"]}, "--stack: expected a name"),
        ({"configs": 3}, "--configs: expected a folder"),
    ],
)  # fmt: skip
def test_a_call_with_an_argument_of_another_type_is_refused(given: dict[str, object], told: str) -> None:
    with alarm(), pytest.raises(SpecError, match=re.escape(told)):
        dse.estimate("h100", "llama2-7b", "chat", **given)  # type: ignore[arg-type]
    assert dse.estimate("h100", "llama2-7b", "chat", tp=np.int64(1)).deployment["tp"] == 1


def test_an_option_of_one_value_that_is_there_twice_is_refused() -> None:
    words = ("estimate", "--chip", "h100", "--llm", "llama2-7b", "--workload", "chat")
    call(*words, "--tp", "1", "--tp", "8").refused("--tp: expected once, got 2 times")
    assert call(*words, "--set", "sram=60 MB", "--set", "hbm=90 GB", "-q", "-q").code == 0
