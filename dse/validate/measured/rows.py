"""A table of measurements, ours or an external one: one metric of one run a row."""

import csv
import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured import spellings

METRICS: Final = {
    "tpot_ms": "tpot",
    "tok_s_user": "tpot",
    "ttft_ms": "ttft",
    "prefill_ms": "ttft",
    "e2e_s": "end_to_end",
    "decode_tok_s_total": "throughput",
    "tok_s_per_chip": "throughput",
    "total_tok_s_incl_input": "throughput",
}
"""Metric of the table to the family whose error it belongs to."""

KINDS: Final = ("static", "concurrency", "mean_in_flight", "max_seqs", "unknown")
"""How the batch column counts: a fixed batch, users in a closed loop, samples in flight on average, a
ceiling, or nothing said (the engine fills its capacity)."""

REQUIRED: Final = ("chip", "llm", "weights", "isl", "osl", "metric", "value")

OTHER_TABLES: Final = {
    "article": "claims",
    "silicon": "areas, powers and unit costs",
    "dataflow": "speeds compared with ours",
}
"""Tables that are shown in a way of their own, and what they hold; `dse validate` knows them."""

SUFFIXES: Final = (".csv", ".tsv", ".gz")
"""What looks like a file."""

DATE: Final = re.compile(r"^\d{4}(-\d{2}){0,2}")
PLAIN: Final = frozenset({"none", "no", "off", "false", "0"})
"""What a table writes where nothing is drafted."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One metric of one run; lengths in tokens, counts of the whole system."""

    where: str
    run: str
    source: str
    date: str
    """ISO form, as much of it as is known; the empty string when nothing is."""
    chip: str
    chips: float | None
    llm: str
    weights: str
    kv: str
    activations: str
    tp: float | None
    pp: float | None
    ep: float | None
    dp: float | None
    batch: float | None
    kind: str
    isl: float
    osl: float
    metric: str
    stat: str
    value: float
    engine: str
    quality: str
    spec_decode: str
    accepted: float | None = None
    """Tokens that a step with drafts yields on average, where it is stated."""
    vendor: str = ""
    basis: str = ""
    """Who says so: measured, a third party, the vendor."""
    ours: str = ""
    """Columns that the source does not state, and why they have the values that they have."""
    unclear: str = ""
    """Why the row cannot be predicted; the empty string when it can."""


def find_table(name: str, catalog: Catalog, others: Sequence[str] = ()) -> Path:
    """A CSV by path, or a bundled table of measurements by name.

    `others` are further tables that the hint may name. Raises `SpecError` with the nearest names.
    """
    found: dict[str, Path] = {}
    for folder in catalog.folders:
        for path in sorted((folder / "measurements").glob("published*.csv*")):
            # the first folder wins, so that a table of one's own replaces ours
            found.setdefault(path.name.partition(".")[0], path)
    # a name of ours wins over a file that is called so
    if name in found:
        return found[name]
    given = Path(name)
    # a named pipe too, such as <(...) of a shell
    if given.is_file() or given.is_fifo():
        return given
    if given.is_dir():
        known = ", ".join(sorted([*found, *others]))
        raise spec_error("", f"expected a CSV or a table ({known}), got the folder {name!r}")
    if given.exists():
        raise spec_error("", f"expected a CSV, got {name!r}, which is not a regular file")
    if given.suffix in SUFFIXES or "/" in name:
        raise spec_error("", f"expected a CSV, got {name!r}, which does not exist")
    if name in OTHER_TABLES:
        what = f"expected a table of measured speeds, got {name!r}, which holds {OTHER_TABLES[name]}"
        raise spec_error("", f"{what}; known: {', '.join(sorted(found))}")
    raise spec_error("", f"unknown table {name!r}; {nearest(name, [*found, *others])}")


def read_rows(path: Path) -> list[Measured]:
    """Every row of a CSV in the documented columns, in any order; raises `SpecError` with all problems.

    What is no number is a problem of the table; what is a number of something else (a metric that is not
    predicted, lengths that are not stated) is a row that says why it is `unclear`.
    """
    # line ends as they are: `csv` itself treats those inside quotes
    with StringIO(_text(path), newline="") as file:
        reader = csv.reader(file, delimiter=_delimiter(file))
        names = spellings.columns(next(reader, []))
        missing = [n for n in REQUIRED if n not in names]
        if missing:
            raise spec_error(
                f"{path}:1", f"expected the columns {', '.join(REQUIRED)}, missing {', '.join(missing)}"
            )
        problems: list[Problem] = []
        rows = []
        for cells in reader:
            # a line that ends early has blanks there, cells beyond the header are dropped
            given = {name: spellings.cell(name, text) for name, text in zip(names, cells, strict=False)}
            if not any(given.values()):
                continue
            try:
                rows.append(_row(f"{path.name}:{reader.line_num}", given))
            except ValueError as error:
                problems.append(Problem(f"{path}:{reader.line_num}", str(error)))
    if problems:
        raise SpecError(problems)
    if not rows:
        raise spec_error(str(path), "expected at least one row, got none")
    return rows


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        # utf-8-sig, because spreadsheets begin a file with a byte order mark
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise spec_error(str(path), f"expected a CSV, cannot read it: {error}") from None


def _delimiter(file: StringIO) -> str:
    """Comma, unless the header has more semicolons or tabs."""
    head = file.readline()
    file.seek(0)
    # of equal counts the first, which is the comma
    return max(",;\t", key=head.count)


def _row(where: str, given: Mapping[str, str]) -> Measured:
    """A row from its cells by our names of columns, in the units of our metrics."""
    metric, unit = spellings.metric(given.get("metric", ""))
    value = _number(given, "value", 0.0)
    isl, osl = _number(given, "isl", 0.0), _number(given, "osl", 0.0)
    # 0 and blank both mean that it is not stated
    batch = _number(given, "batch", 0.0) or None
    kind = spellings.kind(given.get("batch_kind", "")) or ("concurrency" if batch else "unknown")
    chips, tp, pp, dp = (_number(given, name, 1.0) for name in ("n_chips", "tp", "pp", "dp"))
    # some tables write dates with slashes
    date = DATE.match(given.get("date", "").replace("/", "-"))
    drafted = given.get("spec_decode", "")
    return Measured(
        where=where,
        # a row that names no run is one by itself
        run=given.get("run_id") or where,
        source=given.get("source_key", ""),
        date=date[0] if date else "",
        chip=given.get("chip", ""),
        llm=given.get("llm", ""),
        weights=spellings.number_format(given.get("weights", "")),
        kv=spellings.number_format(given.get("kv", "")),
        activations=spellings.number_format(given.get("activations", "")),
        chips=chips,
        tp=tp,
        pp=pp,
        ep=_number(given, "ep", 1.0),
        dp=dp,
        batch=batch,
        kind=kind,
        isl=isl or 0.0,
        # a metric that needs no OSL gets one token; the others are refused as unclear
        osl=osl or 1.0,
        metric=metric,
        stat=given.get("stat", ""),
        value=(value or 0.0) * unit,
        engine=given.get("engine", ""),
        quality=given.get("quality", "").upper(),
        spec_decode="" if drafted.lower() in PLAIN else drafted,
        accepted=_number(given, "accepted", 1.0),
        vendor=given.get("vendor", ""),
        basis=given.get("basis", ""),
        ours=given.get("ours", ""),
        unclear=given.get("refused") or _unclear(given, metric, kind, value, isl, osl),
    )


def _unclear(
    given: Mapping[str, str],
    metric: str,
    kind: str,
    value: float | None,
    isl: float | None,
    osl: float | None,
) -> str:
    """Why a row cannot be predicted, whatever chip and LLM it is about."""
    if metric not in METRICS:
        named = given.get("metric") or "blank"
        return f"metric {named!r} is not predicted; {nearest(metric, METRICS)}"
    if kind not in KINDS:
        return f"batch_kind: unknown {kind!r}; {nearest(kind, KINDS)}"
    # relative errors and their logarithms need a value above 0
    if not value:
        return "the value is blank or 0"
    for name in ("chip", "llm", "weights"):
        if not given.get(name):
            return f"{name} is blank"
    needed = {"tpot": (), "ttft": (isl,), "throughput": (isl, osl), "end_to_end": (isl, osl)}
    if None in needed[METRICS[metric]]:
        return "the lengths (isl, osl) are not stated"
    return ""


def _number(given: Mapping[str, str], name: str, minimum: float) -> float | None:
    """The number in a cell, None for a blank one; raises `ValueError` for anything else."""
    text = given.get(name, "")
    if not text:
        return None
    try:
        # thousands may be separated
        value = float(text.replace(",", "").replace("_", ""))
    except ValueError:
        raise ValueError(f"{name}: expected a number, got {text!r}") from None
    if not minimum <= value < float("inf"):  # NaN compares false, and is refused too
        raise ValueError(f"{name}: expected at least {minimum:g}, got {text!r}")
    return value
