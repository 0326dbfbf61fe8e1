"""Sections of a datasheet from numbers written down by hand, and the page that shows them, parsed again."""

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from dse.decide.propose.overturning_numbers import OverturningNumber
from dse.decide.propose.proposal import Odds
from dse.decide.uncertainty.monte_carlo import Swing
from dse.question.variation import Fact, Place
from dse.report.datasheet.content import Datasheet, columns_of_numbers
from dse.report.datasheet.page import datasheet_page
from dse.report.datasheet.section import MOST, Section, fact_words, written_in
from dse.report.datasheet.uncertainty import odds, overturning_section, swing_section, uncertainty_sentence
from dse.spec.schema.base import SourcedShare
from dse.spec.yaml.units import parse

# --- numbers in the units of the field


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        # 1 TFLOP/s/mm2 is 1e12 FLOP/s on 1e-6 m2
        (2e18, "FLOP/s/m2", "2.00 TFLOP/s/mm2"),
        # 0.4 mm2/MiB is 0.4e-6 m2 for 2^20 B
        (0.4e-6 / 2**20, "m2/B", "0.400 mm2/MiB"),
        (12e-9, "USD/B", "12.0 USD/GB"),
        # 8 bits a byte: 5 pJ/bit are 40 pJ/B
        (40e-12, "J/B", "5.00 pJ/bit"),
        (0.5e-12, "J/FLOP", "0.500 pJ/FLOP"),
        # 0.1 /cm2 are 1000 /m2
        (1000.0, "1/m2", "0.100 /cm2"),
        (5e5, "W/m2", "0.500 W/mm2"),
        (2e4, "USD/m2", "0.0200 USD/mm2"),
        # 1 GB/s for each MiB
        (1e9 / 2**20, "1/s", "1.00 GB/s/MiB"),
        # 100 GB/s on a mm of edge
        (1e14, "B/s/m", "100 GB/s/mm"),
        (0.025, "m", "25.0 mm"),
        # 0.1 USD/kWh is 0.1 USD for 3.6e6 J
        (0.1 / 3.6e6, "USD/J", "0.100 USD/kWh"),
        (3.0, "USD/W", "3.00 USD/W"),
        (7.0, "USD/rack", "7.00 USD/rack"),
        (3.35e12, "B/s", "3.35 TB/s"),
        (0.25, "", "0.250"),
    ],
)
def test_a_number_is_written_in_the_unit_that_people_know_it_in(value: float, unit: str, text: str) -> None:
    assert written_in(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (86_400.0, "1.00 days"),
        (30 * 86_400.0, "30.0 days"),
        (0.5 * 365.25 * 86_400.0, "0.500 years"),
        (4 * 365.25 * 86_400.0, "4.00 years"),
    ],
)
def test_long_times_are_written_in_days_and_years(seconds: float, text: str) -> None:
    assert written_in(seconds, "s") == text


@pytest.mark.parametrize("seconds", [1e-9, 0.0025, 59.0, 3600.0, 86_399.0])
def test_times_below_a_day_are_written_in_seconds(seconds: float) -> None:
    found = written_in(seconds, "s")
    assert found.endswith("s") and parse(found, "s") == pytest.approx(seconds, rel=0.005)


def fact(config: str, path: str, value: float = 0.5, low: float = 0.4, high: float = 0.6) -> Fact:
    leaf = SourcedShare.model_validate(
        {
            "value": str(value),
            "source": "assumption",
            "basis": "assumption",
            "low": str(low),
            "high": str(high),
        }
    )
    return Fact(Place(config, path), leaf, "")


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ("technology/silicon-2026", "nodes.n5.compute_density", "n5 compute density"),
        ("economy/default", "host.price", "host price"),
        ("stack/gpu-serving", "dram_efficiency", "gpu-serving DRAM efficiency"),
        ("chip/h100-sxm", "sram.capacity", "h100-sxm SRAM capacity"),
        ("stack/nim", "kv_efficiency", "nim KV efficiency"),
    ],
)
def test_a_number_is_named_by_its_config_and_its_path(config: str, path: str, words: str) -> None:
    assert fact_words(fact(config, path)) == words


# --- values that change the winner


def flip(name: str, value: float, *, unbuildable: bool = False) -> OverturningNumber:
    found = fact(f"stack/{name}", "dram_efficiency")
    return OverturningNumber(
        fact=found, value=value, factor=value / found.value, rival="h200", unbuildable=unbuildable
    )


def proposal(**parts: Any) -> Any:
    return SimpleNamespace(goal_label="$/(token/s)", rounded=SimpleNamespace(cost=2.0), **parts)


@pytest.mark.parametrize(
    ("value", "inside"), [(0.4, True), (0.45, True), (0.39, False), (0.6, True), (0.61, False), (0.9, False)]
)
def test_a_break_even_has_an_asterisk_where_the_sources_reach_it(value: float, inside: bool) -> None:
    section = overturning_section(proposal(overturning_numbers=[flip("a", value)]))
    assert section is not None
    ((name, published, even, factor, rival),) = section.rows
    assert (name, published, rival) == ("a DRAM efficiency", "0.500", "h200")
    assert float(even) == value
    assert float(factor.split()[1]) == pytest.approx(value / 0.5, abs=0.005)
    assert factor.endswith("*") is inside


def test_numbers_that_only_make_the_chip_unbuildable_are_a_sentence_of_at_most_three() -> None:
    broken = [flip(f"s{i}", 0.9, unbuildable=True) for i in range(5)]
    section = overturning_section(proposal(overturning_numbers=[flip("a", 0.45), *broken]))
    assert section is not None and len(section.rows) == 1
    assert section.note.count(" x 1.80") == 3
    assert section.note.endswith("and 2 more.")
    few = overturning_section(proposal(overturning_numbers=broken[:3]))
    assert few is not None and not few.note.endswith("more.")
    assert few.rows == (("no number within a factor of ten", "-", "-", "-", "-"),)


def test_at_most_a_dozen_numbers_are_listed_and_none_is_no_section() -> None:
    assert overturning_section(proposal(overturning_numbers=[])) is None
    many = overturning_section(proposal(overturning_numbers=[flip(f"s{i}", 0.45) for i in range(MOST + 3)]))
    assert many is not None
    assert [row[0] for row in many.rows] == [f"s{i} DRAM efficiency" for i in range(MOST)]


# --- the tornado


def swing(name: str, low: float | None, high: float | None) -> Swing:
    return Swing(
        fact=fact(f"stack/{name}", "dram_efficiency"), low=0.4, high=0.6, cost_low=low, cost_high=high
    )


def test_each_end_of_a_range_says_how_far_the_cost_moves() -> None:
    section = swing_section(proposal(tornado=[swing("a", 2.5, 1.9)]))
    assert section is not None
    # 2.5 over 2.0 is a quarter more, 1.9 over 2.0 a twentieth less
    assert section.rows == (("a DRAM efficiency", "0.400", "+25.0 %", "0.600", "-5.0 %"),)
    assert section.note == ""


def test_a_number_with_an_infeasible_end_is_named_and_not_ranked() -> None:
    ends = [swing(f"s{i}", None, 2.0) for i in range(5)]
    section = swing_section(proposal(tornado=[*ends, swing("a", 2.1, 2.2)]))
    assert section is not None and [row[0] for row in section.rows] == ["a DRAM efficiency"]
    assert section.note.count("DRAM efficiency") == 4 and section.note.endswith("and 1 more.")
    assert swing_section(proposal(tornado=ends)) is None
    assert swing_section(proposal(tornado=[])) is None


# --- odds


ODDS = Odds(
    samples=500,
    seed=1,
    numbers=40,
    wins=0.62,
    feasible=0.9,
    interval=(1.5, 2.0, 3.25),
    tpot=(0.004, 0.005, 0.0065),
    others={"h200": 0.08, "lpu": 0.2},
)


def test_odds_list_the_rivals_that_win_otherwise_the_most_frequent_first() -> None:
    section = odds(proposal(odds=ODDS))
    assert section is not None
    assert section.title == "500 samples of 40 uncertain numbers"
    found = dict(section.rows)
    assert found["wins"] == "62%" and found["is feasible"] == "90%"
    assert found["$/(token/s), P10 to P90"] == "1.50 to 3.25, median 2.00"
    assert found["TPOT, P10 to P90, deployment fixed"] == "4.00 ms to 6.50 ms, median 5.00 ms"
    assert [name for name, _ in section.rows[4:]] == ["lpu wins", "h200 wins"]
    shares = [float(text.strip("%")) for name, text in section.rows if name.endswith("wins")]
    assert sum(shares) == 90  # in the other samples nothing is feasible
    assert odds(proposal(odds=None)) is None


def test_the_sentence_of_the_odds_has_their_numbers_in_order() -> None:
    text = uncertainty_sentence(ODDS)
    places = [text.index(part) for part in ("1.50", "2.00", "3.25", "62%", "90%", "4.00 ms", "6.50 ms")]
    assert places == sorted(places)


def test_the_spread_of_odds_is_the_same_numbers_by_the_names_of_all_verbs() -> None:
    spread = ODDS.spread
    assert (spread.p10, spread.p50, spread.p90) == ODDS.interval
    assert (spread.tpot_s_p10, spread.tpot_s_p50, spread.tpot_s_p90) == ODDS.tpot
    assert (spread.probability_best, spread.probability_meets_target) == (0.62, 0.9)


# --- the page


class Page(HTMLParser):
    """Tables of a page as rows of cells, with the classes of their cells, and all headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[list[list[tuple[str, str]]]] = []
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes.append((tag, given))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append(("", given.get("class") or ""))
        if tag not in ("meta", "link", "img"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        self.texts[self._open[-1]][-1] += data
        if self._open[-1] in ("td", "th"):
            text, kind = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (text + data, kind)


SMALL = Section(title="Small", columns=("", "value"), rows=(("class", "gpu"), ("<b>", "1 & 2")), left=2)
WIDE = Section(
    title="Wide",
    columns=("number", "low", "why", "winner"),
    rows=(("a", "1.0", "because", "x"), ("b", "2.0", "so", "y")),
    wide="why",
    note="A note.",
)
SHEET = Datasheet(
    title="chip <1>",
    subtitle="from a trial",
    answer="It wins.",
    warnings=("too hot", "too big"),
    sections=(WIDE, SMALL),
    colophon="assumptions",
)


def test_the_page_of_a_datasheet_has_every_row_of_every_section() -> None:
    page = Page(datasheet_page(SHEET, b"\x89PNG"))
    found = [[[text for text, _ in row] for row in table] for table in page.tables]
    # cards of few columns come first
    assert found[0] == [list(row) for row in SMALL.rows]
    assert found[1] == [list(WIDE.columns), *(list(row) for row in WIDE.rows)]
    assert page.texts["h1"] == ["chip <1>"] and page.texts["h2"] == ["Wide"] and page.texts["h3"] == ["Small"]
    assert page.texts["title"] == ["chip <1>: datasheet"]


def test_numbers_are_set_to_the_right_and_words_are_not() -> None:
    assert columns_of_numbers(WIDE) == ["low"]
    assert columns_of_numbers(SMALL) == []
    (_, wide) = Page(datasheet_page(SHEET, b"")).tables
    for row in wide:
        assert [kind == "n" for _, kind in row] == [False, True, False, False]


def test_warnings_notes_and_the_picture_are_on_the_page_and_no_script_is() -> None:
    page = Page(datasheet_page(SHEET, b"\x89PNG"))
    classes = [(tag, given.get("class")) for tag, given in page.attributes]
    assert classes.count(("p", "warn")) == 2 and classes.count(("p", "note")) == 1
    assert "too hot." in page.texts["p"] and "A note." in page.texts["p"]
    (source,) = [given["src"] for tag, given in page.attributes if tag == "img"]
    assert source == "data:image/png;base64,iVBORw=="  # the four bytes in base 64
    assert "script" not in page.texts
