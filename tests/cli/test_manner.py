"""Every verb takes --quiet and --no-color; nothing but text goes into a pipe; a terminal sees progress."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.cli.lazy_group import VERBS
from dse.cli.terminal.global_options import GlobalOptions, global_options, with_global_options

ESCAPE = "\x1b"
QUICK = {
    "catalog": ["catalog", "spaces"],
    "check": ["check", "study.yaml"],
    "estimate": [
        "estimate",
        "--chip",
        "h100",
        "--llm",
        "llama2-70b",
        "--workload",
        "chat",
        "--weights",
        "fp8",
    ],
    "front": ["front", "spatial-computing"],
    "plot": ["plot", "spatial-computing", "binds", "-o", "binds.png"],
    "report": ["report", "spatial-computing", "-o", "report.html"],
    "bench": ["bench", "--seconds", "0.2"],
    "validate": ["validate", "article"],
    "run": ["run", "small", "--no-verdicts", "--samples", "8", "--trials", "3"],
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    bundled = Path(__file__).resolve().parents[2] / "studies" / "0001-groq-vs-h100" / "study.yaml"
    write_study(tmp_path)
    (tmp_path / "study.yaml").write_text(bundled.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def on_a_terminal(arguments: list[str], place: Path, **more: str) -> str:
    """What a terminal shows of a call, both streams together."""
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "dse", *arguments], cwd=place, env={**env, "TERM": "xterm-256color", **more},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait(120) == 0, said
    return said.decode(errors="replace")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_quiet_and_no_color(dse, verb) -> None:
    said = dse(verb, "--help")
    assert said.code == 0
    assert "--quiet" in said.out and "--no-color" in said.out


@pytest.mark.slow
@pytest.mark.parametrize("arguments", QUICK.values(), ids=QUICK)
def test_a_pipe_gets_plain_text_and_no_progress(arguments: list[str], place: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "dse", *arguments], cwd=place, env=env, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ESCAPE not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert not re.search("[━╸╺]", done.stderr)


@pytest.mark.slow
def test_a_terminal_sees_progress_unless_it_is_told_to_be_quiet(place: Path) -> None:
    call = QUICK["report"]
    assert "reading results" in on_a_terminal(call, place)
    quiet = on_a_terminal([*call, "--quiet"], place)
    assert "reading results" not in quiet and "page:" not in quiet


@pytest.mark.slow
def test_colour_is_for_terminals_that_want_it(place: Path) -> None:
    colours = re.compile(ESCAPE + r"\[[0-9;]*3[0-9]m|" + ESCAPE + r"\[31m")
    wrong = ["check", "study.yaml"]
    (place / "study.yaml").write_text("kind: study\n", encoding="utf-8")

    def said(arguments: list[str], **more: str) -> str:
        try:
            return on_a_terminal(arguments, place, **more)
        except AssertionError as error:
            return error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)

    assert colours.search(said(wrong).replace("\\x1b", ESCAPE))
    assert not colours.search(said([*wrong, "--no-color"]).replace("\\x1b", ESCAPE))
    assert not colours.search(said(wrong, NO_COLOR="1").replace("\\x1b", ESCAPE))


def test_global_options_hold_for_one_call() -> None:
    seen: list[tuple[GlobalOptions, dict[str, object]]] = []

    def plain(name: str) -> None:
        seen.append((global_options(), {"name": name}))

    with_global_options(plain)(name="x", quiet=True, no_color=False)
    assert seen == [(GlobalOptions(quiet=True), {"name": "x"})]
    assert global_options() == GlobalOptions()
    with pytest.raises(ZeroDivisionError):
        with_global_options(lambda: 1 / 0)(quiet=True, no_color=True)
    assert global_options() == GlobalOptions()


@pytest.mark.parametrize("width", [24, 40, 80])
def test_no_word_and_no_number_breaks_at_any_width(width):
    """A name of 13 letters and a number with its unit, in columns of 80, 40 and 24."""
    from io import StringIO

    from rich.console import Console

    from dse.cli.terminal.tables import table

    rows = [
        ["a100-sxm-80gb", "312 TFLOP/s", "2.04 TB/s", "12,500"],
        ["h100-sxm", "989 TFLOP/s", "-", "26,000"],
    ]
    made = table(["chip", "fp16 peak", "DRAM speed", "price USD"], rows, right=["fp16 peak", "DRAM speed"])
    buffer = StringIO()
    Console(file=buffer, width=width).print(made)
    said = buffer.getvalue()
    assert max(map(len, said.splitlines())) <= width
    for cell in (c for row in rows for c in row if c != "-"):
        assert cell in said


@pytest.mark.slow
def test_a_refused_command_line_has_no_colour_where_none_is_wanted(place: Path) -> None:
    wrong = ["estimate", "--tp", "0"]

    def said(arguments: list[str]) -> str:
        try:
            return on_a_terminal(arguments, place)
        except AssertionError as error:
            return error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)

    assert ESCAPE in said(wrong).replace("\\x1b", ESCAPE)
    assert ESCAPE not in said([*wrong, "--no-color"]).replace("\\x1b", ESCAPE)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_help_that_cannot_be_written_is_refused_in_one_line(unbuffered: str) -> None:
    command, env = [sys.executable, "-m", "dse", "--version"], {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=env, check=False)
    assert (done.returncode, done.stderr) == (2, "stdout: cannot be written: No space left on device\n")
