"""The page of a study: question, answer, front, designs, baselines, assumptions, and how to repeat it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dse.decide.pairs.sampled import joint
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.report.info.evidence import Evidence
from dse.report.info.front_info import FrontInfo, front_info
from dse.report.page.card import facts
from dse.report.page.design_sections import best_section, card_templates, designs_section, keyed_rows
from dse.report.page.html import Html, joined, tag
from dse.report.page.script_data import (
    Data,
    filters_data,
    front_data,
    rows_data,
)
from dse.report.page.shell import drawing_library, page, scripts
from dse.report.pairs.picture import first_picture, only_text, standings_of
from dse.report.pairs.sections import best_pairs_section, notes_below, other_fronts
from dse.report.plots.registry import Figure, PlotInputs, knows_pools, plots
from dse.report.words.assumptions import assumptions_html
from dse.report.words.listed_grid import lines_below
from dse.report.words.quantities import designs
from dse.report.words.sentence import answer_sentences
from dse.search.analysis.importance import Importance
from dse.search.analysis.progress import Progress

SCRIPTS = ("table.js", "charts.js", "report.js")


@dataclass(frozen=True, kw_only=True, eq=False)
class Extras:
    """What a report shows with the front, where it is known."""

    exact: Front | None = None
    importance: Sequence[Importance] | None = None
    progress: Progress | None = None
    command: str = ""
    """How the results were made."""
    status: str | None = None
    """Address on the same origin that says whether the study has changed; for pages of a server."""
    served: Sequence[str] = ()
    """Addresses of the scripts, for pages of a server; left out, they are part of the page."""
    above: Html = field(default=Html(""))
    """What a server puts above the page."""


def study_report(found: Evidence, extras: Extras | None = None) -> Html:
    """The whole page."""
    more = extras or Extras()
    manifest = found.front.manifest
    title = str(manifest.get("title") or manifest.get("study") or "A study")
    figures = _figures(found, more)
    filters = filters_data(found)
    data: Data = {
        # downloads are called so, and a slash would be a folder
        "name": str(manifest.get("study") or "study").replace("/", "-"),
        "rows": rows_data(found),
        **({"what": "pairs"} if found.of_pairs else {}),
        "filters": filters,
        "front": front_data(_front(found, more)),
        # only what a script draws needs data; pictures are in the page
        "figures": {key: {"draw": f.script, "info": f.data} for key, f in figures.items() if f.script},
    }
    sections = (
        ("front", "The front", _front_section(found, filters)),
        ("best", "The best at each target", _best(found)),
        ("designs-section", "All pairs" if found.of_pairs else "All designs", designs_section(found)),
        ("figures", "Why", _why(figures)),
        ("assumptions", "Assumptions and sources", _assumptions(found)),
        ("repeat", "How to reproduce it", _repeat(found, more)),
    )
    return page(
        title,
        tag("a", "Skip to the answer", href="#answer", class_="skip"),
        more.above,
        tag(
            "main",
            tag("h1", title),
            tag("p", _under(found), class_="quiet"),
            tag("p", tag("strong", "Question. "), str(manifest.get("question") or "not stated").strip()),
            tag("div", [tag("p", s) for s in answer_sentences(found)], class_="answer", id="answer"),
            [tag("p", line, class_="quiet") for line in _below(found)],
            [tag("p", f"Caution: {caution}.", class_="warn") for caution in found.cautions],
            tag("nav", [tag("a", name, href=f"#{key}") for key, name, _ in sections], aria_label="Sections"),
            [tag("section", tag("h2", name), body, id=key) for key, name, body in sections],
            card_templates(found),
        ),
        tag(
            "dialog",
            tag("button", "Close", type="button", id="close", class_="close"),
            tag("div", id="card-body"),
            id="card",
            aria_label="Design",
        ),
        data={"report-data": data},
        # a file must work offline; the pages of a server share scripts that it serves
        inline=() if more.served else (drawing_library(), *scripts(*SCRIPTS)),
        served=more.served,
        status=more.status,
    )


def _front(found: Evidence, more: Extras) -> FrontInfo:
    """The front that a script draws; of pairs those that rank first."""
    if found.of_pairs:
        return first_picture(found.front)
    return front_info(found.front, intervals=found.intervals, exact=more.exact)


def _best(found: Evidence) -> Html:
    """The best designs or pairs at each target."""
    return best_pairs_section(found, keyed_rows(found)) if found.of_pairs else best_section(found)


def _below(found: Evidence) -> Sequence[str]:
    """What a reader must know of the answer."""
    eligible = found.answer.eligibility
    if eligible.pairs is not None:
        return notes_below(found, eligible.pairs)
    return list(lines_below(eligible, found.front.manifest))


def _under(found: Evidence) -> str:
    """The line under the title: what was asked, and how much was found."""
    manifest, study = found.front.manifest, found.single
    asked = [f"LLM {manifest.get('llm', '?')}", f"workload {manifest.get('workload', '?')}"]
    if study is not None and study.members:
        # each part of a mix has an LLM and a workload of its own
        asked = [f"{member.weight:.0%} {member.label}" for member in study.members]
    parts = [f"{manifest.get('study')}", *asked, f"{designs(found.designs, found.of_pairs)} on the front"]
    # a sweep has no trials to count
    if isinstance(manifest.get("trials"), int):
        parts.append(f"{manifest['trials']:,} trials")
    return "  ·  ".join(parts)


def _front_section(found: Evidence, filters: Sequence[Data]) -> Html:
    """Filters, the plot of the front, and its legend."""
    controls = [
        tag(
            "label",
            f"{f['label']} ",
            tag("output", "all", id=f"filter-{f['column']}-shown", for_=f"filter-{f['column']}"),
            # positions, not values: the script spreads them over the range on a log scale
            tag("input", type="range", min=0, max=1000, step=1, value=1000, id=f"filter-{f['column']}"),
        )
        for f in filters
    ]
    return joined(
        tag("div", controls, class_="filters screen-only") if controls else None,
        _approximate(found, filters),
        tag(
            "p",
            tag("span", id="count", role="status"),
            " ",
            tag("button", "Show all", type="button", id="reset", class_="screen-only") if controls else None,
        ),
        tag(
            "figure",
            tag(
                "div",
                id="front-plot",
                class_="plot",
                tabindex=0,
                # its script handles the arrow keys, which screen readers keep to themselves elsewhere
                role="application",
                aria_label="The front: left and right arrows move along it, Enter opens a design",
            ),
            # read aloud when the script moves to another design
            tag("p", id="said", role="status", class_="quiet"),
            tag("figcaption", _legend(found)),
        ),
        other_fronts(found) if found.of_pairs else None,
    )


def _approximate(found: Evidence, filters: Sequence[Data]) -> Html | None:
    """That a filter on what shaped no front only picks from it."""
    axes = {axis.column for axis in found.front.axes}
    others = [str(f["label"]) for f in filters if f["column"] not in axes]
    # objectives shaped the front, so filters on them select from all that is best
    if not others:
        return None
    study = str(found.front.manifest.get("study") or "STUDY")
    # trials of pairs are not searched again
    what, where = ("pairs", "pairs") if found.of_pairs else ("designs", "trials")
    said = (
        f"The search did not optimise {' and '.join(others)}: these filters only select {what} of the "
        f"front, and better {what} may exist. To search all stored {where}, use "
    )
    command = tag("code", f"dse front {study} --where")
    return tag("p", said, command, ".", class_="quiet screen-only")


def _legend(found: Evidence) -> str:
    if found.of_pairs:
        return _legend_of_pairs(found)
    bars = "Bars show the 80 % interval of the software stack where it is calibrated. "
    marks = "Filled marks are searched designs, hollow marks are baselines. "
    lines = "Each line is the front of one baseline. "
    use = "Hover to see a design; click or press Enter to open its card."
    return f"{bars if any(found.intervals.values()) else ''}{marks}{lines}{use}"


def _legend_of_pairs(found: Evidence) -> str:
    (first, _), *others = standings_of(found.front)
    which = f"These are the {only_text(first)}; others rank apart and are below. " if others else ""
    looks = "Each pair of chips, or of kinds of chips, has a colour of its own; hollow marks are pairs "
    lines = "Each line is the front of one pair. " if len(found.front.baselines) else ""
    use = "Hover to see a pair; click or press Enter to open its card."
    return f"{which}{looks}of the catalog. {lines}{use}"


def _figures(found: Evidence, more: Extras) -> dict[str, Figure]:
    """The figure of every plot that has something to show, by its name on the page."""
    # without trials: a page shows what its server or command has worked out of them
    given = PlotInputs(found=found, exact=more.exact, importance=more.importance, progress=more.progress)
    # one of another package may know single chips alone
    known = [plot for plot in plots() if not found.of_pairs or knows_pools(plot)]
    made = ((f"figure-{plot.name}", plot.figure(given)) for plot in known)
    return {key: figure for key, figure in made if figure is not None}


def _why(figures: Mapping[str, Figure]) -> Html:
    """All figures, one below the other."""
    return joined([_figure(*each) for each in figures.items()] or tag("p", "There is no design to draw."))


def _figure(key: str, figure: Figure) -> Html:
    """A figure with its heading and its note; a script draws into it, or it is a picture."""
    words, size = f"{figure.title}: {figure.note}", "plot broad" if figure.wide else "plot low"
    drawn = (
        tag("div", id=key, class_=size, role="img", aria_label=words, style=_width(figure))
        if figure.script
        else tag("img", id=key, class_="picture", src=figure.address, alt=words)
    )
    return tag(
        "figure",
        tag("h3", figure.title),
        # a part that scrolls must be within reach of the keyboard
        tag("div", drawn, class_="wide", tabindex=0) if figure.wide else drawn,
        tag("figcaption", figure.note),
    )


_FIT = 13
"""Upright axes that a figure of the usual width has room for."""


def _width(figure: Figure) -> str | None:
    """The least width of a figure of many upright axes, as pairs of searched chips have."""
    count = len((figure.data or {}).get("axes", ()))
    return f"min-width:{5 * count}rem" if count > _FIT else None


def _assumptions(found: Evidence) -> Html:
    """The models and methods of the study, and every sourced value behind the answer."""
    if found.study is None:
        return tag("p", "The configs of this study can no longer be read.")
    manifest = found.front.manifest
    price = manifest.get("price") or {}
    head = tag(
        "p",
        f"Cost model {manifest.get('cost_model', '?')}, prices by {price.get('method', '?')} "
        f"({price.get('system', '?')}), number formats "
        f"{', '.join(f'{k} {v}' for k, v in (manifest.get('precision') or {}).items())}. "
        "Every value that the answer depends on, with its source, date and basis:",
    )
    study = found.study if isinstance(found.study, ResolvedStudy) else joint(found.study)
    return joined(head, assumptions_html(study))


def _repeat(found: Evidence, more: Extras) -> Html:
    """The command, the sampler, versions and digests that reproduce the results."""
    manifest = found.front.manifest
    sampler = manifest.get("sampler") or {}
    told_facts = {
        "sampler": f"{sampler.get('name', '?')} {sampler.get('options') or ''}".strip(),
        "seed": manifest.get("seed"),
        "trials": manifest.get("trials"),
        "feasible trials": manifest.get("feasible_trials"),
        "hypervolume": manifest.get("hypervolume"),
        "contract version": manifest.get("contract_version"),
        **(manifest.get("versions") or {}),
    }
    slug = str(manifest.get("study") or "STUDY")
    # quoted where a name needs it, so that the line can be copied
    verb = "sweep" if "grids" in manifest else "run"
    command = more.command or shlex.join(["dse", verb, slug])
    # digests identify the exact files, even where a name or a version stayed the same
    digests = [
        tag("tr", tag("td", k, class_="wrap"), tag("td", v, class_="wrap"))
        for k, v in (manifest.get("digests") or {}).items()
    ]
    return joined(
        tag("pre", tag("code", command)),
        facts([(k, str(v)) for k, v in told_facts.items() if v is not None]),
        tag(
            "details",
            tag("summary", "Digests (SHA-256) of the study and of every config"),
            tag("table", tag("tbody", digests)),
        )
        if digests
        else None,
    )
