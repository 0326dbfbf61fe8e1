"""Mutations of texts and of plain data, each drawn by a generator that a seed makes."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hostile.values import NUMBERS, QUANTITIES, TEXTS, near, value

MORE = (
    "&a", "*a", "<<: *a", "!!int ", "!!bool ", "!!binary ", "!!python/object:os.system ", "!x ", "? ", ": ",
    "- ", "---\n", "...\n", "%YAML 1.2\n", "|", ">", "{", "}", "[", "]", ",", "#", "\t", "'", '"', "\\u0000",
    "\\ud800", "[" * 200, "{a: " * 120, "\n" * 50,
)  # fmt: skip
"""What means something to a parser."""
TAILS = ("x", "\x1b[31m", " ", "²", "\u202e")
BYTES = (b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\x1b[31m", b"\r", b"\x80", b"\xed\xa0\x80")


def mutated_text(draw: random.Random, text: str, others: Sequence[str]) -> bytes:
    """The bytes of a text after one to three mutations of letters, lines and bytes."""
    data = text.encode()
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        data = draw.choice(_TEXT)(draw, data, others)
    return data


def mutated_data(draw: random.Random, data: Any) -> Any:
    """Plain data after one to three mutations of values and keys."""
    for _ in range(draw.choice((1, 1, 2, 3))):
        places = list(_places(data))
        if not places:
            return value(draw)
        holder, key = draw.choice(places)
        _change(draw, holder, key)
    return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of plain data, as what holds it and its key or index there."""
    if isinstance(data, dict | list):
        for key, inner in data.items() if isinstance(data, dict) else enumerate(data):
            yield data, key
            yield from _places(inner)


def _change(draw: random.Random, holder: Any, key: Any) -> None:
    kind = draw.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[f"{key}{draw.choice(TAILS)}"] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, value(draw))
    elif kind < 6:
        holder[key] = near(draw, holder[key])
    else:
        holder[key] = value(draw)


def _lines(change: Callable[[random.Random, list[bytes], Sequence[str]], None]) -> Any:
    def mutate(draw: random.Random, data: bytes, others: Sequence[str]) -> bytes:
        lines = data.splitlines(keepends=True) or [b"\n"]
        change(draw, lines, others)
        return b"".join(lines)

    return mutate


def _drop(draw: random.Random, lines: list[bytes], _: Sequence[str]) -> None:
    at = draw.randrange(len(lines))
    del lines[at : at + draw.choice((1, 1, 3))]


def _repeat(draw: random.Random, lines: list[bytes], _: Sequence[str]) -> None:
    at = draw.randrange(len(lines))
    lines[at:at] = [lines[at]] * draw.choice((1, 1, 2, 1_000))


def _swap(draw: random.Random, lines: list[bytes], _: Sequence[str]) -> None:
    a, b = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def _indent(draw: random.Random, lines: list[bytes], _: Sequence[str]) -> None:
    at = draw.randrange(len(lines))
    lines[at] = draw.choice((b"  ", b" ", b"\t")) + lines[at]


def _splice(draw: random.Random, lines: list[bytes], others: Sequence[str]) -> None:
    other = draw.choice(others).encode().splitlines(keepends=True) or [b""]
    at, start = draw.randrange(len(lines)), draw.randrange(len(other))
    lines[at:at] = other[start : start + draw.choice((1, 4, 20))]


def _replace_value(draw: random.Random, lines: list[bytes], _: Sequence[str]) -> None:
    at = draw.randrange(len(lines))
    head, colon, _old = lines[at].partition(b": ")
    new = str(draw.choice((*TEXTS, *QUANTITIES, *NUMBERS))).encode(errors="surrogatepass")
    lines[at] = head + colon + new + b"\n"


def _token(draw: random.Random, data: bytes, _: Sequence[str]) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice((*MORE, *TEXTS, *QUANTITIES)).encode() + data[at:]


def _byte(draw: random.Random, data: bytes, _: Sequence[str]) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(BYTES) + data[at + draw.choice((0, 1)) :]


def _cut(draw: random.Random, data: bytes, _: Sequence[str]) -> bytes:
    a, b = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return draw.choice((data[:a], data[b:], data[:a] + data[b:]))


def _encode(draw: random.Random, data: bytes, _: Sequence[str]) -> bytes:
    text = data.decode(errors="replace")
    form = draw.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "crlf"))
    return text.replace("\n", "\r\n").encode() if form == "crlf" else text.encode(form, errors="replace")


_TEXT: tuple[Callable[[random.Random, bytes, Sequence[str]], bytes], ...] = (
    _lines(_drop), _lines(_repeat), _lines(_swap), _lines(_indent), _lines(_splice), _lines(_replace_value),
    _lines(_replace_value), _token, _token, _byte, _cut, _encode,
)  # fmt: skip
