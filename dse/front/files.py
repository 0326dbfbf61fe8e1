"""A results folder: `front.csv`, `baselines.csv` and the `manifest.json` that says what they are."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from dse.errors import ResultsError, SpecError
from dse.front.atomic import replace_files
from dse.front.axis import Axis, axis_from
from dse.front.checked_table import checked_table
from dse.front.stored_json import MANIFEST_LIMIT, TABLE_LIMIT, parse_json, read_text
from dse.front.tables import kinds, to_csv
from dse.spec.stored.manifest import StoredManifest, StoredTable
from dse.spec.yaml.loading import build_spec
from dse.text import short

FORMAT = "dse-front-1"
"""First key of a manifest; another value means another program or another version."""

TABLES = ("front.csv", "baselines.csv")
Manifest: TypeAlias = Mapping[str, Any]
"""What a front is of, as plain data."""

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
    manifest: Manifest
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


def load_front(out: Path | str) -> Front:
    """The front stored in the folder `out`; raises `ResultsError` when there is none or it is damaged.

    Nothing in it is trusted: files, keys and cells are checked against what a run writes, and an error says
    which file, line or key is damaged, what of the folder is intact, and how to go on.
    """
    if not isinstance(out, str | Path):
        raise ResultsError(f"expected the path of a folder of results, got {short(out)}.")
    out = Path(out)
    manifest = load_manifest(out)
    # again, as the tables need it: the check itself takes no time
    files = StoredManifest.model_validate(manifest).files
    axes = tuple(axis_from(axis) for axis in manifest["axes"])
    try:
        frames = [_read(out / name, files[name], axes) for name in TABLES]
        solved = _read(out / AT_TARGETS, files[AT_TARGETS], axes) if AT_TARGETS in files else pd.DataFrame()
    except ResultsError as error:
        raise ResultsError(f"{error} {_intact(out, files)}") from None
    # `write_front` sets these, and refuses a manifest that has them already
    kept = {k: v for k, v in manifest.items() if k not in ("format", "axes", "files")}
    return Front(frame=frames[0], baselines=frames[1], axes=axes, manifest=kept, at_targets=solved)


def load_manifest(out: Path) -> Manifest:
    """The manifest of the folder `out` as plain data that its schema allows; raises `ResultsError`."""
    path = out / "manifest.json"
    if not os.path.lexists(path) and not out.is_file():
        raise ResultsError(
            f"{path}: expected the results of a study, got no such file. Start with `dse run`."
        )
    data = parse_json(read_text(path, MANIFEST_LIMIT), str(path))
    found = data.get("format") if isinstance(data, dict) else None
    if not isinstance(data, dict) or found != FORMAT:
        raise ResultsError(
            f"{path}: expected the format {FORMAT!r}, got {repr(found)[:80]}. Choose another folder with "
            "--out."
        )
    try:
        checked = build_spec(StoredManifest, data, str(path))
    except SpecError as error:
        first, *more = (problem.what for problem in error.problems)
        rest = f", and {len(more)} more" if more else ""
        raise ResultsError(
            f"{path}: expected a manifest written by `dse run`, got a damaged one: {first}{rest}. "
            f"{_intact(out, {})}"
        ) from None
    missing = [name for name in TABLES if name not in checked.files]
    if missing:
        raise ResultsError(f"{path}: files: expected {', '.join(missing)}, got a damaged manifest without.")
    return data


def _intact(out: Path, files: Mapping[str, StoredTable]) -> str:
    """What of a damaged folder can still be relied on, and how to go on."""
    whole = [name for name, entry in files.items() if _is_whole(out / name, entry)]
    kept = f"{', '.join(whole)} {'is' if len(whole) == 1 else 'are'} whole. " if whole else ""
    trials = (out / "study.journal").is_file()
    return kept + (
        "The trials in study.journal are not touched by this: `dse run` writes the tables again from them."
        if trials
        else "Repeat `dse run`, or get the folder again from where it came from."
    )


def _is_whole(path: Path, entry: StoredTable) -> bool:
    try:
        return _digest(read_text(path, TABLE_LIMIT)) == entry.sha256
    except ResultsError:
        return False


def _read(path: Path, entry: StoredTable, axes: tuple[Axis, ...]) -> pd.DataFrame:
    """A table, checked against its digest in the manifest, then cell by cell."""
    text = read_text(path, TABLE_LIMIT)
    # before it is parsed, so that a damaged table is called damaged and not misread
    if _digest(text) != entry.sha256:
        raise ResultsError(
            f"{path}: expected the table that manifest.json describes, got another: it was edited, or a run "
            "was interrupted while it wrote. Repeat `dse run`."
        )
    return checked_table(text, entry, axes, str(path))


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
