"""The page as Markdown, and the digest of what it rests on."""

import hashlib
from collections.abc import Callable

from dse.calibrate.accuracy import BASELINES, FITTED, Accuracy
from dse.pages.accuracy import words
from dse.pages.accuracy.aims import aims
from dse.pages.accuracy.floor import apart, pairs
from dse.pages.accuracy.rival import RIVALS, said, same_rows
from dse.pages.accuracy.scores import NAMES, architecture_of, layout_of, of, score
from dse.pages.accuracy.tables import Rows, compared, intervals, left_out, percent, table
from dse.pages.accuracy.wrong import wrong
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.architecture import ArchitectureSpec
from dse.spec.schema.system import StackSpec
from dse.validate.measured.batches import Case
from dse.validate.measured.dataflow import TABLE, DataflowComparison, find_bundled
from dse.validate.measured.rows import find_table, read_rows
from dse.validate.measured.summary import reasons

FULL = "published-full"
LATENCY = ("tpot",)
SPEED = ("tpot", "throughput")


def page(found: Accuracy, catalog: Catalog, stamp: str) -> str:
    """The page as Markdown; `stamp` is the digest of what it rests on."""
    rows = found.rows
    full = read_rows(find_table(FULL, catalog))
    parts = [
        words.INTRODUCTION,
        "## Aims\n\nErrors of fitted rows, and of rows left out; the aims are for the latter.\n\n"
        + aims(rows),
        words.FLOOR + apart(pairs(full)),
        "## Rows left out\n\nAll stacks and architectures fitted again without each chip, LLM, source or "
        "engine in turn; an engine without any row is the centre of the others.\n\n" + left_out(rows),
        f"## Do the intervals hold?\n\n{words.INTERVALS}\n{intervals(rows)}",
        _by("metric and kind of batch", rows, "kind", lambda c: c.row.kind, "source"),
        _by("layout", rows, "layout", layout_of, "source", SPEED),
        _by("architecture", rows, "architecture", architecture_of, "chip"),
        _by("engine", rows, "stack", lambda c: c.stack.name, "engine"),
        _by("LLM", rows, "LLM", lambda c: c.llm.name, "llm", LATENCY),
        _by("chip", rows, "chip", lambda c: c.chip.name, "chip", LATENCY),
        _by("source", rows, "source", lambda c: c.row.source, "source", SPEED),
        _peers(rows),
        words.WRONG + wrong(rows) + words.NOT_MODELLED + table(["form", "on rows left out"], words.FORMS),
        _dataflow(found.dataflow),
        "## Not predicted\n\n" + _refused(found),
        words.LIMITS,
        f"Stacks, architectures and measurements of this page: digest `{stamp}`.\n",
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def digest(catalog: Catalog) -> str:
    """Of all that the page rests on: calibrated stacks, architectures and the tables of measurements."""
    stacks = {n: s for n, s in catalog.all(StackSpec).items() if s.estimate == "calibrated"}
    architectures = catalog.all(ArchitectureSpec)
    texts = [f"{n} {s.model_dump_json()}\n" for specs in (stacks, architectures) for n, s in specs.items()]
    tables = [
        *(find_table(name, catalog) for name in ("published", FULL)),
        find_bundled(catalog, TABLE),
        RIVALS,
    ]
    # as bytes, because a table may be compressed
    data = b"".join(path.read_bytes() for path in tables)
    return hashlib.sha256("".join(texts).encode() + data).hexdigest()[:16]


def _by(
    what: str,
    rows: Rows,
    heading: str,
    key: Callable[[Case], str],
    without: str,
    metrics: tuple[str, ...] = tuple(NAMES),
) -> str:
    """A section of errors by what rows have in common."""
    return f"## By {what}\n\n" + compared(rows, heading, key, without, metrics)


def _peers(rows: Rows) -> str:
    """Median and 90th percentile of the same rows under stacks without a fit, and under ours."""
    lines = []
    names = (*BASELINES, FITTED, "source")
    for metric, name in NAMES.items():
        found = [score(of(rows[n], metric)) for n in names]
        cells = [f"{percent(s.median)}, {percent(s.p90)}" if s else "-" for s in found]
        lines.append([name, str(len(of(rows[FITTED], metric))), *cells])
    heads = [*(f"`{n}`" for n in BASELINES), FITTED, "source left out"]
    shown = table(["metric", "n", *(f"{h}: median, p90" for h in heads)], lines)
    return words.PEERS + same_rows(rows, said()) + words.BASELINES + shown + words.PEERS_LINK


def _dataflow(shown: DataflowComparison) -> str:
    """Errors of dataflow chips by vendor, fitted and with the vendor left out, and what is not predicted."""
    lines = []
    # None: all vendors together
    for vendor in (*shown.vendors, None):
        mine = [b for b in shown.rows if b.predicted is not None and vendor in (None, b.row.vendor)]
        inside = [b.inside for b in mine if b.inside is not None]
        fitted, unseen = shown.median(vendor, left_out=False), shown.median(vendor)
        held = sum(inside) / max(len(inside), 1)
        lines.append([vendor or "all", str(len(mine)), percent(fitted), percent(unseen), percent(held)])
    refused = [[f"{b.row.chip}, {b.row.llm}", b.why_not] for b in shown.rows if b.predicted is None]
    heads = ["vendor", "n", "median", "median, vendor left out", "inside"]
    return words.DATAFLOW + table(heads, lines) + "\nNot predicted:\n\n" + table(["row", "why"], refused)


def _refused(found: Accuracy) -> str:
    lines = [[reason, str(n)] for reason, n in reasons(found.predicted.refused)]
    return table(["why", "rows"], lines) if lines else "Every row is predicted.\n"
