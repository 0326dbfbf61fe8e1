"""The page of a study in a real browser: load, hover, filter, click, download, narrow window, keyboard."""

import csv
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from dse.front.axis import Axis
from dse.front.files import Front, load_front
from dse.report.info.evidence import evidence, gather
from dse.report.page.study_report import study_report

pytestmark = pytest.mark.slow

STUDY = Path(__file__).resolve().parents[2] / "studies" / "0001-groq-vs-h100"
COST = Axis("usd_per_token_per_second", "usd_per_token_per_s", "$/(token/s)", "USD/(token/s)", "minimize")
TPOT = Axis("tpot", "tpot_s", "TPOT", "s", "minimize")
EVIL = (
    "</script><script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "' onmouseover='window.hacked = 1",
    '<a href="javascript:window.hacked=1">chip</a>',
    "{{ 7 * 7 }}<!--",
)


def until(condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")


def drawn(browser: Any) -> None:
    until(lambda: browser.run("return !!document.querySelector('#front-plot .main-svg')"), "the front")


def shown(browser: Any) -> list[str]:
    """Keys of the rows of the table that can be seen, in order."""
    rows = "[...document.querySelectorAll('#designs tbody tr')]"
    return list(browser.run(f"return {rows}.filter(r => !r.hidden).map(r => r.dataset.key)"))


@pytest.fixture(scope="module")
def front() -> Front:
    return load_front(STUDY)


@pytest.fixture(scope="module")
def tables(front: Front) -> dict[str, pd.DataFrame]:
    """Rows that the page lists under f and b, in order: each design that was stored or solved, once."""
    solved = front.at_targets
    rows = {
        "f": [front.frame, solved[solved["role"] == "search"]],
        "b": [front.baselines, solved[solved["role"] == "baseline"]],
    }
    named = ["chip", "batch", "tp", "pp", "ep", "dp"]
    return {
        k: pd.concat(v, ignore_index=True).drop_duplicates(named, ignore_index=True) for k, v in rows.items()
    }


@pytest.fixture(scope="module")
def page(front: Front, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(study_report(gather(front, str(STUDY))), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser: Any, page: str) -> Any:
    browser.open(page)
    drawn(browser)
    return browser


def test_the_page_loads_without_a_complaint_and_asks_nobody_for_anything(
    opened: Any, front: Front, tables: dict[str, pd.DataFrame]
) -> None:
    assert opened.driver.title == front.manifest["title"]
    assert opened.complaints() == []
    asked = [url for url in opened.requests() if not url.startswith(("data:", "blob:"))]
    assert len(asked) == 1 and asked[0].startswith("file://")
    assert len(shown(opened)) == sum(map(len, tables.values()))
    for plot in opened.all(".plot"):
        assert opened.run("return !!arguments[0].querySelector('.main-svg')", plot), plot.get_attribute("id")


def test_the_answer_tells_the_best_of_the_front(
    opened: Any, front: Front, tables: dict[str, pd.DataFrame]
) -> None:
    said, every = opened.find("#answer").text, tables["f"]
    tightest, loosest = front.manifest["targets"]["tpot"][0], front.manifest["targets"]["tpot"][-1]
    assert not (every["tpot_s"] <= tightest).any() and "no design was found" in said
    best = every["usd_per_token_per_s"][every["tpot_s"] <= loosest].min()
    told = float(said.split("down to ")[1].split(",")[0])
    assert best * 0.995 <= told <= best * 1.015  # of systems within 1 % the smallest is told


def test_hovering_a_point_shows_its_design(opened: Any) -> None:
    opened.find("#front-plot").location_once_scrolled_into_view  # noqa: B018 - scrolls
    points = opened.all("#front-plot .trace.scatter .points path")
    assert points
    ActionChains(opened.driver).move_to_element(points[-1]).perform()
    text = until(
        lambda: opened.run("return (document.querySelector('.hovertext') || {}).textContent"), "hover text"
    )
    assert "TPOT" in text and "capital" in text and "batch" in text


def test_clicking_a_point_opens_its_card_and_escape_closes_it(opened: Any) -> None:
    opened.find("#front-plot").location_once_scrolled_into_view  # noqa: B018 - scrolls
    points = opened.all("#front-plot .trace.scatter .points path")
    ActionChains(opened.driver).move_to_element(points[-1]).pause(0.3).click().perform()
    until(lambda: opened.run("return document.getElementById('card').open"), "the card")
    card = opened.find("#card-body article")
    assert "Where a TPOT of" in card.text and "Bound by" in card.text
    ActionChains(opened.driver).send_keys(Keys.ESCAPE).perform()
    until(lambda: not opened.run("return document.getElementById('card').open"), "the card to close")


def set_slider(browser: Any, name: str, value: int) -> None:
    browser.run(
        "const s = document.getElementById(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('input', {bubbles: true}))",
        f"filter-{name}",
        value,
    )


def test_sliders_filter_the_front_and_the_table_alike(
    opened: Any, front: Front, tables: dict[str, pd.DataFrame]
) -> None:
    both = pd.concat(tables.values())
    low, high = both["tpot_s"].min(), both["tpot_s"].max()
    set_slider(opened, "tpot_s", 500)
    limit = low * (high / low) ** 0.5
    wanted = int((both["tpot_s"] <= limit).sum())
    assert len(shown(opened)) == wanted and 0 < wanted < len(both)
    assert f"{wanted} of {len(both)}" in opened.find("#count").text
    own = int((front.frame["tpot_s"] <= limit).sum())
    until(lambda: wanted_points(opened) == own, "the front to be drawn again")
    assert "ms" in opened.find("#filter-tpot_s-shown").text
    set_slider(opened, "capex_usd", 0)
    until(
        lambda: "no design on the front meets" in opened.run("return document.body.textContent"),
        "a word on it",
    )
    opened.find("#reset").click()
    assert len(shown(opened)) == len(both)


def wanted_points(browser: Any) -> int:
    return int(
        browser.run(
            "return document.getElementById('front-plot').data.filter(t => t.mode === 'markers')"
            ".reduce((n, t) => n + t.x.length, 0)"
        )
    )


def test_a_heading_sorts_numbers_as_numbers_with_gaps_last(opened: Any) -> None:
    head = opened.find("#designs th[data-column='param_dram_stacks'] button")
    for direction, sign in (("ascending", 1), ("descending", -1)):
        opened.run("arguments[0].click()", head)
        assert (
            opened.find("#designs th[data-column='param_dram_stacks']").get_attribute("aria-sort")
            == direction
        )
        index = opened.run(
            "return [...document.querySelectorAll('#designs th')]"
            ".findIndex(h => h.dataset.column === 'param_dram_stacks')"
        )
        rows = "[...document.querySelectorAll('#designs tbody tr')]"
        values = opened.run(f"return {rows}.map(r => r.cells[arguments[0]].dataset.v ?? null)", index)
        known = [float(v) * sign for v in values if v is not None]
        assert known == sorted(known)
        assert None not in values[: len(known)]


def test_what_is_downloaded_is_what_is_shown(opened: Any, tables: dict[str, pd.DataFrame]) -> None:
    set_slider(opened, "tpot_s", 300)
    keys = shown(opened)
    assert keys
    for form in ("csv", "json"):
        opened.find(f"button[data-download='{form}']").click()
        path = opened.downloads / f"0001-groq-vs-h100.{form}"
        until(path.is_file, f"{path.name}")
        text = until(lambda p=path: p.read_text(encoding="utf-8"), "its text")
        rows = json.loads(text) if form == "json" else list(csv.DictReader(text.splitlines()))
        path.unlink()
        assert len(rows) == len(keys)
        for key, row in zip(keys, rows, strict=True):
            own = tables[key[0]].iloc[int(key[1:])]
            assert float(row["tpot_s"]) == own["tpot_s"] and row["chip"] == own["chip"]


def test_everything_can_be_done_from_the_keyboard(opened: Any) -> None:
    plot = opened.find("#front-plot")
    opened.run("arguments[0].focus()", plot)
    ActionChains(opened.driver).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform()
    said = until(lambda: opened.find("#said").text, "the design to be told")
    assert "TPOT" in said
    ActionChains(opened.driver).send_keys(Keys.ENTER).perform()
    until(lambda: opened.run("return document.getElementById('card').open"), "the card")
    assert opened.find("#card-body h3").text == said.split(" (")[0]
    assert opened.run("return document.getElementById('card').contains(document.activeElement)")
    ActionChains(opened.driver).send_keys(Keys.ESCAPE).perform()
    reached = set()
    for _ in range(30):
        ActionChains(opened.driver).send_keys(Keys.TAB).perform()
        reached.add(
            opened.run("const a = document.activeElement; return a.id || a.dataset.card || a.tagName")
        )
    opened.run("document.querySelector('a.skip').focus()")
    for _ in range(12):
        ActionChains(opened.driver).send_keys(Keys.TAB).perform()
        reached.add(
            opened.run("const a = document.activeElement; return a.id || a.dataset.card || a.tagName")
        )
    assert {"filter-tpot_s", "filter-ttft_s", "filter-capex_usd", "reset", "front-plot"} <= reached
    slider = opened.find("#filter-tpot_s")
    opened.run("arguments[0].focus()", slider)
    before = len(shown(opened))
    ActionChains(opened.driver).send_keys(Keys.HOME).perform()
    assert len(shown(opened)) < before


@pytest.mark.parametrize("width", [320, 400, 800])
def test_a_narrow_window_has_nothing_beside_it(browser: Any, page: str, width: int) -> None:
    browser.open(page, width)
    drawn(browser)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.resize(1280)


def test_text_has_contrast_in_light_and_in_dark(browser: Any, page: str) -> None:
    for scheme in ("light", "dark"):
        feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
        browser.open(page)
        drawn(browser)
        for selector in ("p", ".quiet", "a", ".note", "td"):
            ratio = browser.run(_CONTRAST, selector)
            assert ratio >= 4.5, f"{selector} in {scheme}: {ratio:.1f}"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


_CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = (c) => { const [r, g, b] = rgb(c).map((v) => { v /= 255;
  return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ink = light(getComputedStyle(document.querySelector('main ' + arguments[0])).color);
const paper = light(getComputedStyle(document.documentElement).backgroundColor);
return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
"""


def foreign(n: int) -> Front:
    """A front of `n` designs whose every name is an attack."""
    names = [EVIL[i % len(EVIL)] + str(i) for i in range(n)]
    frame = pd.DataFrame(
        {
            "chip": names,
            "branch": [EVIL[i % len(EVIL)] for i in range(n)],
            "role": "search",
            "param_<b>x": 1.0,
            "tpot_s": [1e-3 * 1.01**i for i in range(n)],
            "ttft_s": 0.1,
            "usd_per_token_per_s": [1e3 / 1.01**i for i in range(n)],
            "capex_usd": 1e6,
            "tokens_per_s": 100.0,
            "chips": 4,
            "batch": 1,
            "tp": 1,
            "pp": 1,
            "dp": 1,
        }
    )
    told = {
        "study": EVIL[0],
        "title": EVIL[1],
        "question": EVIL[2],
        "targets": {"tpot": [0.002]},
        "llm": EVIL[3],
    }
    slower = frame.assign(role="baseline", tpot_s=2.0 * frame["tpot_s"]).head(3)
    return Front(frame, slower, (COST, TPOT), told)


@pytest.mark.parametrize("n", [0, 1, 5, 1000])
def test_names_with_markup_stay_names_on_fronts_of_any_size(browser: Any, tmp_path: Path, n: int) -> None:
    path = tmp_path / "evil.html"
    told = replace(evidence(foreign(n), None, EVIL[4]))
    path.write_text(study_report(told), encoding="utf-8")
    browser.open(path.as_uri())
    drawn(browser)
    assert browser.run("return window.hacked") is None
    assert browser.complaints() == []
    assert browser.all("main img") == [] and browser.all("main a[href^='javascript']") == []
    assert browser.run("return document.querySelectorAll('#front-plot a').length") == 0
    assert browser.driver.title == EVIL[1]
    assert len(shown(browser)) == n + min(n, 3)
    if n:
        browser.run("arguments[0].click()", browser.find("#designs button[data-card]"))
        assert browser.find("#card-body h3").text.strip() == EVIL[0] + "0"
        browser.run("document.getElementById('card').close()")
        plot = browser.find("#front-plot")
        browser.run("arguments[0].focus()", plot)
        for _ in range(min(n, 5)):
            ActionChains(browser.driver).send_keys(Keys.ARROW_RIGHT).perform()
        assert browser.run("return window.hacked") is None
    else:
        assert "No feasible design was found." in browser.find("#answer").text
