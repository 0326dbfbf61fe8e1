"""Tables for people and values of options: nothing is cut off, and no value is taken for another."""

import re
from io import StringIO

import pytest
import typer
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from dse.cli.input.options import latency, one_of, only_one_of, seconds, whole
from dse.cli.terminal.quantity import format_quantity
from dse.cli.terminal.tables import table
from dse.errors import SpecError
from dse.report.words.part_names import counted, word
from dse.spec.yaml.units import parse


def printed(columns: list[str], rows: list[list[str]], width: int = 100, **more: object) -> list[str]:
    """Lines of a table on a console of some width."""
    console = Console(width=width, color_system=None, record=True, file=StringIO())
    console.print(table(columns, rows, **more))  # type: ignore[arg-type]
    return console.export_text().splitlines()


WORD = st.text("abcdefgh", min_size=1, max_size=9)
NUMBER = st.integers(0, 10**9).map(lambda n: f"{n:,}")


@LAW
@given(st.lists(st.tuples(WORD, NUMBER, NUMBER), min_size=1, max_size=5), st.integers(12, 100))
def test_every_word_and_number_is_printed_whole_at_any_width(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    lines = printed(["name", "first", "second"], [list(r) for r in rows], width, right=["first", "second"])
    assert all(len(line) <= width for line in lines)
    words = " ".join(lines).split()
    for cell in (c for row in rows for c in row):
        assert cell in words, (cell, lines)


HEADS = ["design", "two words", "b c d", "DRAM bandwidth", "at the batch", "P10", "median", "P90"]
ROWS = [
    ["sram-only-110", "1", "2", "3.35 TB/s", "128", "3.55", "8.29", "43.3"],
    ["h100", "12,345", "7", "933 GB/s", "1,024", "1,200", "5.38", "12,345,678"],
]


@pytest.mark.parametrize("least", [0, 8, 12])
@pytest.mark.parametrize("flexible", [[], ["design"], HEADS[1:4], HEADS])
@pytest.mark.parametrize("columns", [1, 2, 4, 8])
def test_no_heading_and_no_number_loses_a_character_at_any_width(
    columns: int, flexible: list[str], least: int
) -> None:
    heads, rows = HEADS[:columns], [row[:columns] for row in ROWS]
    wanted = {word for cells in (heads, *rows) for cell in cells for word in cell.split()}
    for width in (*range(20, 110), 120, 160, 200):
        lines = printed(heads, rows, width, right=heads[1:], flexible=flexible, least=least)
        assert all(len(line) <= width for line in lines)
        assert wanted <= set(" ".join(lines).split()), (width, lines)


def test_headings_of_several_words_leave_the_numbers_of_a_full_table_whole() -> None:
    heads = ["design", "two words", "b c d", "P90"]
    lines = printed(heads, [["sram-only-110", "1", "2", "12,345"]], 40, right=heads[1:])
    assert lines[-1].split() == ["sram-only-110", "1", "2", "12,345"]


def test_numbers_end_below_each_other_and_words_begin_there() -> None:
    lines = printed(["name", "value"], [["a", "1"], ["longer", "1,000"]], right=["value"])
    assert lines[0].index("name") == lines[2].index("a") == lines[3].index("longer")
    assert len(lines[2].rstrip()) == len(lines[3].rstrip()) == len(lines[0].rstrip())
    titled = printed(["name"], [["a"]], title="Some title")
    assert titled[0].strip() == "Some title"


def test_where_columns_do_not_fit_a_row_is_printed_below_itself() -> None:
    lines = printed(
        ["name", "first", "second"], [["abc", "1,000,000", "2,000,000"]], 20, right=["first", "second"]
    )
    assert [line.split() for line in lines if line.strip()] == [
        ["name", "abc"], ["first", "1,000,000"], ["second", "2,000,000"],
    ]  # fmt: skip


def test_square_brackets_are_no_markup() -> None:
    assert any("[bold]x[/bold]" in line for line in printed(["name"], [["[bold]x[/bold]"]]))


# --- values of options


@LAW
@given(
    st.floats(1e-20, 1e6),
    st.sampled_from((("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0))),
)
def test_a_duration_is_read_in_its_unit_and_a_bare_number_in_seconds(
    value: float, unit: tuple[str, float]
) -> None:
    text = f"{value:.6g}"
    assert seconds(f"{text} {unit[0]}") == pytest.approx(float(text) * unit[1], rel=1e-12)
    assert seconds(text) == float(text)


@pytest.mark.parametrize("text", ["-1", "-1 ms", "inf", "nan", "5 GB", "soon", ""])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds(text)


@pytest.mark.parametrize("text", ["5", "0.5", " 5 ", "1e-3"])
def test_a_latency_without_its_unit_is_refused_with_one_that_may_be_meant(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=f"such as '{re.escape(text.strip())} ms'"):
        latency(text)
    assert latency("5 ms") == 0.005


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("12", 12), ("0", None), ("-3", None), ("1.5", None), ("x", None)]
)
def test_a_count_is_a_whole_number_of_at_least_its_minimum(text: str, number: int | None) -> None:
    if number is not None:
        assert whole(1)(text) == number
        return
    with pytest.raises(
        typer.BadParameter, match=f"expected a whole number of at least 1, got '{re.escape(text)}'"
    ):
        whole(1)(text)
    assert whole(0)("0") == 0


def test_one_of_a_few_words_is_taken_and_another_gets_the_nearest() -> None:
    read = one_of("as-sold", "equal", what="software")
    assert (read("as-sold"), read("equal")) == ("as-sold", "equal")
    with pytest.raises(
        typer.BadParameter, match=r"^unknown software 'equl'; did you mean 'equal'\? Known: as-sold, equal$"
    ):
        read("equl")


def test_of_two_options_that_exclude_each_other_one_may_be_given() -> None:
    for value, theirs in ((None, None), (1, None), (None, 0)):
        only_one_of("--a", value, "--b", theirs)
    with pytest.raises(SpecError, match="--b: expected either this or --a, got both"):
        only_one_of("--a", 0, "--b", 0)


# --- numbers and names


@LAW
@given(st.floats(1e-6, 1e12), st.sampled_from(("s", "B", "B/s", "W", "FLOP/s", "USD", "USD/(token/s)", "")))
def test_a_quantity_reads_back_to_three_digits_and_dollars_are_named_elsewhere(
    value: float, unit: str
) -> None:
    text = format_quantity(value, unit).replace(",", "")
    if unit.startswith("USD") or not unit:
        assert float(text) == pytest.approx(value, rel=0.0051)
    elif not (unit != "s" and value < 1.0):  # below one unit there is no smaller prefix
        assert parse(text, unit) == pytest.approx(value, rel=0.0051)


def test_a_gap_is_a_dash() -> None:
    assert format_quantity(None, "s") == "-"


@pytest.mark.parametrize(("number", "text"), [(8.0, "8"), (1280.0, "1,280"), (2.5, "2.50"), (0.333, "0.33")])
def test_a_fleet_has_a_fraction_of_a_chip_and_a_system_has_not(number: float, text: str) -> None:
    assert counted(number) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ffn", "FFN"), ("kv_cache", "KV cache"), ("dram_phy", "DRAM PHY"), ("link", "links"),
        ("io_dies", "I/O dies"), ("head", "LM head"), ("nre", "one-off cost"), ("attention", "attention"),
    ],
)  # fmt: skip
def test_parts_are_called_as_the_field_calls_them(name: str, text: str) -> None:
    assert word(name) == text
