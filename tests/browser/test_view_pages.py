"""`dse view` in a real browser: the index, a study that goes on while it is looked at, Optuna's dashboard."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from studies_for_tests import write_study

import dse
from dse.view.app import View
from dse.view.live import LiveStudy
from dse.view.server import address, serving
from dse.view.studies import Studies

pytestmark = pytest.mark.slow


def until(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    title = "<img src=x onerror=window.hacked=1> & </script><script>window.hacked=1</script>"
    return write_study(tmp_path / "studies", title=title, budget__trials=30)


@pytest.fixture
def site(study: Path, tmp_path: Path) -> Iterator[str]:
    dse.run(str(study), out=tmp_path / "results" / "small", trials=8)
    studies = Studies(tmp_path / "results")
    studies.add(LiveStudy("small", tmp_path / "results" / "small", None, str(study)))
    with serving(View(studies).app, 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield address(server)
        server.shutdown()


def only_from(site: str, requests: list[str]) -> bool:
    return bool(requests) and all(r.startswith((f"{site}/", "data:", "blob:")) for r in requests)


def test_a_study_is_followed_while_it_runs_and_keeps_what_its_reader_set(
    browser: Any, site: str, study: Path, tmp_path: Path
) -> None:
    browser.open(f"{site}/")
    assert browser.find("article h3 a").text.startswith("<img src=x")
    browser.find("article h3 a").click()
    until(lambda: browser.run("return !!document.querySelector('#front-plot .main-svg')"), "the front")
    until(lambda: "8 trials" in browser.find("#live").text, "the state")
    browser.run(
        "const s = document.getElementById('filter-tpot_s'); s.value = 700;"
        "s.dispatchEvent(new Event('input', {bubbles: true})); s.focus()"
    )
    browser.find("#designs th[data-column='capex_usd'] button").click()
    browser.run("document.getElementById('filter-tpot_s').focus(); window.mark = 1")
    said = browser.find("#filter-tpot_s-shown").text
    dse.run(str(study), out=tmp_path / "results" / "small", trials=30)
    until(
        lambda: "30 trials" in browser.run("return document.querySelector('main').textContent"), "the renewal"
    )
    assert browser.run("return window.mark") == 1  # renewed in place, not loaded again
    assert browser.run("return document.getElementById('filter-tpot_s').value") == "700"
    assert browser.find("#filter-tpot_s-shown").text.split()[0] == said.split()[0]
    assert browser.find("#designs th[data-column='capex_usd']").get_attribute("aria-sort") == "ascending"
    assert browser.run("return document.activeElement.id") == "filter-tpot_s"
    until(lambda: browser.run("return !!document.querySelector('#front-plot .main-svg')"), "the front again")
    button = browser.find("#designs tbody tr:not([hidden]) button[data-card]")
    browser.run("arguments[0].click()", button)
    assert browser.run("return document.getElementById('card').open")
    assert browser.run("return window.hacked") is None
    assert browser.complaints() == []
    assert only_from(site, browser.requests())


def test_the_dashboard_shows_our_study_and_asks_nobody_else(browser: Any, site: str) -> None:
    browser.open(f"{site}/studies/small")
    link = until(lambda: browser.all("nav a[href^='/dashboard/studies/']"), "the link")[0]
    browser.run("arguments[0].click()", link)
    until(lambda: "Pareto Front" in browser.run("return document.body.textContent"), "the dashboard")
    assert only_from(site, browser.requests())
    assert browser.run("return window.hacked") is None


def test_a_server_that_has_gone_is_told(browser: Any, study: Path, tmp_path: Path) -> None:
    dse.run(str(study), out=tmp_path / "results" / "small", trials=4)
    studies = Studies(tmp_path / "results")
    with serving(View(studies).app, 0) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        browser.open(f"{address(server)}/")
        until(lambda: browser.find("#live").text == "1 study", "the state")
        server.shutdown()
        thread.join(10)
    until(lambda: "does not answer" in browser.find("#live").text, "a word on it")
