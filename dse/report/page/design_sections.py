"""Sections of a study page that list designs: the best at each target, all designs, and their cards."""

from collections.abc import Mapping, Sequence

from dse.evaluate.detail import DesignDetail
from dse.front.axis import Axis
from dse.front.tables import Row
from dse.plugins import metrics_of
from dse.question.chip_names import pair_name
from dse.report.drawing.style import kind_label
from dse.report.info.card_info import card_of, role_label, roles_of
from dse.report.info.evidence import Evidence, identity
from dse.report.info.stacked_bars_info import rivals_at
from dse.report.page.card import card_html
from dse.report.page.html import Child, Html, joined, tag
from dse.report.page.script_data import baseline_key, front_key, listed
from dse.report.page.table import Cell, cell, table
from dse.report.page.uncertainty_table import uncertainty_table
from dse.report.words.answer import best_label
from dse.report.words.eligibility import Eligibility
from dse.report.words.part_names import counted, word
from dse.report.words.quantities import chosen, is_of_member, quantity, shown

CAPTION = "Designs on the front and deployments of the baselines; click a heading to sort"
CAPTION_OF_PAIRS = "Pairs on the fronts, and those solved at targets; click a heading to sort"
_LAYOUT = ("price_usd", "batch", "tp", "cp", "pp", "dp")


def best_section(found: Evidence) -> Html:
    """The best design and the best baseline at each target, how certain they are, and their cards."""
    result = found.answer
    # without targets the best of each objective, and no table by target
    if result.target is None:
        keyed = [(_key(found, r), best_label(found.front, r)) for r in result.best]
        return _cards(found, {key: head for key, head in keyed if key})
    goal, target = result.objective, result.target
    limits = [float(row[f"target_{target.column}"]) for row in result.best]
    rivals = rivals_at(found, limits)
    heads: dict[str, str] = {}
    rows = []
    for limit, row, rival in zip(limits, result.best, rivals, strict=True):
        at = shown(limit, target.unit)
        own = _key(found, row) if row["found"] else None
        other = _baseline_key(found, rival) if rival else None
        # a baseline that is itself the best gets one card
        both = own and rival is not None and identity(rival) == identity(row)
        for key, what in ((own, "best"), (None if both else other, "best baseline")):
            if key:
                # a design that is best at several targets has one card
                heads[key] = f"{heads[key]}, {at}" if key in heads else f"{what} within {at}"
        rows.append([at, *_best_cells(own, row, goal), *_best_cells(other, rival, goal)])
    names = [
        f"{target.label} at most",
        "best design",
        goal.label,
        "chips",
        quantity("capex_usd").label,
        "best baseline",
        goal.label,
        "chips",
        quantity("capex_usd").label,
    ]
    # columns 1 and 5 are names of designs, all others numbers
    body = [
        tag("tr", [tag("td", c, class_="n" if i not in (1, 5) else "wrap") for i, c in enumerate(r)])
        for r in rows
    ]
    head = [tag("th", n, scope="col", class_="n" if i not in (1, 5) else None) for i, n in enumerate(names)]
    made = tag("table", tag("thead", tag("tr", head)), tag("tbody", body))
    return joined(
        tag("div", made, class_="scroll", tabindex=0, role="region", aria_label="Best at each target"),
        uncertainty_table(found.sampled),
        _cards(found, heads),
    )


def _best_cells(key: str | None, row: Row | None, goal: Axis) -> list[Child]:
    """Name, goal, chips and capital of one design of the table; dashes where there is none."""
    if key is None or row is None:
        return ["none", "-", "-", "-"]
    kind = kind_label(str(row.get("branch") or ""))
    return [
        joined(_button(key, str(row["chip"])), f" {kind}"),
        shown(row[goal.column], goal.unit),
        counted(row.get("chips") or 0),
        shown(row.get("capex_usd"), "USD"),
    ]


def _key(found: Evidence, row: Row) -> str | None:
    """Of a design of the front, or of a baseline that is the best of those that may win.

    None where neither table has it: tables of damaged results may say different things of one design.
    """
    # the front first: a baseline on it is listed there alone
    number = _number_in(found.rows, row)
    return _baseline_key(found, row) if number is None else front_key(number)


def _baseline_key(found: Evidence, row: Row) -> str | None:
    number = _number_in(found.baselines, row)
    return None if number is None else baseline_key(number)


def _number_in(rows: Sequence[Row], row: Row) -> int | None:
    wanted = identity(row)
    return next((i for i, own in enumerate(rows) if identity(own) == wanted), None)


def _cards(found: Evidence, heads: Mapping[str, str]) -> Html:
    every = keyed_rows(found)
    return tag(
        "div",
        [card_html(card_of(*every[key]), head, folded=True) for key, head in heads.items()],
        class_="cards",
    )


def keyed_rows(found: Evidence) -> dict[str, tuple[Row, DesignDetail | None]]:
    """Every row of the page with its details, by what scripts call it."""
    """Every row of the page with its details, by what scripts call it."""
    # front and baselines are numbered apart, so a row keeps its number in its own table
    own = {front_key(i): pair for i, pair in enumerate(zip(found.rows, found.seen, strict=True))}
    others = zip(found.baselines, found.seen_baselines, strict=True)
    return own | {baseline_key(i): pair for i, pair in enumerate(others)}


def _button(key: str, text: str) -> Html:
    return tag("button", text, type="button", class_="link", data_card=key)


def designs_section(found: Evidence) -> Html:
    """A sortable table of all designs of the front and of all deployments of the baselines."""
    keyed = keyed_rows(found)
    every = {key: keyed[key] for key in listed(found)}
    usual = (*(metric.column for metric in metrics_of("table")), *_LAYOUT)
    # a column that no design has would be all dashes
    given = [c for c in usual if any(row.get(c) is not None for row, _ in every.values())]
    if all((row.get("cp") or 1) == 1 for row, _ in every.values()):
        given = [c for c in given if c != "cp"]
    names = dict.fromkeys(c for row, _ in every.values() for c in row)
    parts = list(dict.fromkeys(label for _, seen in every.values() if seen for label in seen.parts))
    # kinds of the chips of pools are in the column of kinds
    members = [c for c in names if is_of_member(c) and not c.endswith((".branch", ".dp"))]
    own = [*members, *(f"{label}.bound_by" for label in parts)]
    # sorted, since designs of several branches bring theirs in any order
    parameters = [*sorted(c for c in names if c.startswith("param_")), *own]
    columns = [
        quantity("chip"),
        quantity("kind"),
        *([quantity("ranks_among")] if found.of_pairs else []),
        *(quantity(c) for c in (*given, *parameters)),
        quantity("bound_by"),
    ]
    # listed all the same: a table of all designs hides none, it says what may not win
    who = found.answer.eligibility
    rows = [_table_row(key, row, seen, [*given, *parameters], who) for key, (row, seen) in every.items()]
    made = table(
        "designs",
        columns,
        rows,
        keys=list(every),
        caption=CAPTION_OF_PAIRS if found.of_pairs else CAPTION,
    )
    downloads = [
        tag("button", f"Download {form.upper()}", type="button", data_download=form)
        for form in ("csv", "json")
    ]
    what = "pairs" if found.of_pairs else "designs"
    note = tag("span", f"the {what} that pass the filters above, in this order, in SI units", class_="quiet")
    return joined(tag("div", downloads, note, class_="bar screen-only"), made)


def _table_row(
    key: str, row: Row, seen: DesignDetail | None, columns: Sequence[str], who: Eligibility
) -> dict[str, Cell]:
    """The cells of one design in the table of all designs."""
    name = str(row.get("chip"))
    family = who.family(name, str(row.get("role")))
    anchors = "unanchored" if family in who.unanchored else ""
    # pairs are of several kinds, and rank among some prices
    kinds = [str(row.get(f"{role}.branch") or "") for role in roles_of(row)]
    kind = pair_name(map(kind_label, kinds)) if kinds else kind_label(str(row.get("branch") or ""))
    role = "" if kinds else role_label(row, seen)
    among = str(who.group_of.get(family, ""))
    description = ", ".join(text for text in (kind, role, anchors) if text)
    bound = word(seen.bound_by) if seen and seen.bound_by else None
    waits = {f"{label}.bound_by": word(own.bound_by) for label, own in (seen.parts if seen else {}).items()}
    return {
        "chip": Cell(_button(key, name), name),
        "kind": Cell(description, description),
        "ranks_among": Cell(among, among),
        # the bottleneck of a part, the name that a parameter chose, or the number
        **{c: cell(waits.get(c) or chosen(row, c) or row.get(c), quantity(c)) for c in columns},
        "bound_by": cell(bound, quantity("bound_by")),
    }


def card_templates(found: Evidence) -> Html:
    """Every card, for the dialog; a template costs a browser no layout."""
    return joined(
        tag("template", card_html(card_of(row, seen)), id=f"card-{key}")
        for key, (row, seen) in keyed_rows(found).items()
    )
