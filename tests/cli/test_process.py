"""The program as a process: pipes, terminals, signals, other users' folders."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

DSE = [sys.executable, "-m", "dse"]
ENV = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}


def process(*args, **options):
    return subprocess.run([*DSE, *args], capture_output=True, text=True, timeout=60, env=ENV, **options)


def on_a_terminal(*args, **env):
    """Output of the program on a terminal of its own."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*DSE, *args], stdout=theirs, stderr=theirs, stdin=theirs, env={**ENV, **env}
    ) as child:
        os.close(theirs)
        found = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            found += part
        child.wait(timeout=60)
    os.close(ours)
    return found.decode(), child.returncode


def test_python_dash_m_is_the_program():
    done = process("--version")
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "dse", "")


def test_a_reader_that_stops_early_is_no_mistake():
    with subprocess.Popen([*DSE, "catalog", "chips", "--format", "csv"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=ENV) as child:  # fmt: skip
        child.stdout.close()  # before anything is written
        said = child.stderr.read()
        child.wait(timeout=60)
    assert (child.returncode, said) == (141, b"")


@pytest.mark.parametrize("words", [("catalog", "chips"), ("chip", "h100"), ("--help",), ("catalog", "nope")])
def test_a_closed_stdout_is_told_in_a_sentence(words):
    line = " ".join([*DSE, *words, ">&-"])
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, env=ENV)
    assert done.returncode == 2
    assert done.stderr.startswith("stdout: expected an open stream for the answer, got a closed one")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("words", "code"), [(("catalog", "chips"), 0), (("catalog", "nope"), 2)])
def test_a_closed_stderr_changes_nothing_else(words, code):
    line = " ".join([*DSE, *words, "2>&-"])
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, env=ENV)
    assert done.returncode == code
    assert ("h100-sxm" in done.stdout) == (code == 0)
    both = subprocess.run(["sh", "-c", f"{line} >&-"], timeout=60, env=ENV, check=False)
    assert both.returncode == 2


def test_head_gets_the_header():
    line = " ".join([*DSE, "catalog", "chips", "--format", "csv", "|", "head", "-1"])
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, env=ENV)
    assert done.stdout.startswith("name,title,")
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_a_terminal_gets_colour_unless_it_is_unwanted():
    coloured, code = on_a_terminal("catalog", "llms", "nope", TERM="xterm")
    assert code == 2
    assert "\x1b[31mNAME: unknown llm 'nope'" in coloured
    plain, code = on_a_terminal("catalog", "llms", "nope", TERM="xterm", NO_COLOR="1")
    assert code == 2
    assert "\x1b[31m" not in plain


def test_parquet_is_refused_on_a_terminal_and_goes_through_a_pipe(small_run):
    out = str(small_run[0])
    said, code = on_a_terminal("front", "groq-vs-h100", "--out", out, "--format", "parquet")
    assert code == 2
    assert "got a terminal" in said
    ask = ("front", "groq-vs-h100", "--out", out, "--no-intervals", "--format", "parquet")
    done = subprocess.run([*DSE, *ask], capture_output=True, timeout=60, env=ENV)
    assert done.returncode == 0
    assert (done.stdout[:4], done.stdout[-4:]) == (b"PAR1", b"PAR1")


def _finished(journal):
    return journal.read_text().count('"design"') if journal.exists() else 0


@pytest.mark.slow
def test_ctrl_c_before_the_first_trial_says_how_to_go_on_too(tmp_path):
    with subprocess.Popen([*DSE, "run", "groq-vs-h100", "--out", "r"], cwd=tmp_path, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=ENV) as child:  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (tmp_path / "r" / ".lock").exists():
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, complaint = child.communicate(timeout=60)
    assert child.returncode == 130, complaint
    assert "Traceback" not in complaint
    assert "Continue with:\n  dse run groq-vs-h100 --out r" in complaint


def test_ctrl_c_in_a_text_that_python_runs_ends_by_the_exit_code(tmp_path):
    """As where a dataclass is being made; Python itself would end such a module by SIGINT."""
    text = """
import sys
from dse.cli.terminal.termination import interrupted
try:
    exec("raise KeyboardInterrupt")
except KeyboardInterrupt:
    sys.exit(interrupted())
"""
    (tmp_path / "module.py").write_text(text)
    done = subprocess.run([sys.executable, "-m", "module"], cwd=tmp_path, timeout=60, env=ENV)
    assert done.returncode == 130


@pytest.mark.slow
def test_ctrl_c_keeps_every_trial_and_says_how_to_go_on(tmp_path, small_study, dse):
    journal = tmp_path / "r" / "study.journal"
    command = [*DSE, "run", str(small_study), "--trials", "100000", "--out", "r"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=ENV) as child:  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and _finished(journal) < 3:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        said, complaint = child.communicate(timeout=60)
    assert child.returncode == 130, complaint
    assert "Traceback" not in complaint
    assert f"Continue with:\n  dse run {small_study} --trials 100000 --out r" in complaint
    assert "Results in r: front.csv, baselines.csv, at_targets.csv, manifest.json" in said
    done = dse("front", small_study, "--out", "r", "--no-intervals", "--format", "json").json["trials"]
    assert done > 0
    plain = ("--no-verdicts", "--no-intervals")
    said = dse("run", small_study, *plain, "--trials", done + 1, "--out", "r").out
    assert f"{done + 1} trials (1 new)" in said
