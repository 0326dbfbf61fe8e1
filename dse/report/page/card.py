"""A card as HTML; every number comes from `card_info`."""

from collections.abc import Iterable, Sequence

from dse.report.drawing.style import PARTS, kind_label
from dse.report.info.card_info import Card, CardPart, CardPool, Fact, Ledger
from dse.report.page.html import Html, joined, tag
from dse.report.words.part_names import word
from dse.report.words.quantities import shown

_COLOURS = len(PARTS)
_KINDS = ("sram-only", "dram-only", "hybrid")


def card_html(card: Card, heading: str | None = None, *, folded: bool = False) -> Html:
    """One card; `heading` says why it is shown, `folded` hides all ledgers but the first at first."""
    # a class of the style sheet, which knows no branches of other spaces
    kind = card.kind if card.kind in _KINDS else "other"
    return tag(
        "article",
        tag("p", heading, class_="quiet") if heading else None,
        tag("h3", card.name),
        tag("p", card.role if card.pools else _kind(card), class_="quiet"),
        facts([*card.results, *card.deployment]),
        tag("p", "Bound by ", tag("strong", card.bound_by), ".") if card.bound_by else None,
        _ledgers(card.ledgers, folded),
        [_part(part) for part in card.parts],
        [_pool(pool) for pool in card.pools],
        tag("details", tag("summary", "The chip"), facts(card.chip)) if card.chip else None,
        # open where there is something to see
        tag("details", tag("summary", "Constraints"), _constraints(card), open=_violated(card)),
        [tag("p", note, class_="note") for note in card.notes],
        class_=f"card {kind}",
    )


def _kind(card: Card) -> str:
    return ", ".join(t for t in (kind_label(card.kind), card.role) if t)


def _pool(pool: CardPool) -> Html:
    """The chip, the layout and the bytes of one pool; open, since these make the pair."""
    return tag(
        "details",
        tag("summary", pool.label),
        facts(pool.facts),
        [ledger_html(ledger) for ledger in pool.ledgers],
        tag("details", tag("summary", "The chip"), facts(pool.chip)),
        open=True,
    )


def _part(part: CardPart) -> Html:
    return tag(
        "details",
        tag("summary", part.label),
        tag("p", "Bound by ", tag("strong", part.bound_by), ".") if part.bound_by else None,
        [ledger_html(ledger) for ledger in part.ledgers],
    )


def _ledgers(ledgers: Sequence[Ledger], folded: bool) -> Html:
    made = [ledger_html(ledger) for ledger in ledgers]
    # a fold around nothing would be an empty button
    if not folded or len(made) < 2:
        return joined(made)
    return joined(made[0], tag("details", tag("summary", "All breakdowns"), made[1:]))


def facts(pairs: Iterable[Fact]) -> Html:
    """A list of names and values."""
    return tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in pairs], class_="facts")


def ledger_html(ledger: Ledger) -> Html:
    """A strip of the shares of a total, and the parts below it, the largest first."""
    total = ledger.total
    # the colour is taken before sorting: it belongs to the part, so it is the same on every card
    parts = [(i % _COLOURS, name, value) for i, (name, value) in enumerate(ledger.parts) if value != 0.0]
    parts.sort(key=lambda part: -part[2])
    # a part below 0, such as a saving, has no width
    strip = [tag("i", class_=f"p{i}", style=f"width:{100 * max(v, 0.0) / total:.2f}%") for i, _, v in parts]
    named = [
        tag("li", f"{word(name)} {shown(v, ledger.unit)}, {100 * v / total:.1f} %", class_=f"p{i}")
        for i, name, v in parts
    ]
    return tag(
        "div",
        tag("strong", ledger.title),
        # hidden from screen readers: the list below says the same
        tag("div", strip, class_="strip", aria_hidden="true"),
        tag("ul", named),
        class_="ledger",
    )


def _violated(card: Card) -> bool:
    return any(over for _, _, over in card.constraints)


def _constraints(card: Card) -> Html:
    return tag(
        "ul",
        [
            tag("li", f"{name}: ", tag("span", text, class_="warn" if over else "good"))
            for name, text, over in card.constraints
        ],
    )
