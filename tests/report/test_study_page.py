"""The whole page of a study, parsed with `html.parser`: what it shows is what its front holds."""

import json
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from fronts_for_tests import RATE, design, front

from dse.front.files import Front
from dse.report.info.evidence import Evidence, evidence
from dse.report.page.script_data import baseline_key, front_key, hover, listed
from dse.report.page.shell import Script, asset, drawing_library, policy
from dse.report.page.study_report import SCRIPTS, Extras, study_report
from dse.report.page.uncertainty_table import uncertainty_table
from dse.report.words.answer import answer

EVIL = "<script>alert('x')</script>"
MORE = {"ttft_s": 0.5, "capex_usd": 1000.0, "tokens_per_s": 100.0, "price_usd": 500.0}
ROWS = [
    design(0.0020012345, 8.0, **MORE, param_sram=4 * 2.0**20, chips=4),
    design(0.004, 3.0, **{**MORE, "capex_usd": 4000.0}, branch="dram-only", param_sram=None, chips=2),
    design(0.050, 1.5, **{**MORE, "ttft_s": 0.25}, branch="hybrid", param_sram=2.0**20),
]
REAL = [
    design(0.003, 6.0, chip="h100", **MORE),
    design(0.060, 2.0, chip="h100", **{**MORE, "ttft_s": 2.0}),
]
MANIFEST = {
    "title": "Which <chip>?",
    "question": "Which one?",
    "llm": "llama",
    "workload": "chat",
    "trials": 1234,
    "seed": 7,
    "feasible_trials": 1000,
    "targets": {"tpot": [0.005, 0.1]},
    "digests": {"study": "abc", "chip/h100": "def"},
    "versions": {"dse": "1.2.3"},
    "sampler": {"name": "tpe", "options": {"a": 1}},
}


class Page(HTMLParser):
    """Elements with their attributes and their whole text, in order."""

    VOID = frozenset({"meta", "link", "input", "img", "br", "hr", "col"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        texts: list[str] = []
        self.elements.append((tag, dict(attrs), texts))
        if tag not in self.VOID:
            self._open.append((tag, texts))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, texts in self._open:
            texts.append(data)

    def of(self, tag: str, **wanted: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (given, "".join(texts))
            for name, given, texts in self.elements
            if name == tag and all(given.get(k.rstrip("_").replace("_", "-")) == v for k, v in wanted.items())
        ]

    def values(self, attribute: str) -> list[str | None]:
        return [given[attribute] for _, given, _ in self.elements if attribute in given]

    def data(self) -> Any:
        (found,) = self.of("script", id="report-data")
        return json.loads(found[1])


def stored() -> Front:
    return front(ROWS, REAL, **MANIFEST)


@pytest.fixture(scope="module")
def found() -> Evidence:
    return evidence(stored(), None)


@pytest.fixture(scope="module")
def page(found: Evidence) -> Page:
    return Page(study_report(found))


# --- what it is made of


def test_every_link_inside_the_page_leads_to_an_element_of_it(page: Page) -> None:
    places = page.values("id")
    assert len(places) == len(set(places))
    links = [link for link in page.values("href") if link and link.startswith("#")]
    assert len(links) >= 7
    assert {link.removeprefix("#") for link in links} <= set(places)


def test_every_control_has_a_label_for_an_element_that_is_there(page: Page) -> None:
    assert set(page.values("for")) <= set(page.values("id"))
    assert len(page.of("h1")) == 1 and page.of("h1")[0][1] == "Which <chip>?"


def test_the_page_names_its_question_its_load_and_its_size(page: Page) -> None:
    text = " ".join(words for _, words in page.of("p"))
    assert "Question. Which one?" in text
    assert "LLM llama" in text and "workload chat" in text
    assert f"{len(ROWS)} designs on the front" in text and "1,234 trials" in text


def test_what_reproduces_the_results_is_listed(page: Page) -> None:
    pairs = dict(
        zip((t for _, t in page.of("dt")), (t for _, t in page.of("dd")), strict=True),
    )
    assert pairs["sampler"] == "tpe {'a': 1}" and pairs["seed"] == "7"
    assert pairs["feasible trials"] == "1000" and pairs["dse"] == "1.2.3"
    assert "hypervolume" not in pairs  # the manifest has none
    cells = [text for _, text in page.of("td")]
    for name, digest in MANIFEST["digests"].items():  # type: ignore[attr-defined]
        assert cells[cells.index(name) + 1] == digest


@pytest.mark.parametrize(("command", "shown"), [("", "dse run by-hand"), ("dse run x --seed 3", None)])
def test_the_command_that_repeats_the_run_is_shown(found: Evidence, command: str, shown: str | None) -> None:
    page = Page(study_report(found, Extras(command=command)))
    assert (shown or command) in [text for _, text in page.of("pre")]


# --- numbers


def test_the_table_of_designs_holds_every_row_with_its_numbers(page: Page, found: Evidence) -> None:
    (table,) = [e for e in page.elements if e[0] == "table" and e[1].get("id") == "designs"]
    start = page.elements.index(table)
    cells: dict[str, list[tuple[dict[str, str | None], str]]] = {}
    heads: list[str] = []
    for tag, given, texts in page.elements[start:]:
        if tag == "th" and "data-column" in given:
            heads.append(given["data-column"] or "")
        elif tag == "tr" and "data-key" in given:
            cells[given["data-key"] or ""] = []
        elif tag == "td" and cells and len(cells[list(cells)[-1]]) < len(heads):
            cells[list(cells)[-1]].append((given, "".join(texts)))
    assert list(cells) == ["f0", "f1", "f2", "b0", "b1"]
    factors = {"tpot_s": 1e3, "ttft_s": 1e3, "param_sram": 2.0**-20}
    every = [*found.rows, *found.baselines]
    for row, line in zip(every, cells.values(), strict=True):
        for column, (given, text) in zip(heads, line, strict=True):
            value = row.get(column)
            if isinstance(value, int | float):
                wanted = value * factors.get(column, 1.0)
                assert float(given["data-v"] or "nan") == pytest.approx(wanted, rel=1e-12)
                assert float(text.replace(",", "")) == pytest.approx(wanted, rel=5e-4)  # four digits
            elif value is None and column.startswith("param_"):
                assert "data-v" not in given and text == "-"


def test_the_best_table_has_a_line_for_each_target_with_the_cheapest_that_meets_it(page: Page) -> None:
    section = next(i for i, e in enumerate(page.elements) if e[1].get("id") == "best")
    texts = ["".join(t) for tag, _, t in page.elements[section:] if tag == "td"][:18]
    for line, limit in zip((texts[:9], texts[9:]), (0.005, 0.1), strict=True):
        met = [r for r in ROWS if r["tpot_s"] <= limit]
        best = min(met, key=lambda r: r["usd_per_token_per_s"])
        rival = min(
            (r for r in REAL if r["tpot_s"] <= limit),
            key=lambda r: r["usd_per_token_per_s"],
        )
        assert (
            float(line[2]) == best["usd_per_token_per_s"] and float(line[6]) == rival["usd_per_token_per_s"]
        )
        assert line[5].startswith("h100") and float(line[3]) == best.get("chips", 1)
        assert float(line[4].strip("$").replace(",", "")) == best["capex_usd"]


def test_a_button_of_a_design_opens_a_card_that_is_in_the_page(page: Page) -> None:
    keys = set(page.values("data-card"))
    assert keys
    assert keys <= set(page.values("data-key"))
    templates = [given.get("id") for given, _ in page.of("template")]
    for key in keys:
        assert f"card-{key}" in templates


def test_the_data_of_scripts_are_the_rows_in_si(page: Page, found: Evidence) -> None:
    data = page.data()
    assert data["name"] == "by-hand"
    every = {**{front_key(i): r for i, r in enumerate(found.rows)}}
    every |= {baseline_key(i): r for i, r in enumerate(found.baselines)}
    assert set(data["rows"]) == set(every)
    for key, row in every.items():
        shown = dict(data["rows"][key])
        del shown["hover"]
        assert shown == row


def test_a_slider_spans_its_column_over_designs_and_baselines(page: Page) -> None:
    spans = {f["column"]: (f["low"], f["high"]) for f in page.data()["filters"]}
    every = [*ROWS, *REAL]
    for column in ("tpot_s", "ttft_s", "capex_usd"):
        values = [row[column] for row in every]
        assert spans[column] == (min(values), max(values))
        assert f"filter-{column}" in page.values("id")


def test_filters_on_what_the_search_did_not_optimise_say_so(page: Page) -> None:
    (words,) = [text for _, text in page.of("p") if text.startswith("The search did not optimise")]
    assert "TTFT" in words and "TPOT" not in words
    assert "dse front by-hand --where" in words


def test_a_baseline_on_the_front_is_listed_once() -> None:
    on = front([{**REAL[0], "role": "baseline"}, ROWS[0]], REAL, **MANIFEST)
    assert listed(evidence(on, None)) == ["f0", "f1", "b1"]


def test_hovering_says_the_numbers_of_the_row() -> None:
    (row, *_) = evidence(stored(), None).rows
    lines = hover(row, None).split("\n")
    assert lines[1:4] == [
        "$/(token/s) 8.00",
        "TPOT 2.00 ms, TTFT 500 ms",
        "4 chips, capital $1,000",
    ]
    assert "SRAM 4 MiB" in lines[-1]


# --- safety


def test_no_name_of_a_study_becomes_markup() -> None:
    made = front(
        [{**ROWS[0], "chip": EVIL}],
        [{**REAL[0], "chip": EVIL}],
        **{**MANIFEST, "title": EVIL, "question": EVIL, "llm": EVIL, "digests": {EVIL: EVIL}},
    )
    html = study_report(evidence(made, None, EVIL), Extras(command=EVIL, served=("/assets/x.js",)))
    assert "<script>" not in html
    page = Page(html)
    assert page.of("h1")[0][1] == EVIL
    assert f"Caution: {EVIL}." in [text for _, text in page.of("p", class_="warn")]


def test_a_page_of_a_server_refers_to_its_scripts_and_a_file_holds_them(found: Evidence) -> None:
    served = ("/assets/plotly.js", "/assets/report.js")
    online = Page(study_report(found, Extras(served=served, status="/studies/x/status.json")))
    assert [given["src"] for given, _ in online.of("script") if "src" in given] == list(served)
    assert online.values("data-status") == ["/studies/x/status.json"]
    offline = study_report(found)
    assert 'src="/' not in offline
    for name in SCRIPTS:
        assert asset(name) in offline
    assert drawing_library().text in offline


def test_the_policy_names_each_script_and_nothing_else() -> None:
    first, second = Script("a()").digest, Script("b()").digest
    rules = dict(rule.strip().split(" ", 1) for rule in policy([first, second], asks=False).split(";"))
    assert rules["script-src"].split() == [first, second]
    assert rules["connect-src"] == rules["default-src"] == "'none'"
    online = policy(["'self'"], asks=True)
    assert "connect-src 'self'" in online and "script-src 'self'" in online
    assert "script-src 'none'" in policy([], asks=False)


# --- fronts at the edges


def test_a_front_without_designs_has_a_page_that_says_so() -> None:
    page = Page(study_report(evidence(front([], [], **MANIFEST), None)))
    words = " ".join(text for _, text in page.of("p"))
    assert "No feasible design was found." in words and "There is no design to draw." in words
    assert page.data()["rows"] == {} and page.data()["filters"] == []


def test_without_targets_the_best_of_each_objective_has_a_card() -> None:
    rows = [design(0.002, 8.0, **MORE), design(0.004, 3.0, **{**MORE, "tokens_per_s": 900.0})]
    untargeted = {k: v for k, v in MANIFEST.items() if k != "targets"}
    page = Page(study_report(evidence(front(rows, REAL, axes=(*stored().axes, RATE), **untargeted), None)))
    section = next(i for i, e in enumerate(page.elements) if e[1].get("id") == "best")
    heads = ["".join(t) for tag, _, t in page.elements[section:] if tag == "p"][:6]
    assert any(text.startswith("best TPOT") for text in heads)


def test_a_study_without_a_title_is_called_by_its_name() -> None:
    page = Page(study_report(evidence(front(ROWS), None)))
    assert page.of("h1")[0][1] == "by-hand" == page.of("title")[0][1]


# --- how sure the best designs are


SPREADS = {
    "p10": 1.25,
    "p50": 1.5,
    "p90": 2.25,
    "probability_best": 0.75,
    "probability_meets_target": 1.0,
    "tpot_s_p10": 0.04,
    "tpot_s_p50": 0.05,
    "tpot_s_p90": 0.07,
}


def sampled(front_: Front) -> Any:
    """As if the front had been sampled: the same spread for each best design."""
    whole = answer(front_)

    def with_spreads(found: Any) -> Any:
        best = tuple({**row, **SPREADS} for row in found.best)
        return SimpleNamespace(objective=found.objective, target=found.target, best=best)

    drawn = SimpleNamespace(samples=500, numbers=30)
    return SimpleNamespace(answer=whole, drawn=drawn, with_spreads=with_spreads)


def test_the_table_of_uncertainty_has_a_line_for_each_target_that_is_met() -> None:
    one_unmet = front(ROWS, REAL, **{**MANIFEST, "targets": {"tpot": [0.001, 0.005, 0.1]}})
    page = Page(uncertainty_table(sampled(one_unmet)))
    cells = [text for _, text in page.of("td")]
    heads = [text for _, text in page.of("th")]
    lines = [dict(zip(heads, cells[i : i + 10], strict=True)) for i in range(0, len(cells), 10)]
    assert [line["TPOT at most"] for line in lines] == ["5.00 ms", "100 ms"]
    for line, cost in zip(lines, ("3.00", "1.50"), strict=True):
        assert line["$/(token/s)"] == cost
        assert [line[name] for name in ("P10", "median", "P90")] == ["1.25", "1.50", "2.25"]
        assert (line["is best"], line["meets target"]) == ("75%", "100%")
        assert line["P10 to P90 of TPOT"] == "40.0 ms to 70.0 ms"
    assert "500 samples of 30 uncertain numbers" in page.of("p")[0][1]


def test_without_samples_or_targets_there_is_no_table_of_uncertainty() -> None:
    assert uncertainty_table(None) == ""
    assert uncertainty_table(sampled(front(ROWS))) == ""
