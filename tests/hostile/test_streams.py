"""The whole program where locales lack umlauts, readers go, disks are full and terminals are narrow."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from studies_for_tests import write_study

ENV = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
DSE = [sys.executable, "-m", "dse"]
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def run(*words: object, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*DSE, *map(str, words)], capture_output=True, env={**ENV, **env}, timeout=120, check=False
    )


def test_a_study_with_an_umlaut_ends_rightly_where_the_locale_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = write_study(tmp_path / "made", title="Wie groß?")
    folder = tmp_path / "Größe"
    made.parent.rename(folder)
    done = run("run", folder / "study.yaml", "--trials", "4", "--no-intervals", **PLAIN)
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "results" / "Größe" / "manifest.json").is_file()
    for env in (PLAIN, {}):
        shown = run("front", folder / "study.yaml", "--no-intervals", "--format", "csv", **env)
        assert shown.returncode == 0 and b"sram" in shown.stdout


def test_a_folder_whose_name_is_no_text_is_refused_before_any_trial(tmp_path: Path) -> None:
    made = write_study(tmp_path / "made")
    folder = os.fsencode(tmp_path) + b"/Gr\xf6\xdfe"
    os.rename(made.parent, folder)  # noqa: PTH104 - a name that is no text
    done = run("run", os.fsdecode(folder + b"/study.yaml"), "--trials", "4", "--out", tmp_path / "out")
    assert done.returncode == 2 and b"expected a folder whose name is UTF-8 text" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [("--help",), ("--version",), ("estimate", "--help"), ("catalog", "chips")])
def test_a_reader_that_goes_and_a_full_disk_have_their_exit_codes(
    words: tuple[str, ...], unbuffered: str
) -> None:
    env = {**ENV, "PYTHONUNBUFFERED": unbuffered}
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        done = subprocess.run(
            [*DSE, *words], stdout=gone, stderr=subprocess.PIPE, env=env, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*DSE, *words], stdout=full, stderr=subprocess.PIPE, env=env, timeout=60, check=False
        )
    assert b"Exception" not in done.stderr
    assert done.returncode == 2 and b"No space left on device" in done.stderr


@pytest.mark.parametrize("width", [20, 40])
def test_numbers_and_names_are_whole_on_a_narrow_terminal(width: int) -> None:
    """Every number of the wide table is a word of the narrow one."""
    words = ("front", "groq-vs-h100", "--no-intervals")
    wide, narrow = (run(*words, COLUMNS=str(n)).stdout.decode() for n in (200, width))
    numbers = set(re.findall(r"(?<=\s)\d[\d,.]*(?=\s)", wide))
    assert len(numbers) > 50
    assert numbers <= set(narrow.split())
    assert set(re.findall(r"\b[a-z]+-[a-z0-9-]+\b", wide)) <= set(
        re.findall(r"\b[a-z]+-[a-z0-9-]+\b", narrow)
    )
