"""A study whose trials lie in a database is followed there, and nothing is written into it."""

import hashlib
from pathlib import Path

import pytest
from said import call
from servers import Postgres
from studies_for_tests import write_study

import dse
from dse.errors import SpecError
from dse.report.page.html import Html
from dse.search.trials.read_trials import reading
from dse.view.live import LiveStudy
from dse.view.studies import Studies


def state(study: LiveStudy):
    study._read_at = 0.0  # as if the pause between two reads were over
    study._next = 0.0
    return study.state(Html(""), ("/assets/report.js",), "/status.json")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_study_in_sqlite_is_followed_while_its_trials_come(tmp_path: Path) -> None:
    path, url = str(write_study(tmp_path / "studies", budget__trials=12)), f"sqlite:///{tmp_path / 'x.db'}"
    out = tmp_path / "results"
    dse.run(path, storage=url, out=out, trials=5)
    live = LiveStudy("small", out, None, path, url)
    before = digest(tmp_path / "x.db")
    first = state(live)
    assert first.page is not None and first.text == "5 trials" and "5 trials" in first.page
    assert digest(tmp_path / "x.db") == before
    dse.run(path, storage=url, out=tmp_path / "others", trials=12)  # somebody else goes on
    second = state(live)
    assert second.version != first.version and second.text in ("12 trials", "searching: 12 trials so far")
    assert second.page is not None and "12 trials" in second.page


def test_without_its_storage_the_page_says_why_it_is_not_live(tmp_path: Path) -> None:
    path, url = str(write_study(tmp_path / "studies", budget__trials=5)), f"sqlite:///{tmp_path / 'x.db'}"
    dse.run(path, storage=url, out=tmp_path / "results" / "small")
    (found,) = Studies(tmp_path / "results").all().values()
    reported = state(found)
    assert reported.page is not None
    assert reported.text == (
        "stored results, not live: its trials are in sqlite; dse view STUDY --storage URL follows them"
    )


def test_a_study_with_nothing_but_a_database_is_shown(tmp_path: Path) -> None:
    path, url = str(write_study(tmp_path / "studies", budget__trials=5)), f"sqlite:///{tmp_path / 'x.db'}"
    dse.run(path, storage=url, out=tmp_path / "gone")
    studies = Studies(tmp_path / "results")
    studies.add(LiveStudy("small", tmp_path / "results" / "small", None, path, url))
    (found,) = studies.all().values()
    reported = state(found)
    assert reported.page is not None and "5 trials" in reported.page
    assert not (tmp_path / "results").exists()


def test_what_is_no_database_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="got no file"):
        reading(tmp_path, f"sqlite:///{tmp_path / 'none.db'}")
    (tmp_path / "empty.db").touch()
    with pytest.raises(SpecError, match="cannot be read"):
        reading(tmp_path, f"sqlite:///{tmp_path / 'empty.db'}")
    assert [p.name for p in tmp_path.iterdir()] == ["empty.db"]
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_database_that_goes_away_leaves_the_stored_front(postgres_server: Postgres, tmp_path: Path) -> None:
    path = str(write_study(tmp_path / "studies", budget__trials=6))
    server = postgres_server.empty_database()
    dse.run(path, storage=server.url, out=tmp_path / "results")
    live = LiveStudy("small", tmp_path / "results", None, path, server.url)
    assert state(live).text in ("6 trials", "searching: 6 trials so far")
    server.kill()
    (tmp_path / "results" / "manifest.json").touch()
    reported = state(live)
    assert reported.page is not None and "the trials cannot be read now" in reported.page
    assert reported.text == "its trials cannot be read"
    postgres_server.running()


def test_the_verb_wants_a_study_and_a_storage_that_is_there(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    call("view", "--storage", "sqlite:///x.db").refused("--storage", "expected a STUDY")
    call("view", "groq-vs-h100", "--storage", "sqlite:///x.db").refused("got no file")
    assert not Path("x.db").exists()


def test_pictures_pages_and_explanations_find_trials_elsewhere(tmp_path: Path) -> None:
    path, url = str(write_study(tmp_path / "studies", budget__trials=40)), f"sqlite:///{tmp_path / 'x.db'}"
    out = tmp_path / "results"
    front = dse.run(path, storage=url, out=out).front
    shown = {*front.frame["trial"], *front.baselines["trial"]}
    lost = str(next(n for n in range(40) if n not in shown))
    asked = ("--out", str(out), "--storage", url)
    for kind in ("importance", "progress"):
        with_trials, without = tmp_path / f"{kind}.svg", tmp_path / f"no-{kind}.svg"
        assert call("plot", path, kind, *asked, "-o", str(with_trials)).code == 0
        call("plot", path, kind, "--out", str(out), "-o", str(without))
        assert not without.exists() or len(without.read_text()) < len(with_trials.read_text())
    page = tmp_path / "page.html"
    assert call("report", path, *asked, "-o", str(page)).code == 0
    assert "figure-progress" in page.read_text() and f"--storage {url}" in page.read_text()
    assert call("explain", path, lost, *asked, "--format", "json").code in (0, 1)
    assert call("explain", path, lost, "--out", str(out)).code == 2


def test_a_storage_without_trials_of_the_study_is_refused(tmp_path: Path) -> None:
    path, other = (str(write_study(tmp_path / "studies", n, budget__trials=3)) for n in ("small", "other"))
    url = f"sqlite:///{tmp_path / 'x.db'}"
    dse.run(path, out=tmp_path / "results")
    dse.run(other, storage=url, out=tmp_path / "others")
    said = call("plot", path, "progress", "--out", str(tmp_path / "results"), "--storage", url, "-o", "z.svg")
    said.refused("--storage: expected trials of 'small' at sqlite:", "got none")
