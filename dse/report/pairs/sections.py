"""Sections of the page of a study of pools: the best pairs at each target with their chips, and notes."""

from collections.abc import Iterable, Mapping, Sequence

from dse.evaluate.detail import DesignDetail
from dse.front.tables import Row
from dse.question.pools.eligibility import PairEligibility
from dse.report.info.card_info import card_of, roles_of
from dse.report.info.evidence import Evidence, identity
from dse.report.page.card import card_html
from dse.report.page.html import Child, Html, joined, tag
from dse.report.pairs.best import BestPair, best_pairs
from dse.report.pairs.picture import other_pictures
from dse.report.pairs.sampled import COLUMNS, SampledTarget, sampled_cells, sampled_note
from dse.report.pairs.words import chips_text, layout_text, notes_of
from dse.report.plots.front_plot import render_front
from dse.report.plots.registry import Figure
from dse.report.words.part_names import counted
from dse.report.words.quantities import quantity, shown

Keyed = Mapping[str, tuple[Row, DesignDetail | None]]
"""Every row of a page with its details, by what scripts call it."""


def best_pairs_section(found: Evidence, keyed: Keyed) -> Html:
    """The best pair at each target within each group of prices, how sure it is, and their cards."""
    result, eligible = found.answer, found.answer.eligibility.pairs
    if eligible is None:
        return joined()
    swept = result.target
    limits = [] if swept is None else [float(row[f"target_{swept.column}"]) for row in result.best]
    rows = [row for row, _ in keyed.values()]
    best = list(best_pairs(rows, eligible, result.objective, swept, limits))
    barred = {(one.prices, one.target) for one in best if not one.ranked}
    # where only unanchored pairs are, their line says so
    best = [one for one in best if one.row is not None or (one.prices, one.target) not in barred]
    keys: dict[object, str] = {}
    for key, (row, _) in keyed.items():
        keys.setdefault(identity(row), key)
    groups = list(dict.fromkeys(one.prices for one in best))
    return joined(
        [_group(found, [b for b in best if b.prices == g], keys, g, groups) for g in groups],
        uncertainty_of_pairs(found),
        _cards(found, best, keys, keyed, several=len(groups) > 1),
    )


def _group(
    found: Evidence, best: Sequence[BestPair], keys: Mapping[object, str], prices: str, groups: Sequence[str]
) -> Html:
    """The table of one group of prices."""
    roles = _roles(found)
    axes = [a for a in found.front.axes if a.name != "usd_per_token_per_second"]
    costs = [a for a in found.front.axes if a.name == "usd_per_token_per_second"]
    shown_axes = [*axes, *costs]
    swept = found.answer.target
    names = ["within" if swept is None else f"{swept.label} at most", "best pair"]
    names += [f"{role}, its layout" for role in roles]
    names += ["chips", quantity("capex_usd").label, *(axis.label for axis in shown_axes)]
    body = [_line(found, one, keys, len(names)) for one in best]
    words = range(1, 2 + len(roles))
    head = [tag("th", n, scope="col", class_=None if i in words else "n") for i, n in enumerate(names)]
    rows = [
        tag("tr", [tag("td", c, class_="wrap" if i in words else "n") for i, c in enumerate(cells)])
        for cells in body
    ]
    made = tag("table", tag("thead", tag("tr", head)), tag("tbody", rows))
    return joined(
        tag("h3", f"Pairs at {prices}") if len(groups) > 1 else None,
        tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=f"Best pairs, {prices}"),
    )


def _line(found: Evidence, one: BestPair, keys: Mapping[object, str], width: int) -> list[Child]:
    """The cells of one pair; dashes where there is none."""
    swept, row = found.answer.target, one.row
    head = "any" if swept is None or one.target is None else shown(one.target, swept.unit)
    if row is None:
        return [head, "none", *["-"] * (width - 2)]
    # below the line of those that may win
    name: Child = str(row["chip"])
    if (key := keys.get(identity(row))) is not None:
        name = tag("button", str(row["chip"]), type="button", class_="link", data_card=key)
    pools = [f"{chips_text(row, role)}, {layout_text(row, role)}" for role in _roles(found)]
    axes = sorted(found.front.axes, key=lambda a: a.name == "usd_per_token_per_second")
    values = [shown(row[axis.column], axis.unit) for axis in axes]
    capital = shown(row.get("capex_usd"), "USD")
    mark = None if one.ranked else " unanchored, not ranked"
    return [head, joined(name, mark), *pools, counted(float(row["chips"])), capital, *values]


def _roles(found: Evidence) -> list[str]:
    return next((roles_of(row) for row in (*found.rows, *found.baselines)), [])


def _cards(
    found: Evidence,
    best: Iterable[BestPair],
    keys: Mapping[object, str],
    keyed: Keyed,
    *,
    several: bool,
) -> Html:
    """A card for each best pair, with all that it is the best for; unanchored ones where no other is."""
    swept, heads = found.answer.target, dict[str, str]()
    told = list(best)
    won = {one.prices for one in told if one.ranked and one.row is not None}
    for one in told:
        if one.row is None or (not one.ranked and one.prices in won):
            continue
        if (key := keys.get(identity(one.row))) is None:
            continue
        at = "" if swept is None or one.target is None else shown(one.target, swept.unit)
        what = f"best{'' if one.ranked else ' unanchored'} pair{f' at {one.prices}' if several else ''}"
        first = f"{what} within {at}" if at else what
        heads[key] = f"{heads[key]}, {at}" if key in heads else first
    made = [card_html(card_of(*keyed[key]), head, folded=True) for key, head in heads.items()]
    return tag("div", made, class_="cards")


def uncertainty_of_pairs(found: Evidence) -> Html:
    """P10, median, P90 and chances of the best pairs at each target; empty without samples."""
    study, sampled = found.pooled, found.sampled_pairs
    if study is None or not sampled:
        return joined()
    goal, swept = study.first.goal, study.first.swept
    several = len({at.prices for at in sampled}) > 1
    names = ["within" if swept is None else f"{swept.label} at most", *(["prices"] if several else [])]
    names += COLUMNS
    words = range(1, len(names) - len(COLUMNS) + 1)
    head = [tag("th", n, scope="col", class_=None if i in words else "n") for i, n in enumerate(names)]
    rows = []
    for at in sampled:
        for cells in sampled_cells(at.found, goal, shown):
            line = [_limit(found, at), *([at.prices] if several else []), *cells]
            rows.append([tag("td", c, class_="wrap" if i in words else "n") for i, c in enumerate(line)])
    made = tag("table", tag("thead", tag("tr", head)), tag("tbody", [tag("tr", row) for row in rows]))
    box = tag(
        "div", made, class_="scroll", tabindex=0, role="region", aria_label="Uncertainty of the best pairs"
    )
    note = tag("p", f"{sampled_note(sampled[0].found)}.", class_="quiet")
    return joined(tag("h3", f"Uncertainty of {goal.label}"), box, note)


def _limit(found: Evidence, at: SampledTarget) -> str:
    swept = None if found.pooled is None else found.pooled.first.swept
    return "any" if at.target is None or swept is None else shown(at.target, swept.unit)


def notes_below(found: Evidence, eligible: PairEligibility) -> list[str]:
    """What a reader must know of every pair, each a sentence."""
    notes = eligible.lines() if found.pooled is None else notes_of(found.pooled, eligible)
    return [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in notes]


def other_fronts(found: Evidence) -> Html:
    """Pictures of the pairs that do not rank among those of the interactive picture."""
    made = []
    for name, info in other_pictures(found.front):
        figure = Figure(title=name, note="", svg=render_front(info, ".svg"))
        picture = tag("img", class_="picture", src=figure.address, alt=f"The front of {name}")
        made.append(tag("details", tag("summary", f"The front of {name}"), picture))
    return joined(made)
