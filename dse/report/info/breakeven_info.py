"""What a break-even says: the answer in sentences, the boundary as rows, the map for a picture."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from dse.decide.scenario.assumptions import Assumption
from dse.decide.scenario.breakeven import NEITHER, BreakEven, Crossing
from dse.report.datasheet.section import written_in
from dse.spec.yaml.units import pretty


def amount(knob: Assumption, value: float) -> str:
    """A value of an assumption for people."""
    # bandwidth per byte of SRAM, which people quote per MiB
    if knob.unit == "1/s":
        return f"{pretty(value * 2**20, 'B/s')}/MiB"
    if knob.whole:
        return f"{value:,.0f}"
    return written_in(value, knob.unit)


def sentences(found: BreakEven) -> list[str]:
    """The answer: who wins where, and at which value that changes."""
    if found.y is None:
        return [_row_sentence(found, 0, "")]
    rows_text = []
    for j, y in enumerate(found.ys):
        rows_text.append(_row_sentence(found, j, f"At {found.y.label} {amount(found.y, float(y))}: "))
    return _merged(rows_text, found)


def summary(found: BreakEven) -> str:
    """One sentence over the whole map."""
    if found.y is None:
        return sentences(found)[0]
    wins = [found.winner(j, i) for j in range(len(found.ys)) for i in range(len(found.xs))]
    shares = {name: wins.count(name) / len(wins) for name in dict.fromkeys(wins)}
    text = ", ".join(f"{_side(n)} in {s:.0%} of it" for n, s in sorted(shares.items(), key=lambda i: -i[1]))
    # where a side wins against none, nothing breaks even
    edges = [c for c in found.boundary if NEITHER not in (c.left, c.right)]
    if not edges:
        return f"Over the whole map: {text}; no break-even inside it."
    xs = [c.x for c in edges]
    span = f"{amount(found.x, min(xs))} to {amount(found.x, max(xs))}"
    return f"Over the map: {text}; the break-even {found.x.label} runs from {span}."


def _merged(rows_text: list[str], found: BreakEven) -> list[str]:
    return [summary(found), *rows_text]


def _row_sentence(found: BreakEven, row: int, start: str) -> str:
    """Segments of one row from left to right."""
    # exactly equal: both are the same float of `ys`
    crossings = [c for c in found.boundary if c.y is None or c.y == found.ys[row]]
    x = found.x
    first = found.winner(row, 0)
    if not crossings:
        whole = f"{amount(x, float(found.xs[0]))} to {amount(x, float(found.xs[-1]))}"
        idle = ", which has no effect here" if _idle(found, row) else ""
        return f"{start}{_side(first)} over the whole range of {x.label}, {whole}{idle}."
    parts = [f"{_side(crossings[0].left)} up to {x.label} {amount(x, crossings[0].x)}"]
    # each with the next one, which ends its segment; the last has none
    for c, after in zip(crossings, [*crossings[1:], None], strict=True):
        end = "beyond" if after is None else f"then up to {amount(x, after.x)}"
        parts.append(f"{end} {_side(c.right)}{_because(found, c)}")
    return f"{start}{'; '.join(parts)}."


def _idle(found: BreakEven, row: int) -> bool:
    """Whether every side costs the same all along a row, as where a number is of no concern."""
    costs = found.costs[row]
    # to the last digit: a number that nothing reads changes none
    return bool(np.isfinite(costs[0]).any() and np.array_equal(costs, np.broadcast_to(costs[0], costs.shape)))


def _side(name: str) -> str:
    return (
        "neither side is feasible"
        if name == NEITHER
        else f"{name} wins"
        if name != "others"
        else "others win"
    )


def _because(found: BreakEven, c: Crossing) -> str:
    reasons = {
        "equal cost": f" (both cost {pretty(c.costs[0], '')} there)",
        "step": " (a step: another deployment becomes possible)",
        "first infeasible": f" ({found.sides[0]} meets it on one side only)",
        "second infeasible": f" ({found.sides[1]} meets it on one side only)",
        # the words for the sides say it already
        "nobody": "",
    }
    return reasons[c.why]


def segments(found: BreakEven, row: int) -> Iterator[tuple[float, float, str]]:
    """Left end, right end and winner of each stretch of a row, its ends the solved boundary."""
    inside = [c for c in found.boundary if c.y is None or c.y == found.ys[row]]
    ends = [float(found.xs[0]), *(c.x for c in inside), float(found.xs[-1])]
    # one name more than crossings
    names = [found.winner(row, 0), *(c.right for c in inside)]
    yield from zip(ends[:-1], ends[1:], names, strict=True)


def rows(found: BreakEven) -> Iterator[dict[str, object]]:
    """The boundary as plain rows, in SI."""
    for c in found.boundary:
        yield {
            **({} if found.y is None else {found.y.name: c.y}),
            found.x.name: c.x,
            "left": c.left,
            "right": c.right,
            "why": c.why,
            f"cost_{found.sides[0]}": _number(c.costs[0]),
            f"cost_{found.sides[1]}": _number(c.costs[1]),
        }


def points(found: BreakEven) -> Iterator[dict[str, object]]:
    """The map as plain rows, in SI."""
    for j, y in enumerate(found.ys):
        for i, x in enumerate(found.xs):
            # the axes of costs are y, x and side
            a, b = found.costs[j, i]
            yield {
                **({} if found.y is None else {found.y.name: float(y)}),
                found.x.name: float(x),
                "winner": found.winner(j, i),
                f"cost_{found.sides[0]}": _number(float(a)),
                f"cost_{found.sides[1]}": _number(float(b)),
                f"chip_{found.sides[0]}": _chip(found.best_chips[j, i, 0], float(a)),
                f"chip_{found.sides[1]}": _chip(found.best_chips[j, i, 1], float(b)),
            }


def _chip(name: object, cost: float) -> str | None:
    """The best chip of a side; none where all of them are infeasible."""
    return str(name) if np.isfinite(cost) else None


def _number(value: float) -> float | None:
    # infinite where a side has no feasible chip, which JSON cannot say
    return value if np.isfinite(value) else None


def as_dict(found: BreakEven) -> dict[str, object]:
    """Plain data for JSON, in SI."""

    def knob(k: Assumption | None) -> dict[str, object] | None:
        if k is None:
            return None
        where = [str(p) for p in k.places]
        return {
            "name": k.name,
            "label": k.label,
            "unit": k.unit,
            "low": k.low,
            "high": k.high,
            "now": k.now,
            "places": where,
        }

    return {
        "study": found.study.slug,
        "between": list(found.sides),
        "limits": dict(found.limits),
        "x": knob(found.x),
        "y": knob(found.y),
        "answer": sentences(found),
        "boundary": list(rows(found)),
        "points": list(points(found)),
        "chips_tried": found.tried,
        "chips_carried": found.carried,
    }


def lines(found: BreakEven) -> list[list[tuple[float, float]]]:
    """Boundary points (x, y) joined from row to row: the nth change of each kind belongs to the nth line."""
    strands: dict[tuple[str, str, int], list[tuple[float, float]]] = {}
    # groupby takes runs of equal keys, and the boundary is solved row by row
    for _, group in groupby(found.boundary, key=lambda c: c.y):
        seen: dict[tuple[str, str], int] = {}
        for c in group:
            kind = (c.left, c.right)
            n = seen.get(kind, 0)
            seen[kind] = n + 1
            strands.setdefault((*kind, n), []).append((c.x, float(c.y or 0.0)))
    return list(strands.values())
