"""Requests to the pages in process: addresses, kinds, headers and refusals, without a server."""

import json
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from factories import LAW
from fronts_for_tests import design, front
from hypothesis import given
from hypothesis import strategies as st
from wsgi_calls import PORT, called

from dse.front.files import write_front
from dse.report.page.html import Html
from dse.view import app as view_app
from dse.view import pages
from dse.view.app import View
from dse.view.dashboard import corrected
from dse.view.live import LiveStudy, State
from dse.view.studies import Studies

EVIL = '<img src=x onerror="alert(1)">'


class Links(HTMLParser):
    """Elements of a page, and the text of all of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str, attribute: str) -> list[str | None]:
        return [found[attribute] for name, found in self.tags if name == tag and attribute in found]


def folder_of(root: Path, slugs: Iterable[str]) -> Path:
    """Results folders that can be listed and not shown: each holds an empty journal."""
    for slug in slugs:
        (root / slug).mkdir(parents=True)
        (root / slug / "study.journal").touch()
    return root


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(view_app.optunas, "installed", lambda: False)
    return View(Studies(folder_of(tmp_path, ("b-10", "b-9", "b-9/case", "grün")))).app


# --- addresses


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/status.json", "application/json"),
        ("/assets/table.js", "text/javascript; charset=utf-8"),
        ("/studies/b-9", "text/html; charset=utf-8"),
        ("/studies/b-9/case", "text/html; charset=utf-8"),
        ("/studies/gr%C3%BCn", "text/html; charset=utf-8"),
        ("/studies/b-9/case/status.json", "application/json"),
    ],
)
def test_every_address_answers_with_its_kind_and_the_length_of_its_bytes(
    site: Any, path: str, kind: str
) -> None:
    found = called(site, path)
    assert found.status == "200 OK"
    assert found.values("Content-Type") == [kind]
    assert found.values("Content-Length") == [str(len(found.body))]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/index.html",
        "/assets/",
        "/assets/page.css",
        "/assets/../app.py",
        "/studies",
        "/studies/",
        "/studies/b",
        "/studies/b-9/study.journal",
        "/studies/b-9/case/status.jso",
        "/status.json/",
        "//studies/b-9",
    ],
)
def test_an_address_of_nothing_is_refused_in_plain_text(site: Any, path: str) -> None:
    found = called(site, path)
    assert (found.status, found.body) == ("404 Not Found", b"no such page\n")
    assert found.values("Content-Type") == ["text/plain; charset=utf-8"]


@pytest.mark.parametrize("path", ["/", "/status.json", "/assets/live.js", "/studies/b-9"])
def test_a_head_has_the_headers_of_a_get_and_no_body(site: Any, path: str) -> None:
    get, head = called(site, path), called(site, path, "HEAD")
    assert head.headers == get.headers
    assert (head.body, head.status) == (b"", get.status)


def test_the_dashboard_that_is_not_installed_is_refused_with_how_to_install_it(site: Any) -> None:
    for path in ("/dashboard", "/api/studies", "/static/x.js"):
        found = called(site, path)
        assert found.status == "404 Not Found"
        assert b"pip install '.[view]'" in found.body
    assert "not installed" in Links(called(site, "/").body.decode()).words


# --- the index


def test_the_index_links_every_study_once_in_the_order_that_people_count_in(site: Any) -> None:
    links = Links(called(site, "/").body.decode()).all("a", "href")
    assert [unquote(link or "") for link in links] == [
        "/studies/b-9",
        "/studies/b-9/case",
        "/studies/b-10",
        "/studies/grün",
    ]
    for link in links:
        assert called(site, link or "").status == "200 OK"


def test_the_status_of_the_index_counts_its_studies_and_changes_with_them(site: Any, tmp_path: Path) -> None:
    before = json.loads(called(site, "/status.json").body)
    assert before["text"] == "4 studies"
    assert [slug for slug, _, _ in json.loads(before["version"])] == ["b-9", "b-9/case", "b-10", "grün"]
    assert json.loads(called(site, "/status.json").body) == before
    folder_of(tmp_path, ("new",))
    after = json.loads(called(site, "/status.json").body)
    assert after["text"] == "5 studies" and after["version"] != before["version"]
    (tmp_path / "new" / "study.journal").unlink()
    (tmp_path / "new").rmdir()
    assert json.loads(called(site, "/status.json").body) == before


def test_one_study_is_counted_in_the_singular(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_app.optunas, "installed", lambda: False)
    site = View(Studies(folder_of(tmp_path, ("alone",)))).app
    assert json.loads(called(site, "/status.json").body)["text"] == "1 study"


def test_an_empty_folder_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_app.optunas, "installed", lambda: False)
    page = Links(called(View(Studies(tmp_path)).app, "/").body.decode())
    assert "No results yet: start with dse run STUDY." in page.words
    assert page.all("a", "href") == []


def test_a_study_that_waits_says_so_under_its_name_and_follows_its_own_status(site: Any) -> None:
    page = Links(called(site, "/studies/b-9/case").body.decode())
    assert "Nothing is stored yet." in page.words
    assert page.all("body", "data-status") == ["/studies/b-9/case/status.json"]
    assert page.all("script", "src") == list(pages.addresses())


def test_a_name_of_a_study_cannot_be_markup(tmp_path: Path) -> None:
    state = State(version="1", text=EVIL, title=EVIL, answer=EVIL, page=None)
    for html in (
        pages.index({EVIL: state}, {EVIL: '/dashboard/"'}, [EVIL]),
        pages.waiting(EVIL, state, '/dashboard/"'),
    ):
        page = Links(html)
        assert page.all("img", "src") == []
        assert page.words.count(EVIL) >= 3
        assert '/dashboard/"' in page.all("a", "href")


def state(title: str = "A study", answer: str = "", text: str = "") -> State:
    return State(version="v", text=text, title=title, answer=answer, page=Html(""))


def test_each_study_of_the_index_shows_its_title_status_answer_and_dashboard() -> None:
    page = Links(
        pages.index(
            {"one": state("One", "The answer.", "3 trials"), "two": state("Two")},
            {"one": "/dashboard/studies/0"},
            ["A note."],
        )
    )
    assert page.all("a", "href") == ["/studies/one", "/dashboard/studies/0", "/studies/two"]
    for words in ("One", "The answer.", "3 trials", "Two", "A note."):
        assert words in page.words


@pytest.mark.parametrize("name", [*pages.SCRIPTS, "plotly.js"])
def test_every_address_of_a_script_is_answered_with_a_script(name: str) -> None:
    assert f"/assets/{name}" in pages.addresses()
    assert pages.script(name)


@pytest.mark.parametrize("name", ["", "page.css", "../live.js", "live.js ", "LIVE.JS", "plotly"])
def test_no_other_name_is_a_script(name: str) -> None:
    assert pages.script(name) is None


@LAW
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_the_address_of_a_study_leads_back_to_its_name(slug: str) -> None:
    address = pages.study_address(slug)
    assert unquote(address.removeprefix("/studies/")) == slug
    assert not set('"<>?# ') & set(address)


# --- the answer of the dashboard about a study


TRIALS = [{"number": n, "values": [float(n)]} for n in (0, 1, 2, 5)]


@pytest.mark.parametrize(
    ("best", "after", "numbers", "shown"),
    [
        ([5, 0], 0, [5, 0], [0, 1, 2, 5]),
        ([], 0, [], [0, 1, 2, 5]),
        # a trial that the dashboard has not read yet is no best one
        ([7, 1], 0, [1], [0, 1, 2, 5]),
        # older than those that the browser lacks, and still among the best
        ([0], 3, [0], [5]),
        ([0], 99, [0], []),
    ],
)
def test_best_trials_are_corrected_and_only_new_trials_are_sent(
    best: list[int], after: int, numbers: list[int], shown: list[int]
) -> None:
    given_ = {"trials": TRIALS, "best_trials": TRIALS[-1:], "name": "s"}
    found = corrected(given_, best, after)
    assert [t["number"] for t in found["best_trials"]] == numbers
    assert [t["number"] for t in found["trials"]] == shown
    assert found["name"] == "s"
    assert given_["best_trials"] == TRIALS[-1:]  # the answer of the dashboard itself is left as it was


# --- studies of a folder


def test_a_manifest_names_its_study_and_a_broken_one_leaves_the_name_of_the_folder(tmp_path: Path) -> None:
    texts = {"a": '{"study": "0007-mine"}', "b": "{", "c": '{"study": 3}', "d": '{"study": ""}', "e": "[]"}
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text)
    assert list(Studies(tmp_path).all()) == ["0007-mine", "b", "c", "d", "e"]


def test_a_folder_of_one_study_is_that_study_by_its_own_name(tmp_path: Path) -> None:
    folder_of(tmp_path, ("mine",))
    assert list(Studies(tmp_path / "mine").all()) == ["mine"]


def test_a_study_keeps_its_state_as_long_as_its_folder_is_there(tmp_path: Path) -> None:
    found = Studies(folder_of(tmp_path, ("a", "b")))
    first = found.all()["a"]
    (tmp_path / "b" / "study.journal").unlink()
    (tmp_path / "b").rmdir()
    again = found.all()
    assert list(again) == ["a"] and again["a"] is first


def test_a_study_of_no_folder_is_served_with_those_of_the_folder(tmp_path: Path) -> None:
    found = Studies(folder_of(tmp_path / "results", ("a",)))
    (other,) = Studies(folder_of(tmp_path / "elsewhere", ("z",))).all().values()
    found.add(other)
    assert list(found.all()) == ["a", "z"]


# --- a stored front


@pytest.fixture
def live(tmp_path: Path) -> LiveStudy:
    """Results whose trials and whose study are not in this folder."""
    store(tmp_path / "mine", [design(0.002, 8.0), design(0.004, 3.0)])
    return LiveStudy("mine", tmp_path / "mine")


def store(folder: Path, rows: list[dict[str, Any]], **manifest: Any) -> None:
    folder.mkdir(exist_ok=True)
    whole = [{"capex_usd": 1000.0, **row} for row in rows]
    write_front(folder, front(whole, title="Which chip?", targets={"tpot": [0.01]}, **manifest))


def state_of(study: LiveStudy) -> State:
    return study.state(Html(""), ("/assets/live.js",), "/studies/mine/status.json")


def test_a_stored_front_is_shown_with_its_title_and_answer_and_why_nothing_is_evaluated_again(
    live: LiveStudy,
) -> None:
    found = state_of(live)
    assert (found.title, found.text) == ("Which chip?", "stored results")
    assert "the lowest $/(token/s) is 3.00" in found.answer
    assert found.page is not None
    page = Links(found.page)
    assert page.all("body", "data-status") == ["/studies/mine/status.json"]
    assert "its study cannot be evaluated again" in page.words


def test_a_page_is_made_once_as_long_as_its_files_stay_and_again_when_they_change(live: LiveStudy) -> None:
    first = state_of(live)
    assert state_of(live).page is first.page
    store(live.folder, [design(0.002, 8.0), design(0.004, 2.0), design(0.008, 1.0)])
    live._next = 0.0  # as if the page had rested long enough
    second = state_of(live)
    assert second.version != first.version
    assert "the lowest $/(token/s) is 1.00" in second.answer


def test_a_page_rests_before_it_is_made_again(live: LiveStudy) -> None:
    first = state_of(live)
    store(live.folder, [design(0.002, 8.0), design(0.004, 2.0)])
    live._next = float("inf")
    assert state_of(live).version == first.version


def test_results_whose_trials_are_elsewhere_say_how_to_follow_them(tmp_path: Path) -> None:
    store(tmp_path / "mine", [design(0.002, 8.0)], storage="a PostgreSQL database")
    text = state_of(LiveStudy("mine", tmp_path / "mine")).text
    assert "not live: its trials are in a PostgreSQL database" in text
    assert "dse view STUDY --storage URL" in text


def test_a_damaged_front_is_a_sentence_on_its_page(live: LiveStudy) -> None:
    (live.folder / "front.csv").write_text("tpot_s\n1\n")
    found = state_of(live)
    assert found.page is None and found.answer.startswith("It cannot be shown: ")
    assert found.text == "its results cannot be shown"


@pytest.mark.parametrize("name", ["r9\x1b[2J", "two\nlines", "half\udcff", "turned\u202e", "why?#%2e"])
def test_a_folder_of_any_name_has_a_link_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(view_app.optunas, "installed", lambda: False)
    site = View(Studies(folder_of(tmp_path, [name]))).app
    (link,) = Links(called(site, "/").body.decode()).all("a", "href")
    assert called(site, link or "").status == "200 OK"


@pytest.mark.parametrize("name", ["..", "a/../b", "/", "a//b", ".", "a\n"])
def test_a_manifest_cannot_name_an_address_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "manifest.json").write_text(json.dumps({"study": name}))
    assert set(Studies(tmp_path).all()) == {"own"}


def test_a_folder_that_claims_the_name_of_another_hides_none(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "manifest.json").write_text('{"study": "b"}')
    found = Studies(tmp_path).all()
    assert {study.folder.name for study in found.values()} == {"a", "b"}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("http://evil/", 403),
        (f"http://evil:{PORT}/", 403),
        (f"http://localhost:{PORT}/", 200),
        ("/?u=http://evil/", 200),
    ],
)
def test_the_host_of_a_whole_address_counts_as_well(site: Any, address: str, status: int) -> None:
    def from_whole(environ: Any, start: Any) -> Any:
        return site({**environ, "REQUEST_URI": address}, start)

    assert called(from_whole, "/").status.startswith(str(status))
