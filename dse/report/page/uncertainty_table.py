"""Uncertainty of the best design at each target, for a page."""

from dse.front.tables import Row
from dse.report.info.sampled_front import SampledFront
from dse.report.page.html import Html, joined, tag
from dse.report.words.quantities import shown

_HEADS = ("P10", "median", "P90", "is best", "meets target")


def uncertainty_table(found: SampledFront | None) -> Html:
    """P10, median, P90 and probabilities of the best design at each target; empty without samples."""
    result = None if found is None else found.with_spreads(found.answer)
    if found is None or result is None or result.target is None:
        return joined()
    goal, target = result.objective, result.target
    names = [f"{target.label} at most", "best design", goal.label, *_HEADS, "TPOT", "P10 to P90 of TPOT"]
    rows = [
        [
            shown(float(row[f"target_{target.column}"]), target.unit),
            str(row["chip"]),
            shown(row[goal.column], goal.unit),
            *_cells(row),
            shown(row.get("tpot_s"), "s"),
            _of_tpot(row),
        ]
        for row in result.best
        if row["found"]
    ]
    # column 1 is the name of a design
    head = [tag("th", n, scope="col", class_=None if i == 1 else "n") for i, n in enumerate(names)]
    body = [
        tag("tr", [tag("td", c, class_="wrap" if i == 1 else "n") for i, c in enumerate(r)]) for r in rows
    ]
    made = tag("table", tag("thead", tag("tr", head)), tag("tbody", body))
    note = (
        f"{found.drawn.samples} samples of {found.drawn.numbers} uncertain numbers, the same for all "
        "designs; the median of a number is its value. A design is best in a sample where it meets the "
        "target and beats every baseline on the same price basis."
    )
    box = tag(
        "div", made, class_="scroll", tabindex=0, role="region", aria_label="Uncertainty of the best designs"
    )
    return joined(tag("h3", f"Uncertainty of {goal.label}"), box, tag("p", note, class_="quiet"))


def _of_tpot(row: Row) -> str:
    low, high = (shown(row[f"tpot_s_{name}"], "s") for name in ("p10", "p90"))
    return f"{low} to {high}"


def _cells(row: Row) -> list[str]:
    # the label of the goal names its unit
    goal = [shown(row[name], "") for name in ("p10", "p50", "p90")]
    return [*goal, *(f"{row[name]:.0%}" for name in ("probability_best", "probability_meets_target"))]
