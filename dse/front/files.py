"""A results folder: `front.csv`, `baselines.csv` and the `manifest.json` that says what they are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dse.errors import ResultsError
from dse.front.atomic import replace_files
from dse.front.axis import Axis, axis_from
from dse.front.tables import from_csv, kinds, to_csv

FORMAT = "dse-front-1"
"""First key of a manifest; another value means another program or another version."""

TABLES = ("front.csv", "baselines.csv")
AT_TARGETS = "at_targets.csv"
"""Table that only some folders have."""


# tables that are compared give a table, which has no truth value
@dataclass(frozen=True, eq=False)
class Front:
    """What a study found: the front, the baselines next to it, and their manifest."""

    frame: pd.DataFrame
    """One row per design that nothing dominates."""
    baselines: pd.DataFrame
    """The non-dominated deployments of each baseline chip by itself, in the same columns."""
    axes: tuple[Axis, ...]
    manifest: Mapping[str, Any]
    """Plain data: study, question, digests, versions, seed, contract_version, trials, reference_point,
    hypervolume, targets."""
    at_targets: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Designs of the front's chips and of the baselines solved again at each target, in the same columns: the
    best at a target is chosen from these too. Empty where none was."""


def write_front(out: Path, front: Front) -> None:
    """Store `front` in the folder `out`, all of it or nothing; raises `ResultsError`.

    The manifest moves in last and holds the digest of both tables, so that an interrupted move is
    noticed by `load_front` instead of being read as a result.
    """
    tables = {
        name: _table(frame, front) for name, frame in zip(TABLES, (front.frame, front.baselines), strict=True)
    }
    if len(front.at_targets):
        tables[AT_TARGETS] = front.at_targets
    text = {name: to_csv(table) for name, table in tables.items()}
    files = {
        name: {"rows": len(table), "sha256": _digest(text[name]), "columns": kinds(table)}
        for name, table in tables.items()
    }
    own = {"format": FORMAT, "axes": [axis.as_dict() for axis in front.axes], "files": files}
    # a caller's key must not replace the digests that make damage visible
    clash = set(own) & set(front.manifest)
    if clash:
        raise ResultsError(
            f"{out}: expected a manifest without the keys {', '.join(sorted(own))}, got {sorted(clash)}."
        )
    try:
        # NaN is no JSON: most other programs would refuse the whole file
        manifest = json.dumps(
            {**own, **front.manifest}, indent=2, ensure_ascii=False, allow_nan=False, default=_plain
        )
    except (TypeError, ValueError) as error:
        raise ResultsError(
            f"{out / 'manifest.json'}: expected a manifest of plain data, got: {error}."
        ) from None
    write_files({**{out / n: table for n, table in text.items()}, out / "manifest.json": manifest + "\n"})
    # of an earlier run; last, since the new manifest does not name it and nothing reads it
    if AT_TARGETS not in text:
        (out / AT_TARGETS).unlink(missing_ok=True)


def write_files(files: Mapping[Path, str | bytes]) -> None:
    """Replace all of `files` or none; raises `ResultsError` naming the place that cannot be written."""
    try:
        replace_files(
            {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
        )
    except OSError as error:
        where = error.filename or ", ".join(str(path) for path in files)
        reason = error.strerror or type(error).__name__
        raise ResultsError(f"{where}: expected a folder that can be written to, got: {reason}.") from None


def load_front(out: Path) -> Front:
    """The front stored in the folder `out`; raises `ResultsError` when there is none or it is damaged."""
    path = out / "manifest.json"
    manifest = _manifest(path)
    try:
        axes = tuple(axis_from(axis) for axis in manifest.pop("axes"))
        files = manifest.pop("files")
        frames = [_read(out / name, files[name]) for name in TABLES]
        solved = _read(out / AT_TARGETS, files[AT_TARGETS]) if AT_TARGETS in files else pd.DataFrame()
    # a ValueError too, but one that says already what is damaged
    except ResultsError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultsError(
            f"{path}: expected a manifest written by `dse run`, got a damaged one ({error})."
        ) from None
    for name, frame in zip(TABLES, frames, strict=True):
        missing = [axis.column for axis in axes if axis.column not in frame.columns]
        if missing:
            raise ResultsError(
                f"{out / name}: expected the columns of the objectives, missing {', '.join(missing)}."
            )
    return Front(frame=frames[0], baselines=frames[1], axes=axes, manifest=manifest, at_targets=solved)


def _manifest(path: Path) -> dict[str, Any]:
    """The manifest of a folder; raises where it is not one of ours."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(
            f"{path}: expected the results of a study, got no such file. Start with `dse run`."
        ) from None
    except OSError as error:
        raise ResultsError(f"{path}: expected a readable file, got: {error.strerror}.") from None
    except ValueError:
        raise ResultsError(f"{path}: expected a manifest written by `dse run`, got no JSON text.") from None
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ResultsError(
            f"{path}: expected the format {FORMAT!r}, got {found!r}. Choose another folder with --out."
        )
    # `write_front` sets it, and refuses a manifest that has it already
    del data["format"]
    return dict(data)


def _read(path: Path, entry: Mapping[str, Any]) -> pd.DataFrame:
    """A table, checked against its digest in the manifest."""
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise ResultsError(f"{path}: expected a table written by `dse run`, got: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ResultsError(f"{path}: expected a table written by `dse run`, got no UTF-8 text.") from None
    # before it is parsed, so that a damaged table is called damaged and not misread
    if _digest(text) != entry["sha256"]:
        raise ResultsError(
            f"{path}: expected the table that manifest.json describes, got another: it was edited, or a run "
            "was interrupted while it wrote. Repeat `dse run`."
        )
    return from_csv(text, entry["columns"])


def _table(frame: pd.DataFrame, front: Front) -> pd.DataFrame:
    """`frame`, or when it is empty of columns too, an empty table with the columns of the objectives."""
    return (
        frame
        if len(frame.columns)
        else pd.DataFrame({a.column: pd.Series(dtype="float64") for a in front.axes})
    )


def _digest(text: str) -> str:
    """Digest of a table whatever line ends a version control system gave it."""
    return sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__}")
