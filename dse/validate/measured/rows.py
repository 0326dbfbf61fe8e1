"""A table of measurements, ours or an external one: one metric of one run a row."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dse.errors import Problem, SpecError, nearest, spec_error, told
from dse.spec.catalog.lookup import Catalog
from dse.spec.yaml.units import plain_number
from dse.text import short
from dse.validate.measured.reading import phases, spellings
from dse.validate.measured.reading.serving import Clues, modes
from dse.validate.measured.reading.table import rows_in

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

OTHER_TABLES: Final = {
    "article": "claims",
    "silicon": "areas, powers and unit costs",
    "dataflow": "speeds compared with ours",
}
"""Tables that are shown in a way of their own, and what they hold; `dse validate` knows them."""

SUFFIXES: Final = (".csv", ".tsv", ".gz")
"""What looks like a file."""

MOST_NAMES: Final = 500
"""Different chips, LLMs and engines of a table, each of which is looked up."""
LARGEST: Final = 1e12
"""Of a measured value, a length or a batch."""
MOST_WAYS: Final = 1e6
"""Of chips, and of ways that they are used in."""

_AGREE: Final = (
    "source date chip chips llm weights kv activations tp pp ep dp batch kind isl osl engine spec_decode "
    "serving prefill_chips decode_chips"
)
SETTING: Final = tuple(_AGREE.split())
"""Fields that agree in rows of one run where no run is named."""

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
    phase: str = ""
    """What the value covers: decode, prefill, both; the empty string when nothing is stated."""
    serving: str = ""
    """How requests were served, as stated: static, aggregated, chunked, disaggregated, decode-only."""
    prefill_chips: float | None = None
    """Chips of the pool that prefills, of a system with pools."""
    decode_chips: float | None = None
    """Chips of the pool that decodes; the layout and the batch are those of this pool."""
    mode: str = "aggregated"
    """Serving mode that the row is predicted in, by what it and the rows of its run state."""
    assumed: str = ""
    """What is not stated of the mode but taken; the empty string when nothing."""
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
    rows: list[Measured] = []
    problems: list[Problem] = []
    for line, given in rows_in(path):
        try:
            rows.append(_row(f"{path.name}:{line}", given))
        except ValueError as error:
            problems.append(Problem(f"{path}:{line}", str(error)))
    if problems:
        raise SpecError(told(problems))
    if not rows:
        raise spec_error(f"{path}:1", "expected at least one row, got none")
    _hold_names(path, rows)
    return _served(rows)


def _served(rows: Sequence[Measured]) -> list[Measured]:
    """The rows with the serving mode that each is predicted in."""
    clues = [
        Clues(
            run=run_of(row),
            family=METRICS.get(row.metric, ""),
            kind=row.kind,
            phase=row.phase,
            serving=row.serving,
        )
        for row in rows
    ]
    return [
        replace(row, mode=found.name, assumed=found.assumed)
        for row, found in zip(rows, modes(clues), strict=True)
    ]


def run_of(row: Measured) -> tuple[object, ...]:
    """Equal for rows of one run: of one name, or without a name of one setting in all that is stated."""
    if row.run != row.where:
        return row.source, row.run
    return tuple(getattr(row, name) for name in SETTING)


def _hold_names(path: Path, rows: Sequence[Measured]) -> None:
    """Raise `SpecError` for more different names than can be looked up in a few seconds."""
    counts = {name: len({getattr(row, name) for row in rows}) for name in ("chip", "llm", "engine")}
    problems = [
        Problem(
            f"{path}:1", f"{name}: expected at most {MOST_NAMES} different ones in a table, got {count:,}"
        )
        for name, count in counts.items()
        if count > MOST_NAMES
    ]
    if problems:
        raise SpecError(problems)


def _row(where: str, given: Mapping[str, str]) -> Measured:
    """A row from its cells by our names of columns, in the units of our metrics."""
    metric, unit = spellings.metric(given.get("metric", ""))
    value = _number(given, "value", 0.0)
    isl, osl = _number(given, "isl", 0.0), _number(given, "osl", 0.0)
    # 0 and blank both mean that it is not stated
    batch = _number(given, "batch", 0.0) or None
    kind = spellings.kind(given.get("batch_kind", "")) or ("concurrency" if batch else "unknown")
    chips, tp, pp, dp = (_ways(given, name) for name in ("n_chips", "tp", "pp", "dp"))
    prefilling, decoding = _ways(given, "prefill_chips"), _ways(given, "decode_chips")
    phase, serving = phases.phase(given.get("phase", "")), phases.serving(given.get("serving", ""))
    if serving == "disaggregated":
        chips, decoding = _pools(chips, prefilling, decoding, tp, pp, dp)
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
        ep=_ways(given, "ep"),
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
        phase=phase,
        serving=serving,
        prefill_chips=prefilling,
        decode_chips=decoding,
        ours=given.get("ours", ""),
        unclear=given.get("refused")
        or _unclear(given, metric, kind, value, isl, osl)
        or phases.unreadable(phase, serving, metric, METRICS[metric])
        or _without_pool(serving, decoding),
    )


def _pools(
    chips: float | None,
    prefilling: float | None,
    decoding: float | None,
    tp: float | None,
    pp: float | None,
    dp: float | None,
) -> tuple[float | None, float | None]:
    """Chips of a system with pools and of its pool that decodes, where one follows from the other."""
    if decoding is None and chips is not None and prefilling is not None and chips > prefilling:
        decoding = chips - prefilling
    # a layout in full is that of the pool that decodes
    if decoding is None and tp is not None and dp is not None:
        decoding = tp * (pp or 1.0) * dp
    if chips is None and decoding is not None and prefilling is not None:
        chips = prefilling + decoding
    return chips, decoding


def _without_pool(serving: str, decoding: float | None) -> str:
    """Why a system whose pools are not stated cannot be predicted; the empty string for any other."""
    if serving != "disaggregated" or decoding is not None:
        return ""
    return "disaggregated: neither decode_chips nor the layout (tp, dp) of the pool that decodes is stated"


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


def _ways(given: Mapping[str, str], name: str) -> float | None:
    """A number of chips or ways."""
    return _number(given, name, 1.0, MOST_WAYS)


def _number(given: Mapping[str, str], name: str, minimum: float, largest: float = LARGEST) -> float | None:
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
    if value > largest:
        raise ValueError(f"{name}: expected at most {largest:g}, got {short(text)}")
    return float(value)
