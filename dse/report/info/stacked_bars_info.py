"""What pictures of stacked bars show: time, money, bytes, and what binds along the front."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

import numpy as np

from dse.arrays import Floats
from dse.evaluate.detail import DesignDetail
from dse.front.query import best_at_targets
from dse.front.tables import Row, plain_rows
from dse.question.chip_names import BESIDE
from dse.report.drawing.scales import tick_label
from dse.report.drawing.style import kind_label
from dse.report.info.card_info import of_role
from dse.report.info.evidence import Evidence, identity
from dse.report.pairs.best import others_at
from dse.report.words.answer import baselines_of, best_label, ranked, tolerance_of
from dse.report.words.part_names import word
from dse.report.words.quantities import designs, shown

Kind = Literal["binds", "time", "ttft", "cost", "running", "bytes"]
SLOWEST = "; of each design the slowest part of its mix"
MOST = 60
"""Bars along a front; of more designs as many are shown, evenly spread."""


@dataclass(frozen=True, eq=False)
class StackInfo:
    """All numbers and words of a picture of stacked bars."""

    title: str
    subtitle: str
    y_label: str
    x_label: str
    bars: tuple[str, ...]
    """Label of each bar (n,); lines are separated by newlines."""
    kinds: tuple[str, ...]
    """Kind of chip of each bar; empty for pairs, which have several."""
    totals: tuple[str, ...]
    """What each bar means, written above it; empty along a front."""
    parts: tuple[tuple[str, Floats], ...]
    """Part and its size in each bar (n,), in the unit of `y_label`; zero parts are absent."""
    notes: tuple[str, ...]
    dense: bool
    """Whether the bars are a sequence along the front rather than single designs."""


@dataclass(frozen=True)
class _Plan:
    ledger: str
    title: str
    y_label: str
    unit: str
    size: Callable[[float, Row], float] | None = None
    """Size shown of a part in SI, given its row; left out, the share of the total in percent."""


_PLANS: Mapping[Kind, _Plan] = {
    "time": _Plan("tpot_s", "Breakdown of TPOT", "share of TPOT [%]", "s"),
    "ttft": _Plan("ttft_s", "Breakdown of TTFT", "share of TTFT [%]", "s"),
    "cost": _Plan(
        "capex_usd",
        "Breakdown of capital",
        "$/(token/s)",
        "",
        # parts of capital over the output, so that bars are as high as $/(token/s)
        lambda v, row: v / float(row.get("tokens_per_s") or "nan"),
    ),
    "running": _Plan("usd_per_million_tokens", "Breakdown of running cost", "$/Mtok", "", lambda v, _: v),
    "bytes": _Plan("capacity_bytes", "Memory use of the fullest chip", "share of its bytes [%]", "B"),
}
KINDS: tuple[Kind, ...] = ("binds", *_PLANS)


def stack_info(found: Evidence, kind: Kind) -> StackInfo:
    """What to draw: `binds` along the whole front, the others for the best designs and baselines."""
    return _binds(found) if kind == "binds" else _ledger(found, _PLANS[kind])


def _binds(found: Evidence) -> StackInfo:
    """Shares of TPOT by bottleneck for the designs of the front, fastest first."""
    pairs = [(row, seen) for row, seen in zip(found.rows, found.seen, strict=True) if seen is not None]
    who = found.answer.eligibility
    # a front of pairs has those of every basis of prices, each with a front of its own
    of_one = [one for one in pairs if found.of_pairs and who.ranks(who.family(str(one[0]["chip"]), ""))]
    pairs = of_one or pairs
    # the front is sorted by its first objective, which need not be TPOT
    pairs.sort(key=lambda pair: float(pair[0]["tpot_s"]))
    total = len(pairs)
    if total > MOST:
        pairs = [pairs[i] for i in np.unique(np.linspace(0, total - 1, MOST).round().astype(int))]
    sizes = [_shares(seen.ledgers.get("bound_s", {})) for _, seen in pairs]
    few = f", {len(pairs)} of them shown" if len(pairs) < total else ""
    count = designs(total, found.of_pairs)
    mixed = SLOWEST if any(seen.parts for _, seen in pairs) else ""
    return StackInfo(
        title="Bottleneck along the front",
        subtitle=f"{_name(found)}: {count} of the front and its targets{few}, fastest first{mixed}",
        y_label="share of TPOT [%]",
        x_label="TPOT of the design [ms]",
        bars=tuple(tick_label(float(f"{float(row['tpot_s']) * 1e3:.3g}")) for row, _ in pairs),
        kinds=_kinds(found, [row for row, _ in pairs]),
        totals=(),
        parts=_columns(sizes),
        notes=_cautions(found, len(pairs)),
        dense=True,
    )


def _ledger(found: Evidence, plan: _Plan) -> StackInfo:
    """One breakdown of the best designs and baselines, in absolute numbers or shares."""
    pairs = [(label, row, seen) for label, row, seen in winners(found) if seen is not None]
    if plan.size is None:  # seconds and bytes are those of one cluster, so a mix has them for each part
        pairs = [one for pair in pairs for one in _parts(*pair)]
    title, which = plan.title, _which(found)
    # bytes of two pools lie in no one chip
    if plan.ledger == "capacity_bytes" and found.of_pairs:
        own = {identity(row) for row in found.answer.best}
        pairs = [one for pair in pairs if identity(pair[1]) in own for one in _pools(*pair)]
        title, which = (
            "Memory use of a chip of each pool",
            which.replace(", and best pair of other chips on the front,", ""),
        )
    ledgers = [(seen.ledgers.get(plan.ledger, {}), row) for _, row, seen in pairs]
    size = plan.size
    sizes = [
        _shares(parts) if size is None else {name: size(v, row) for name, v in parts.items()}
        for parts, row in ledgers
    ]
    totals = [
        sum(parts.values()) if size is None else sum(shown_parts.values())
        for (parts, _), shown_parts in zip(ledgers, sizes, strict=True)
    ]
    return StackInfo(
        title=title,
        subtitle=f"{_name(found)}: {which}",
        y_label=plan.y_label,
        x_label="",
        bars=tuple(label for label, _, _ in pairs),
        kinds=_kinds(found, [row for _, row, _ in pairs]),
        totals=tuple(shown(total, plan.unit) for total in totals),
        parts=_columns(sizes),
        notes=_cautions(found, len(pairs)),
        dense=False,
    )


def _parts(label: str, row: Row, seen: DesignDetail) -> list[tuple[str, Row, DesignDetail]]:
    """A bar for each part of a mix; the one bar where there is none."""
    if not seen.parts:
        return [(label, row, seen)]
    return [(f"{label}\n{part}", row, own) for part, own in seen.parts.items()]


def _pools(label: str, row: Row, seen: DesignDetail) -> list[tuple[str, Row, DesignDetail]]:
    """A bar for what fills a chip of each pool."""
    whole = seen.ledgers.get("capacity_bytes", {})
    limit, *_ = label.split("\n")
    return [
        (
            f"{limit}\n{role}\n{row[f'{role}.chip']}",
            row,
            replace(seen, ledgers={"capacity_bytes": of_role(whole, role)}),
        )
        for role in seen.pools
    ]


def _kinds(found: Evidence, rows: Sequence[Row]) -> tuple[str, ...]:
    return () if found.of_pairs else tuple(str(row.get("branch") or "") for row in rows)


def winners(found: Evidence) -> Iterator[tuple[str, Row, DesignDetail | None]]:
    """The best design at each target and the best baseline there with a label, once for neighbours alike.

    Without targets, the best design of each objective.
    """
    result = found.answer
    if result.target is None:
        for row in result.best:
            own, seen = found.design_of(row)
            yield f"{best_label(found.front, row)}\n{_chips(str(own.get('chip')))}", own, seen
        return
    limits = [float(row[f"target_{result.target.column}"]) for row in result.best]
    at_each = zip(limits, result.best, rivals_at(found, limits), strict=True)
    # neighbouring targets with the same two designs share their bars
    for _, run in groupby(at_each, key=lambda at: [identity(row) for row in _pair(*at[1:])]):
        alike = list(run)
        # one end where all of them are one target
        ends = dict.fromkeys(shown(limit, result.target.unit) for limit, _, _ in (alike[0], alike[-1]))
        for best in _pair(*alike[0][1:]):
            own, seen = found.design_of(best)
            kind = "" if found.of_pairs else f"\n{kind_label(str(own.get('branch') or ''))}"
            yield f"within {' to '.join(ends)}\n{_chips(str(own['chip']))}{kind}", own, seen


def _chips(name: str) -> str:
    """Chips of a pair, each on a line of its own."""
    return name.replace(BESIDE, f"{BESIDE.rstrip()}\n")


def _pair(row: Row, rival: Row | None) -> list[Row]:
    """The best design and the best baseline at a target, as far as there are any; one where both are one."""
    best = [row] if row["found"] else []
    return best if rival is None or identity(rival) in map(identity, best) else [*best, rival]


def _which(found: Evidence) -> str:
    """What the bars are."""
    if found.answer.target is None:
        return f"best {'pair' if found.of_pairs else 'design'} of each objective"
    if found.of_pairs:
        return "best pair, and best pair of other chips on the front, at each target"
    return "best design and best baseline at each target, one bar where they are the same"


def rivals_at(found: Evidence, limits: Sequence[float]) -> list[Row | None]:
    """The best baseline that meets each target, of pairs the best of other chips; None where none does."""
    result = found.answer
    if found.of_pairs and result.target is not None:
        every = ranked(found.front)
        return others_at(every, result.eligibility, result.target, limits, result.objective)
    # those alone that may win, as for the best design that they are compared with
    real = result.eligibility.ranked(baselines_of(found.front))
    if result.target is None or not len(real):
        return [None] * len(limits)
    best = best_at_targets(real, result.target, limits, result.objective, tolerance_of(found.front))
    rows = plain_rows(best)
    return [row if row["found"] else None for row in rows]


def _shares(parts: Mapping[str, float]) -> dict[str, float]:
    # shares of nothing are 0, not 0 / 0
    total = sum(parts.values()) or 1.0
    return {name: 100.0 * v / total for name, v in parts.items()}


def _columns(sizes: Sequence[Mapping[str, float]]) -> tuple[tuple[str, Floats], ...]:
    # bars may have other parts: DRAM is in none of a chip without it
    names = dict.fromkeys(name for parts in sizes for name in parts)
    columns = ((word(n), np.array([parts.get(n, 0.0) for parts in sizes])) for n in names)
    # a part that no bar has would be an entry of the legend without colour
    return tuple((name, values) for name, values in columns if values.any())


def _name(found: Evidence) -> str:
    manifest = found.front.manifest
    return str(manifest.get("study") or manifest.get("title") or "front")


def _cautions(found: Evidence, drawn: int) -> tuple[str, ...]:
    return found.cautions if drawn or found.cautions else ("no design to draw",)
