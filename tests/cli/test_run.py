"""`dse run`: what it leaves and says, how it goes on, and what it refuses."""

import json
import os
import re
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest

PLAIN = ("--no-verdicts", "--no-intervals")
DEPLOYMENT = {"mode": "solve", "batch": [1], "tp": [1], "pp": [1]}


def test_a_run_leaves_the_front_the_baselines_the_manifest_and_a_picture(small_run):
    out, said = small_run
    assert said.code == 0, said.err
    assert {"front.csv", "baselines.csv", "manifest.json", "front.png"} <= {p.name for p in out.iterdir()}
    assert (out / "front.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads((out / "manifest.json").read_text())["trials"] == 8


def test_a_run_tells_the_answer_at_each_target_beside_the_baselines(small_run):
    _, said = small_run
    for words in (
        "Best $/(token/s) at each TPOT target",
        "50.0 ms",
        "of the best design and of the baselines",
        "h100-sxm",
        "8 trials (8 new)",
        "front.csv",
        "dse front ",
    ):
        assert words in said.out
    assert said.err == ""
    assert "\x1b" not in said.out
    tables = said.out.partition("8 trials")[0]
    assert max(map(len, tables.splitlines())) <= 100


def test_a_finished_run_is_not_repeated_and_a_longer_one_goes_on(dse, small_study, tmp_path):
    run = ("run", small_study, *PLAIN)
    first = dse(*run, "--trials", "5", "--out", "r", "--quiet")
    front = (tmp_path / "r" / "front.csv").read_bytes()
    again = dse(*run, "--trials", "5", "--out", "r", "--no-color")
    assert (first.code, again.code) == (0, 0)
    assert "5 trials (0 new)" in again.out
    assert (tmp_path / "r" / "front.csv").read_bytes() == front
    assert "6 trials (1 new)" in dse(*run, "--trials", "6", "--out", "r").out


def test_a_run_whose_time_is_up_says_how_to_go_on(dse, small_study):
    said = dse("run", small_study, *PLAIN, "--trials", "100000", "--timeout", "0.2 s", "--storage", "memory:")
    assert said.code == 0
    assert "The time limit ended the run before 100,000 trials" in said.out


def test_fresh_keeps_what_was_stored_aside(dse, small_study, tmp_path):
    for _ in range(2):
        said = dse("run", small_study, *PLAIN, "--trials", "2", "--out", "r", "--fresh")
        assert "2 trials (2 new)" in said.out
    assert (tmp_path / "r" / "previous-0001" / "study.journal").exists()


def test_a_changed_question_is_refused_with_the_fields_that_differ(dse, small_study, tmp_path):
    run = ("run", small_study, *PLAIN)
    dse(*run, "--trials", "1", "--out", "r")
    stored = (tmp_path / "r" / "study.journal").read_bytes()
    said = dse(*run, "--trials", "2", "--out", "r", "--seed", "7")
    said.refused("has changed", "study.seed: stored 1, now 7", "--fresh")
    assert (tmp_path / "r" / "study.journal").read_bytes().startswith(stored)  # nothing is lost


def test_nothing_feasible_names_the_constraint_in_the_way_with_exit_code_1(dse, study_with, tmp_path):
    study = study_with(llm="gpt4-1.8t-dense", deployment=DEPLOYMENT)  # 1.8 TB of weights on one chip
    said = dse("run", study, *PLAIN, "--trials", "7", "--out", "r")
    assert said.code == 1
    assert (
        "mine: expected a feasible design in 7 trials, got none; most often violated: capacity (7 of 7)"
        in said.err
    )
    assert re.search(r"by at least [\d.]+ TB", said.err)
    assert "Violated constraints" in said.out
    assert "Traceback" not in said.err
    assert (tmp_path / "r" / "front.csv").exists()


def test_a_target_that_nothing_meets_is_named_with_its_unit(dse, study_with):
    said = dse("run", study_with(targets={"ttft": "1 ns"}), *PLAIN, "--trials", "6", "--out", "r")
    assert said.code == 1
    assert "most often violated: ttft (6 of 6), by at least" in said.err
    assert re.search(r"by at least [\d.]+ ms", said.err)


def test_unknown_names_are_refused_with_the_nearest(dse):
    dse("run", "groq-vs-h10").refused("STUDY: unknown study 'groq-vs-h10'; did you mean 'groq-vs-h100'")
    dse("run", "groq-vs-h100", "--sampler", "tep").refused(
        "--sampler: unknown sampler 'tep'; did you mean 'tpe'?"
    )


def test_what_is_no_study_is_named_as_it_was_typed(dse, tmp_path):
    (tmp_path / "bad" / "empty").mkdir(parents=True)
    dse("run", "bad/empty").refused("STUDY: expected a folder with a study.yaml, got 'bad/empty'")
    dse("run", "/dev/null").refused(
        "STUDY: expected a study.yaml, got '/dev/null', which is not a regular file"
    )
    missing = "STUDY: expected a study.yaml, got 'studies/nix/study.yaml', which does not exist"
    dse("run", "studies/nix/study.yaml").refused(missing)
    dse("run", "studies/groq-vs-h10/study.yaml").refused("did you mean 'groq-vs-h100'")
    dse("run", "bad/empty/listed").refused("STUDY: unknown study 'bad/empty/listed'")
    dse("run", "groq-vs-h10/listed").refused("STUDY: unknown study 'groq-vs-h10'; did you mean")
    dse("run", "groq-vs-h100/lsted").refused("study.yaml: unknown case 'lsted'; did you mean 'listed'?")


def test_mistakes_in_a_study_are_told_with_file_and_line(dse, study_with):
    study = study_with(llm="lama2-70b", baselines=["h10"])
    said = dse("run", study, "--out", "r")
    said.refused(f"{study}:", "unknown llm 'lama2-70b'", "unknown chip 'h10'")
    assert len(said.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--trials", "0", "expected a whole number of at least 1, got '0'"),
        ("--trials", "many", "expected a whole number of at least 1, got 'many'"),
        ("--timeout", "3 GB", "got '3 GB'"),
        ("--timeout", "nan", "expected a number with a unit such as '1 s', got 'nan'"),
        ("--seed", "-1", "expected a whole number of at least 0, got '-1'"),
        ("--storage", "jornal:x", "unknown scheme in 'jornal:x'; did you mean 'journal'?"),
        ("--configs", "nowhere", "expected a folder, got 'nowhere'"),
    ],
)
def test_values_that_are_none_are_refused(dse, option, value, words):
    dse("run", "groq-vs-h100", "--out", "r", f"{option}={value}").refused(option, words)


@pytest.mark.parametrize("text", ["not a journal", '{"op_code": 77}\n', "[1, 2]\n"])
def test_a_journal_that_is_none_is_refused_and_kept(dse, tmp_path, text):
    path = tmp_path / "foreign"
    path.write_text(text)
    dse("run", "groq-vs-h100", "--out", "r", "--storage", f"journal:{path}").refused(
        str(path), "expected a journal"
    )
    assert path.read_text() == text


def test_a_database_of_somebody_else_is_refused_and_kept(dse, tmp_path):
    path = tmp_path / "foreign.db"
    path.write_text("no database at all, but long enough to be taken for one" * 20)
    dse("run", "groq-vs-h100", "--out", "r", "--storage", f"sqlite:///{path}").refused(
        "--storage", "expected a database of Optuna studies"
    )
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("create table studies (a)")
    other.close()
    dse("run", "groq-vs-h100", "--out", "r", "--storage", f"sqlite:///{path}").refused(
        "--storage", "expected a storage that dse can work with"
    )


def test_a_folder_that_is_a_file_is_refused(dse, tmp_path):
    (tmp_path / "r").write_text("mine")
    dse("run", "groq-vs-h100", "--out", "r").refused("r: expected a folder that can be written, got: ")
    assert (tmp_path / "r").read_text() == "mine"


@contextmanager
def nobody():
    """Root may write everywhere, so where the tests are run as root the program is run as nobody."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_folder_is_refused(dse, small_run, tmp_path):
    """After `small_run`, because nobody may be allowed to import what is not yet loaded."""
    top = Path(gettempdir())
    for place in (p for p in tmp_path.parents if p != top and p.is_relative_to(top)):
        place.chmod(place.stat().st_mode | 0o055)
    tmp_path.chmod(0o555)
    try:
        with nobody():
            said = dse("run", "groq-vs-h100", *PLAIN, "--trials", "1", "--out", tmp_path / "r")
    finally:
        tmp_path.chmod(0o755)
    said.refused(f"{tmp_path / 'r'}: expected a folder that can be written, got: Permission denied")
    assert not (tmp_path / "r").exists()
