"""The one door to the compiler of loops: functions of arrays and numbers that run as machine code."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from os import environ
from pathlib import Path
from typing import TypeVar, cast

from numba import config, njit

F = TypeVar("F", bound=Callable[..., object])
_HERE = Path(__file__).parent


def _digest() -> str:
    """Of all files of this folder: what one function calls is part of its machine code."""
    found = sha256()
    for path in sorted(_HERE.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _places() -> Iterator[Path]:
    """Where machine code may be kept: next to the source, else where a user keeps such files."""
    yield _HERE / "__pycache__"
    home = environ.get("XDG_CACHE_HOME") or environ.get("HOME")
    if home:
        yield Path(home) / ("dse" if "XDG_CACHE_HOME" in environ else ".cache/dse")


def _kept() -> bool:
    """Whether machine code is kept for the next process, in a folder of these very files."""
    for place in _places():
        folder = place / f"loops-{_digest()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "written").touch()
        except OSError:
            continue
        config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        return True
    return False


_KEPT = _kept()


def compiled(function: F) -> F:
    """`function` as machine code, made when it is first called and kept on disk for the next process.

    Without its lock, so that a terminal can show progress in the meantime.
    """
    return cast(F, njit(cache=_KEPT, nogil=True)(function))
