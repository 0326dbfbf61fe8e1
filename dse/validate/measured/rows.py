"""A table of measurements, ours or an external one: one metric of one run a row."""

import csv
import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Final

from dse.errors import Problem, SpecError, nearest, spec_error, told
from dse.reading import MIB, TABLE_LIMIT, read_bytes, text_in
from dse.spec.catalog.lookup import Catalog
from dse.spec.yaml.units import plain_number
from dse.text import LONGEST, short
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

MOST_ROWS: Final = 50_000
"""Rows of a table; the largest of ours has 900."""
MOST_COLUMNS: Final = 1_000
LARGEST: Final = 1e12
"""Of a length, a count or a measured value."""
_HEAD: Final = 2**16
"""Letters of a header that are looked at for what separates its cells."""

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
    text = _text(path)
    # line ends as they are: `csv` itself treats those inside quotes
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text))
    rows: list[Measured] = []
    problems: list[Problem] = []
    try:
        names = _names(path, next(reader, []))
        for cells in reader:
            if len(rows) + len(problems) >= MOST_ROWS:
                raise spec_error(
                    f"{path}:{reader.line_num}", f"expected at most {MOST_ROWS:,} rows, got more"
                )
            # a line that ends early has blanks there, cells beyond the header are dropped
            given = {name: spellings.cell(name, text) for name, text in zip(names, cells, strict=False)}
            if not any(given.values()):
                continue
            try:
                rows.append(_row(f"{path.name}:{reader.line_num}", given))
            except ValueError as error:
                problems.append(Problem(f"{path}:{reader.line_num}", str(error)))
    # a cell of more than 128 kB, as behind a quote that is never closed
    except csv.Error as error:
        raise spec_error(f"{path}:{reader.line_num}", f"expected a CSV, cannot read it: {error}") from None
    if problems:
        raise SpecError(told(problems))
    if not rows:
        raise spec_error(f"{path}:1", "expected at least one row, got none")
    return rows


def _names(path: Path, header: Sequence[str]) -> list[str]:
    """Our names of the columns of a header; raises `SpecError` where some are missing, or far too many."""
    if len(header) > MOST_COLUMNS:
        raise spec_error(f"{path}:1", f"expected at most {MOST_COLUMNS:,} columns, got {len(header):,}")
    names = spellings.columns(name[:LONGEST] for name in header)
    missing = [n for n in REQUIRED if n not in names]
    if missing:
        what = f"expected the columns {', '.join(REQUIRED)}, missing {', '.join(missing)}"
        raise spec_error(f"{path}:1", what)
    return names


def _text(path: Path) -> str:
    data = read_bytes(path, TABLE_LIMIT, pipes=True)
    return text_in(unpacked(data, path) if path.suffix == ".gz" else data, path)


def unpacked(data: bytes, path: Path) -> bytes:
    """What gzip packed; raises `SpecError` for what it did not, and for more than a table may hold."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as packed:
            found = packed.read(TABLE_LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise spec_error(str(path), f"expected a CSV, cannot read it: {error}") from None
    if len(found) > TABLE_LIMIT:
        raise spec_error(
            str(path), f"cannot be read: expected at most {TABLE_LIMIT // MIB} MiB unpacked, got more"
        )
    return found


def _delimiter(text: str) -> str:
    """Comma, unless the header has more semicolons or tabs."""
    head = text[:_HEAD].partition("\n")[0]
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
    # thousands may be separated, in groups of three: 1,5 is not 15
    value = plain_number(text.replace(",", "_"))
    if value is None:
        raise ValueError(f"{name}: expected a number, got {short(text)}")
    if value < minimum:
        raise ValueError(f"{name}: expected at least {minimum:g}, got {short(text)}")
    if value > LARGEST:
        raise ValueError(f"{name}: expected at most {LARGEST:g}, got {short(text)}")
    return float(value)
