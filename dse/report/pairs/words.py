"""What a reader must know of pairs: what they rank among, how they are served, which layouts were tried."""

from collections.abc import Iterator

from dse.evaluate.pools.estimate import DECODE_ONLY, UNMEASURED
from dse.front.files import Front
from dse.front.tables import Row
from dse.question.pools.eligibility import PairEligibility, Standing
from dse.question.pools.study import PooledStudy
from dse.report.words.eligibility import SHOWN
from dse.report.words.part_names import counted
from dse.spec.schema.generation import blocks_note
from dse.text import cp_text

FLEET = (
    "pairs are fleets in their real ratio, so that chips and capital may be fractions; dse estimate --pool "
    "prints the smallest whole system, and pools: system in the workload makes every pair one"
)
GRID = (
    "layouts are those that the study lists, and of sizes that it leaves out those of a coarse grid: batches "
    "and EP between them were not tried"
)
SOLVED = (
    "layouts are those that the study lists; of sizes that it leaves out a coarse grid was paired, and chips "
    "that contend at a target were solved again between its steps"
)
UNRANKED = "unanchored"
"""Head of the line of the best pair that may not win."""
_HOLDERS = ("decode", "attention", "verify")
"""Roles of pools whose batch is the sequences of a replica."""


def notes_of(study: PooledStudy, eligible: PairEligibility, *, solved: bool = True) -> Iterator[str]:
    """What a reader must know of every pair: prices, anchors, assumptions, how it is served, its link.

    Without `solved` its layouts are those of the coarse grid alone.
    """
    yield from eligible.lines()
    work = study.context.workload
    if work.serving == "decode-only":
        yield DECODE_ONLY
    if work.diffusion is not None:
        yield blocks_note(work.diffusion)
    drafts = work.speculation
    if drafts is not None and drafts.llm is not None:
        yield (
            f"drafts of {drafts.llm.name}, {drafts.length} tokens a step; the acceptance, "
            f"{drafts.acceptance:g}, is stated and not predicted"
        )
    if "prefill" in study.pools and work.pools == "fleet":
        yield FLEET
    again = solved and "prefill" in study.pools and study.first.swept and study.spec.report_at
    yield SOLVED if again else GRID
    yield UNMEASURED
    yield study.link.note.replace("; --pool-link", "")


def eligible_of(front: Front, study: PooledStudy) -> PairEligibility:
    """Which pairs of a front may win, by its manifest."""
    return PairEligibility.of(front.manifest, list(study.pools), shown=bool(front.manifest.get(SHOWN)))


def standing_of(eligible: PairEligibility, row: Row) -> Standing:
    """What a pair of a front ranks among."""
    return eligible.standing([str(row[f"{role}.chip"]) for role in eligible.roles])


def layout_text(row: Row, role: str) -> str:
    """The layout of the pool of a row, in words."""
    # CP is left out of tables where all of it is 1
    d = {name: int(row.get(f"{role}.{name}") or 1) for name in ("batch", "tp", "cp", "pp", "ep")}
    ways = f"TP {d['tp']}{cp_text(d)}, PP {d['pp']}" + (f", EP {d['ep']}" if d["ep"] > 1 else "")
    return f"batch {d['batch']:,}, {ways}" if role in _HOLDERS else ways


def chips_text(row: Row, role: str) -> str:
    """The chip of the pool of a row with its number, such as `140 lp30`."""
    return f"{counted(float(row[f'{role}.chips']))} {row[f'{role}.chip']}"
