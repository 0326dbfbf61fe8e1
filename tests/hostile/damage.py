"""Seeded damage of a results folder: keys, values, cells, files; digests made right half of the time."""

import csv
import json
import os
from collections.abc import Callable
from hashlib import sha256
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

TABLES = ("front.csv", "baselines.csv", "at_targets.csv")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 10**20, -(10**20), 2**53, 2**63, 0.5, -0.5, 1e308, float("nan"),
    float("inf"), "", "x", "nan", "1e999", "../../etc/passwd", "\x00", "\ud800", "\x1b[2J",
    "=1+1", "9^9^9^9", "<script>",
    "ä" * 300, "a" * 30_000, [], [[]], {}, {"a": {}}, {"tpot": {}}, [{}], [None], {"": ""}, {"x": [1, "y"]},
    {"tpot": "fast"}, {"tpot": [0.01, -1, 0]}, ["tpot"], {"weights": {"int8": 1}}, {"tpot": []},
    {"unknown": [1]},
)  # fmt: skip
CELLS = (
    "", "x", "nan", "inf", "-inf", "0", "-1", "1e308", "-1e308", "1e999", "99999999999999999999", "1_0", " 1",
    "1.5", "True", "search", "baseline", "sram-only-1", "h100-sxm", "nowhere-3", "-", "hybrid-", "٣", '"',
    "a\nb",
    "=cmd()", "\x1b[31m", "a" * 2000, "1e-320", "9" * 5000, "0x10", "None", "9007199254740993", "3",
)  # fmt: skip

Damage = Callable[[Random, Path], str]


def damaged(random: Random, folder: Path) -> str:
    """Damage `folder` in one to three ways; returns what was done."""
    weights = [6, 3, 8, 2, 2, 1]
    ways: list[Damage] = [_value, _key, _cell, _column, _row, _file]
    done = [way(random, folder) for way in random.choices(ways, weights, k=random.choice((1, 1, 2, 3)))]
    if random.random() < 0.5 or (any(said.startswith("cell") for said in done) and random.random() < 0.7):
        done.append(right_digests(folder))
    return "; ".join(done)


def _regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _manifest(folder: Path) -> Any:
    if not _regular(folder / "manifest.json"):
        return None
    try:
        return json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return None


def _write(folder: Path, data: Any) -> None:
    if _regular(folder / "manifest.json"):
        (folder / "manifest.json").write_text(json.dumps(data))


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        found += _places(value, (*path, key))
    return found


def _some(random: Random, data: Any) -> tuple[Any, ...]:
    """A place, with every top-level key as likely as another."""
    top = random.choice(list(data))
    return random.choice([p for p in _places(data) if p[0] == top])


def _value(random: Random, folder: Path) -> str:
    data = _manifest(folder)
    if not isinstance(data, dict) or not data:
        return "nothing"
    path, value = _some(random, data), random.choice(VALUES)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if random.random() < 0.15 and not isinstance(inner, list):
        del inner[path[-1]]
        _write(folder, data)
        return f"without {path}"
    inner[path[-1]] = value
    _write(folder, data)
    return f"{path} = {str(value)!r:.60}"


def _key(random: Random, folder: Path) -> str:
    data = _manifest(folder)
    if not isinstance(data, dict) or not data:
        return "nothing"
    places = [p for p in _places(data) if len(p) < 4]
    path, new = random.choice(places), random.choice(("", "x", "tpot", "a" * 500, "\x1b", "files", "9^9"))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    if isinstance(inner, dict):
        inner[new] = inner.pop(path[-1])
        _write(folder, data)
    return f"{path} renamed {new!r:.20}"


def _table(random: Random, folder: Path) -> tuple[Path, list[list[str]]]:
    path = folder / random.choice(TABLES)
    if not _regular(path):
        return path, []
    try:
        return path, list(csv.reader(StringIO(path.read_text())))
    except (OSError, ValueError):
        return path, []


def _store(path: Path, rows: list[list[str]]) -> None:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    if _regular(path):
        path.write_text(out.getvalue())


def _cell(random: Random, folder: Path) -> str:
    path, rows = _table(random, folder)
    if len(rows) < 2 or not rows[0]:
        return "nothing"
    at, column = random.randrange(1, len(rows)), random.randrange(len(rows[0]))
    value = random.choice(CELLS)
    for row in rows[1:] if random.random() < 0.3 else rows[at : at + 1]:
        if column < len(row):
            row[column] = value
    _store(path, rows)
    return f"cell {path.name} {rows[0][column]} {at} = {value!r:.40}"


def _column(random: Random, folder: Path) -> str:
    """A column goes, comes twice, or is of another kind; the manifest agrees."""
    path, rows = _table(random, folder)
    data = _manifest(folder)
    try:
        columns = data["files"][path.name]["columns"]
        name = random.choice(rows[0])
        at = rows[0].index(name)
        way = random.choice(("gone", "twice", "kind", "called"))
        if way == "gone":
            rows = [row[:at] + row[at + 1 :] for row in rows]
            del columns[name]
        elif way == "twice":
            rows = [[*row, row[at]] for row in rows]
        elif way == "kind":
            columns[name] = random.choice(("int", "float", "bool", "text", "dict"))
        else:
            new = random.choice(("x", "", "param_x", "violation_x", "price_usd", "a.b.tpot_s", "trial"))
            rows[0][at] = new
            data["files"][path.name]["columns"] = {new if k == name else k: v for k, v in columns.items()}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return "nothing"
    _write(folder, data)
    _store(path, rows)
    return f"column {path.name} {name} {way}"


def _row(random: Random, folder: Path) -> str:
    path, rows = _table(random, folder)
    if len(rows) < 2:
        return "nothing"
    way, at = random.choice(("none", "twice", "short", "long", "blank")), random.randrange(1, len(rows))
    if way == "none":
        rows = rows[:1]
    elif way == "twice":
        rows.append(rows[at])
    elif way == "short":
        rows[at] = rows[at][:-1]
    elif way == "long":
        rows[at] = [*rows[at], "1"]
    else:
        rows.insert(at, [])
    _store(path, rows)
    data = _manifest(folder)
    if random.random() < 0.5:
        try:
            data["files"][path.name]["rows"] = len(rows) - 1
            _write(folder, data)
        except (KeyError, TypeError):
            pass
    return f"row {path.name} {at} {way}"


def _file(random: Random, folder: Path) -> str:
    path = folder / random.choice((*TABLES, "manifest.json", "study.journal"))
    if not _regular(path):
        return "nothing"
    way = random.choice(("gone", "folder", "fifo", "device", "torn", "bytes", "deep", "utf-16", "empty"))
    text = path.read_bytes() if path.is_file() else b""
    path.unlink(missing_ok=True)
    if way == "folder":
        path.mkdir()
    elif way == "fifo":
        os.mkfifo(path)
    elif way == "device":
        path.symlink_to("/dev/zero")
    elif way == "torn":
        path.write_bytes(text[: random.randrange(len(text) + 1)])
    elif way == "bytes":
        path.write_bytes(random.randbytes(200))
    elif way == "deep":
        path.write_text("[" * 100_000)
    elif way == "utf-16":
        path.write_bytes(text.decode(errors="replace").encode("utf-16"))
    elif way == "empty":
        path.touch()
    return f"file {path.name} {way}"


def right_digests(folder: Path) -> str:
    """As a forger would: the manifest has the digests of the tables as they are."""
    data = _manifest(folder)
    for name in TABLES:
        path = folder / name
        if _regular(path):
            text = path.read_bytes().replace(b"\r\n", b"\n")
            try:
                data["files"][name]["sha256"] = sha256(text).hexdigest()
            except (KeyError, TypeError):
                return "digests stay"
    _write(folder, data)
    return "digests right"
