"""What a stranger's file or command line does to the program: ends in words, with its place, in time."""

import re
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from said import call

SECONDS = 5.0
"""A call that takes longer hangs."""
LETTERS = 100_000
"""A message that is longer than this is no sentence."""
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What must not reach a terminal."""
# a file, with its line or without, an option, an argument or a command
PLACE = re.compile(r"[^:]{1,300}(:\d+)?: ")


class Hang(BaseException):
    """Raised by the alarm; no `except Exception` of the program catches it."""


@dataclass(frozen=True)
class Ended:
    """How one call of the program ended."""

    words: tuple[str, ...]
    fault: str
    """What is wrong with how it ended; empty where nothing is."""
    code: int = -1
    seconds: float = 0.0


@contextmanager
def alarm(seconds: float = SECONDS) -> Iterator[None]:
    """Raise `Hang` in what computes longer, or waits four times as long, in the main thread.

    On a machine that others use too, a call waits for its turn: that is no hang.
    """
    start, used = time.monotonic(), time.process_time()

    def ring(_number: int, _frame: object) -> None:
        if time.process_time() - used > 0.9 * seconds or time.monotonic() - start > 4.0 * seconds:
            raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 5.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def ends_in_words(*words: object, file: Path | None = None) -> Ended:
    """Call the program and look at how it ends; messages about `file` name it, and its line if it is YAML."""
    texts = tuple(map(str, words))
    start = time.monotonic()
    try:
        with alarm():
            said = call(*texts)
    except Hang:
        return Ended(texts, f"hangs for more than {SECONDS:g} s")
    except BaseException as error:
        return Ended(texts, f"{type(error).__name__}: {error}"[:300] + _where(error))
    took = time.monotonic() - start
    return Ended(texts, _fault(said.code, said.out, said.err, file), said.code, took)


def _where(error: BaseException) -> str:
    """File and line of the code that raised."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "/dse/" in code.co_filename or "/objectives/" in code.co_filename:
            place = f" at {code.co_filename.rpartition('/wt/')[2] or code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _fault(code: int, out: str, err: str, file: Path | None) -> str:
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if "Traceback" in err + out:
        return f"a traceback: {err[-300:]}"
    if raw := RAW.search(out + err):
        return f"{raw[0]!r} reaches the terminal"
    if len(err) > LETTERS:
        return f"{len(err)} letters of messages"
    lines = err.splitlines()
    if code == 2 and not lines:
        return "exit code 2 without a word"
    # a summary, such as `1 file, 3 problems`, comes after the problems
    if code == 2 and not PLACE.match(lines[0]):
        return f"no place in {lines[0][:200]!r}"
    if code == 2 and file is not None and not any(line.startswith(f"{file}:") for line in lines):
        return f"{file.name} is not named in {lines[0][:200]!r}"
    if (
        code == 2
        and file is not None
        and file.suffix == ".yaml"
        and not re.search(rf"{file.name}:\d+: ", err)
    ):
        return f"no line in {lines[0][:200]!r}"
    return ""


def peak_gigabytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
