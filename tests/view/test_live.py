"""`dse view` follows studies: what it shows is what is stored, and it leaves no trace in it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from studies_for_tests import write_study
from view.asking import ask

import dse
from dse.front.files import load_front
from dse.question.resolved_study import load_study
from dse.report.page.html import Html
from dse.report.words.quantities import designs
from dse.search.analysis.live_front import Follower
from dse.search.trials.read_trials import reading, stored_trials
from dse.view.live import LiveStudy
from dse.view.studies import Studies


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def state(study: LiveStudy):
    return study.state(Html(""), ("/assets/report.js",), "/status.json")


def test_studies_come_in_the_order_that_people_count_in_each_before_its_cases(tmp_path: Path) -> None:
    wanted = ["a", "a/batch-2", "a/batch-32", "a/batch-128", "a-b", "study-2", "study-10"]
    for slug in reversed(wanted):
        (tmp_path / slug).mkdir(parents=True, exist_ok=True)
        (tmp_path / slug / "manifest.json").write_text(json.dumps({"study": slug}))
    assert list(Studies(tmp_path).all()) == wanted


def test_the_pages_of_a_folder_are_there_and_reading_them_changes_nothing(site: str, results: Path) -> None:
    before = content(results)
    index = ask(site, "/").body.decode()
    assert 'href="/studies/small"' in index and "A small question" in index
    page = ask(site, "/studies/small").body.decode()
    assert "A small question" in page and "figure-progress" in page
    assert "<script>" not in page and page.count("<script src=") == 5
    for address in (
        "/assets/plotly.js",
        "/assets/table.js",
        "/assets/charts.js",
        "/assets/live.js",
        "/assets/report.js",
    ):
        assert address in page
        assert ask(site, address).headers["content-type"].startswith("text/javascript")
    news = json.loads(ask(site, "/studies/small/status.json").body)
    assert news["text"] == "25 trials" and news["version"]
    assert json.loads(ask(site, "/api/studies").body)["study_summaries"][0]["study_name"] == "small"
    assert ask(site, "/studies/none").status == 404
    head = ask(site, "/studies/small", "HEAD")
    assert (
        head.status == 200 and head.body == b"" and int(head.headers["content-length"]) == len(page.encode())
    )
    assert content(results) == before


def test_what_trials_make_so_far_is_what_a_run_of_as_many_writes(tmp_path: Path) -> None:
    path = str(write_study(tmp_path / "studies", budget__trials=12))
    study = load_study(path)
    follower = Follower(study)
    for trials in (5, 12):
        written = dse.run(path, out=tmp_path / "results", trials=trials).front
        found = follower.front(stored_trials(reading(tmp_path / "results"), study.slug))
        columns = list(written.frame.columns)
        assert found.frame[columns].equals(written.frame) and found.baselines.equals(written.baselines)
        assert found.manifest == written.manifest


def test_a_study_that_continues_has_a_new_version_and_a_new_page(tmp_path: Path) -> None:
    path = str(write_study(tmp_path / "studies", budget__trials=12))
    dse.run(path, out=tmp_path / "small", trials=5)
    live = LiveStudy("small", tmp_path / "small", None, path)
    first = state(live)
    assert first.page is not None and first.text == "5 trials"
    assert state(live).version == first.version
    (tmp_path / "small" / "manifest.json").unlink()  # as while a run has not written its front yet
    dse_trials = stored_trials(reading(tmp_path / "small"), "small")
    dse.run(path, out=tmp_path / "small", trials=12)
    deadline = time.monotonic() + 120
    while state(live).version == first.version:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    second = state(live)
    assert second.text == "12 trials" and len(dse_trials) == 5
    assert second.page is not None and "12 trials" in second.page


def test_trials_without_a_written_front_are_shown_as_they_come(tmp_path: Path) -> None:
    path = str(write_study(tmp_path / "studies", budget__trials=6))
    dse.run(path, out=tmp_path / "small")
    written = load_front(tmp_path / "small")
    for name in ("manifest.json", "front.csv", "baselines.csv", "at_targets.csv"):
        (tmp_path / "small" / name).unlink()
    live = LiveStudy("small", tmp_path / "small", None, path)
    found = state(live)
    assert found.page is not None and found.text.startswith(("searching: 6", "6 trials"))
    assert f"{designs(len(written.frame))} on the front" in found.page
    assert sorted(p.name for p in (tmp_path / "small").iterdir()) == [".lock", "study.journal"]


@pytest.mark.parametrize("torn", [b'{"op_code": 4, "worker', b"\x00\xff"])
def test_a_line_that_is_being_written_is_waited_for_and_never_trimmed(tmp_path: Path, torn: bytes) -> None:
    path = str(write_study(tmp_path / "studies", budget__trials=4))
    dse.run(path, out=tmp_path / "small")
    journal = tmp_path / "small" / "study.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + torn)
    found = state(LiveStudy("small", tmp_path / "small", None, path))
    assert found.page is not None and "4 trials" in found.page
    assert journal.read_bytes() == whole + torn


def test_folders_that_cannot_be_shown_say_why(tmp_path: Path) -> None:
    for name, file, text in (
        ("foreign", "manifest.json", "{}"),
        ("text", "study.journal", "not a journal\n"),
        ("empty", "study.journal", ""),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    found = {slug: state(study) for slug, study in Studies(tmp_path).all().items()}
    assert set(found) == {"foreign", "text", "empty"}
    assert all(one.page is None for one in found.values())
    assert "cannot be shown" in found["foreign"].answer and "cannot be shown" in found["text"].answer
    assert found["empty"].answer == "Nothing is stored yet."


def test_cases_are_studies_of_their_own_and_backups_are_none(tmp_path: Path) -> None:
    for name in ("a", "a/case", "a/previous-0001", "b/deep/deeper"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "study.journal").touch()
    assert list(Studies(tmp_path).all()) == ["a", "a/case"]
    assert list(Studies(tmp_path / "none").all()) == []


def wait(condition: Callable[[], bool], seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def look(site: str) -> str:
    """What a viewer sees of the study, having looked at every page."""
    assert ask(site, "/studies/small").status == 200 and ask(site, "/").status == 200
    return str(json.loads(ask(site, "/studies/small/status.json").body)["text"])


@pytest.mark.slow
def test_the_program_serves_while_a_study_runs_and_ends_in_order(tmp_path: Path) -> None:
    study = write_study(tmp_path / "studies", budget__trials=300)
    alone = dse.run(str(study), out=tmp_path / "alone").front
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "dse"]
    said = tmp_path / "said.txt"
    with (
        said.open("w") as out,
        subprocess.Popen(
            [*command, "run", str(study), "--out", "results/small", "-q"],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=out,
        ) as run,
    ):
        wait(lambda: (tmp_path / "results/small/study.journal").is_file())
        with subprocess.Popen(
            [*command, "view", str(study), "--out", "results/small", "--port", "0"],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
        ) as view:
            try:
                assert view.stdout is not None
                site, _, path = view.stdout.readline().strip().partition("/studies/")
                assert path == "small"
                wait(lambda: look(site) == "300 trials")
                assert run.wait(60) == 0
                view.send_signal(signal.SIGINT)
                assert view.wait(30) == 0
            finally:
                run.kill()
                view.kill()
    assert "Traceback" not in said.read_text()
    assert load_front(tmp_path / "results/small").frame.equals(load_front(tmp_path / "alone").frame)
    assert len(alone.frame) == len(load_front(tmp_path / "alone").frame)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize("file", ["manifest.json", "study.journal"])
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, _socket, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to("/dev/zero")],
)
def test_a_folder_of_what_is_no_file_is_listed_and_says_why(tmp_path: Path, file: str, make: Any) -> None:
    (tmp_path / "odd").mkdir()
    make(tmp_path / "odd" / file)
    found = {slug: state(study) for slug, study in Studies(tmp_path).all().items()}
    assert set(found) == {"odd"}
    assert found["odd"].answer.startswith("It cannot be shown: ") and file in found["odd"].answer
