"""What a datasheet says, section by section, as plain text: computed here, laid out as text and as a page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dse.chips.clock_note import clock_note
from dse.chips.formats import remarks
from dse.chips.silicon import chip_silicon
from dse.decide.propose.proposal import Proposal, limits_text
from dse.decide.propose.rounding import Step
from dse.decide.scenario.mix_parts import layout_text, parts_of, served_words
from dse.evaluate.estimate_result import Estimate
from dse.plugins import metrics_of
from dse.question.unanchored import assumed_in
from dse.report.datasheet.section import NONE, Section
from dse.report.datasheet.uncertainty import odds, overturning_section, swing_section, uncertainty_sentence
from dse.report.words.confidence import met_with
from dse.report.words.listed_grid import OF_A_MIX
from dse.report.words.part_names import counted, word
from dse.report.words.quantities import shown
from dse.spec.yaml.units import pretty
from dse.spec.yaml.writing import exact
from dse.text import cp_text
from objectives.metrics import Metric


@dataclass(frozen=True, kw_only=True)
class Datasheet:
    """One page about one chip."""

    title: str
    subtitle: str
    answer: str
    """In a sentence or two."""
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    colophon: str


def datasheet(p: Proposal) -> Datasheet:
    """The datasheet of a proposal."""
    # in the order of the page: what it is, what it costs, what it does, how certain that is
    builders = (
        _specification,
        _dies,
        _bill,
        _watts,
        _performance,
        _rivals,
        _worth,
        overturning_section,
        swing_section,
        odds,
        _near,
        _rounding,
    )
    sections = [section for build in builders if (section := build(p)) is not None]
    return Datasheet(
        title=p.chip.name,
        subtitle=_subtitle(p),
        answer=_answer(p),
        warnings=(*_cautions(p), *p.warnings),
        sections=tuple(sections),
        colophon=_colophon(p),
    )


def _subtitle(p: Proposal) -> str:
    steps = f", improved by {p.local_search_steps} steps of a local search," if p.local_search_steps else ""
    held = f"{limits_text(p.limits)} ({met_with(p.study.spec.confidence)})"
    limits = held if p.limits else "no limit"
    return f"Proposed from trial {p.picked.trial} of {p.study.slug}{steps} for {limits}"


def _colophon(p: Proposal) -> str:
    """What was assumed: the load, number formats, cost model, software and prices."""
    e = p.estimate
    formats = f"weights {e.precision['weights']}, KV {e.precision['kv']}, {_computed(p)}"
    models = f"cost model {e.cost_model}, stack {e.stack} ({e.label})"
    prices = f"prices by {e.price_method}, {p.study.spec.price.system}"
    note = "This chip is hypothetical: every figure is derived from the technology file; none is measured."
    mix = f" {OF_A_MIX}" if p.evaluation.parts else ""
    return f"{_load(p)}, {e.serving}; {formats}; {models}; {prices}. {note}{mix}"


def _cautions(p: Proposal) -> list[str]:
    """That no measurement anchors the software of the chip itself, and what its numbers assume."""
    silent = assumed_in(p.study).get(p.rounded.candidate.branch or "")
    return [
        *([] if p.unanchored is None else [f"{p.chip.name} is unanchored: {p.unanchored.rstrip('.')}"]),
        *([] if silent is None else [f"assumed: {silent}"]),
    ]


def _computed(p: Proposal) -> str:
    """What is computed in which format, and why where it is not the requested one."""
    found = p.estimate.computed_in
    other = remarks(found)
    used = f"computed in {found['matrix'].used}, attention in {found['attention'].used}"
    return f"{used} ({'; '.join(other)})" if other else used


def _load(p: Proposal) -> str:
    if p.evaluation.parts:
        return f"A mix of {served_words(p.study)} of the output tokens; each part runs on its own cluster"
    return f"{p.estimate.llm}, workload {p.estimate.workload}"


def _answer(p: Proposal) -> str:
    """The result first: size, speed, cost and bottleneck; then uncertainty and the best rival."""
    # of a mix the whole: clusters summed, the slowest latency
    m = p.estimate.metrics
    # each part of a mix has a layout and a speed of its own
    layout = "" if p.evaluation.parts else f" ({layout_text(p.rounded.layout, parts_of(p.study))})"
    slowest = " for the slowest part" if p.evaluation.parts else ""
    chips, serve = ("chip", "serves") if m["chips"] == 1.0 else ("chips", "serve")
    text = (
        f"{counted(m['chips'])} {chips}{layout} {serve} {served_words(p.study)} "
        f"at a TPOT of {pretty(m['tpot_s'], 's')}{slowest} for {pretty(m['usd_per_token_per_s'], '')} "
        f"$/(token/s), bound by {word(p.estimate.bound_by)}."
    )
    if p.odds is not None:
        text += uncertainty_sentence(p.odds)
    # rivals are sorted by cost: the first one that ranks is the best
    best = next((r for r in p.rivals if r.cost is not None and r.ranks), None)
    if best is None:
        return f"{text} No rival on the same price basis meets the target."
    ratio = best.cost / p.rounded.cost if best.cost is not None else 1.0
    name = best.candidate.label
    if p.wins:
        return f"{text} The best rival, {name}, costs {ratio:.2f} times as much."
    return f"{text} It does not win: {name} costs {ratio:.2f} times as much."


def _specification(p: Proposal) -> Section:
    """Peaks, memories, links, dies, power and price of the chip."""
    chip = p.chip
    peaks = [
        (f"{form} peak, dense", pretty(leaf.value, "FLOP/s"))
        for form, leaf in chip.peak.items()
        if leaf.value
    ]
    sram = "SRAM, pinned by software" if chip.sram.use == "scratchpad" else "SRAM, a cache"
    rows = [
        ("class", f"{chip.chip_class}, {p.rounded.candidate.kind}"),
        *peaks,
        (sram, _amount(chip.sram.capacity.value, "B")),
        ("SRAM bandwidth", pretty(chip.sram.bandwidth.value or 0.0, "B/s")),
    ]
    if chip.dram is not None:
        stacks = chip.dram.stacks.value if chip.dram.stacks else None
        rows += [
            ("DRAM", f"{stacks} x {chip.dram.generation}, {pretty(chip.dram.capacity.value or 0.0, 'B')}"),
            ("DRAM bandwidth", pretty(chip.dram.bandwidth.value or 0.0, "B/s")),
        ]
    rows += [
        ("links, one way", f"{pretty(chip.link.bandwidth.value or 0.0, 'B/s')}, network {chip.link.network}"),
        ("process", str(chip.die.process.value)),
        ("die area", _area(chip.die.count.value or 1, sum(p.made["area_m2"].values()))),
        ("power", pretty(chip.power.value or 0.0, "W")),
        ("price of the chip", f"{pretty(p.price_usd, '')} USD by {p.estimate.price_method}"),
    ]
    # for chips alone the two are equal, and a row would repeat the price
    if p.system_usd > p.price_usd * (1 + 1e-9):
        around = f"{pretty(p.system_usd, '')} USD, {p.study.spec.price.system}"
        rows.append(("capital per chip, system included", around))
    return Section(title="Specification", columns=("", "value"), rows=tuple(rows), left=2)


def _area(dies: int, total: float) -> str:
    each = pretty(total / dies, "m2")
    return each if dies == 1 else f"{dies} dies of {each}"


def _amount(value: float | None, unit: str) -> str:
    return exact(value or 0.0, unit)


def _ledger(title: str, parts: Mapping[str, float], unit: str, note: str = "") -> Section:
    total = sum(parts.values())
    # parts of 0 are of things that the chip does not have
    rows = [(word(k), pretty(v, unit), f"{v / total:.1%}") for k, v in parts.items() if v]
    rows.append(("total", pretty(total, unit), ""))
    return Section(title=title, columns=("part", "value", "share"), rows=tuple(rows), note=note)


def _dies(p: Proposal) -> Section:
    reticle = p.study.setting.technology.wafer.reticle.value
    note = "" if reticle is None else f"The reticle holds {pretty(reticle, 'm2')}."
    return _ledger("Die plan", p.made["area_m2"], "m2", note)


def _bill(p: Proposal) -> Section:
    return _ledger("Bill of materials [USD]", p.made["unit_cost_usd"], "")


def _watts(p: Proposal) -> Section:
    slowed = clock_note(chip_silicon(p.chip, p.study.setting.technology))
    note = f"The chip {slowed}." if slowed else ""
    return _ledger("Thermal design power", p.made["power_w"], "W", note)


def _performance(p: Proposal) -> Section:
    """What the chip does; of a mix in all, and for each part."""
    parts = p.evaluation.parts
    every = [p.estimate, *(part.estimate for part in parts)]
    rows = [
        (m.title or m.label, *(_cell(m, e.metrics[m.column]) for e in every)) for m in metrics_of("table")
    ]
    # no metric, but what a reader needs first
    rows.insert(0, ("batch, TP x PP", *(_sizes(e.deployment) for e in every)))
    if parts:
        rows.insert(0, ("share of the output tokens", "100 %", *(f"{100 * q.weight:.3g} %" for q in parts)))
    waits = [f"{part.label}: TPOT is spent on {_time_shares(part.estimate)}." for part in parts]
    names = ("in all", *(part.label for part in parts)) if parts else ("value",)
    return Section(
        title="Best deployment",
        columns=("", *names),
        rows=tuple(rows),
        # one column of numbers is read as text; several are set to the right to be compared
        left=1 if parts else 2,
        note=" ".join(waits) or f"TPOT is spent on {_time_shares(p.estimate)}.",
    )


def _cell(metric: Metric, value: float) -> str:
    return counted(value) if metric.column == "chips" else shown(value, metric.unit)


def _sizes(d: Mapping[str, int]) -> str:
    """A deployment in a few characters; none of the whole of a mix."""
    if not d:
        return NONE
    spread = f", EP {d['ep']}" if d.get("ep", 1) > 1 else ""
    return f"{d['batch']:,}, {d['tp']} x {d['pp']}{cp_text(d)}{spread}"


def _time_shares(estimate: Estimate) -> str:
    waits = sorted(estimate.ledgers["bound_s"].items(), key=lambda item: -item[1])
    total = sum(v for _, v in waits) or 1.0
    # a smaller share would be printed as 0 %
    return ", ".join(f"{word(k)} {v / total:.0%}" for k, v in waits if v / total >= 0.005)


def _rivals(p: Proposal) -> Section | None:
    """Each rival at its best deployment, or the limits that it misses."""
    if not p.rivals:
        return None
    rows = []
    for r in p.rivals:
        layout = "; ".join(_sizes(sizes) for sizes in r.layout)
        # an infeasible rival has no deployment to show: what it misses takes the place
        if r.missed:
            layout = f"misses {', '.join(word(name) for name in r.missed)}"
        cost = NONE if r.cost is None else pretty(r.cost, "")
        ratio = NONE if r.cost is None else f"x {r.cost / p.rounded.cost:.2f}"
        # of an infeasible rival that of the deployment that misses by least
        speed = pretty(r.tpot_s, "s")
        prices = "" if r.prices == p.prices else f", {r.prices}"
        kind = f"{r.status}, {r.candidate.kind}{', unanchored' if r.unanchored else ''}{prices}"
        rows.append((r.candidate.label, kind, cost, ratio, speed, pretty(r.price_usd, ""), layout))
    columns = ("rival", "kind", p.goal_label, "relative", "TPOT", "chip USD", "batch, TP x PP")
    return Section(
        title="Speed and cost of its rivals, each at its best deployment",
        columns=columns,
        rows=tuple(rows),
        left=2,
        note=" ".join(
            [
                "A dash means that no deployment meets every limit; the row then describes the closest one.",
                *_apart(p),
            ]
        ),
    )


def _apart(p: Proposal) -> Iterator[str]:
    """Rivals that do not rank against the proposal and why, and what is assumed of them, in sentences."""
    if others := [r.candidate.label for r in p.rivals if r.prices != p.prices]:
        yield f"The ranking covers {p.prices}. Priced on another basis and not ranked: {', '.join(others)}."
    for r in p.rivals:
        if r.unanchored is not None:
            yield f"{r.candidate.label} is unanchored{_unranked(r.ranks)}: {r.unanchored}"
        if r.assumed is not None:
            yield f"Assumed: {r.assumed}."


def _unranked(ranks: bool) -> str:
    return "" if ranks else " and not ranked"


def _percent(change: float | None) -> str:
    return "infeasible" if change is None else f"{round(100 * change, 2) + 0.0:+.2f} %"  # no -0.00


def _worth(p: Proposal) -> Section:
    """Marginal value of each resource, its own cost included."""
    rows = [
        (
            w.resource,
            f"{100 * w.step:.0f} %",
            _percent(w.less),
            _percent(w.more),
            NONE if w.elasticity is None else f"{w.elasticity:+.2f}",
            f"{100 * w.price:+.1f} %",
        )
        for w in p.marginal_values
        # a resource of which neither more nor less is feasible has no row
        if w.less is not None or w.more is not None
    ]
    columns = (
        "resource",
        "step",
        f"{p.goal_label} with less",
        "with more",
        "elasticity",
        "price with more",
    )
    # a goal in proportion to capital falls by the share that a dollar has in it
    dollar = p.rounded.cost / p.system_usd
    return Section(
        title="Marginal value of each resource, cost included",
        columns=columns,
        rows=tuple(rows),
        note="Negative values are better. Each row uses the best deployment of the changed chip. "
        f"One dollar less per chip saves {dollar:.2g} of {p.goal_label}.",
    )


_FIGURES = (
    ("peak_fp16_flop_per_s", "fp16"),
    ("sram_bytes", "SRAM"),
    ("sram_bandwidth_bytes_per_s", "SRAM speed"),
    ("dram_bytes", "DRAM"),
    ("dram_bandwidth_bytes_per_s", "DRAM speed"),
    ("link_bandwidth_bytes_per_s", "links"),
    ("power_w", "power"),
)


def _near(p: Proposal) -> Section:
    """Figures of the chip relative to the nearest real chips."""
    rows = [
        (n.chip, *(NONE if n.ratios[k] is None else f"x {n.ratios[k]:.2f}" for k, _ in _FIGURES))
        for n in p.near
    ]
    return Section(
        title="Nearest real chips: this chip in multiples of each",
        columns=("chip", *(label for _, label in _FIGURES)),
        rows=tuple(rows),
        note="A dash means that one of the two chips has none, or that no value is published.",
    )


def _rounding(p: Proposal) -> Section:
    """How each size of the search was rounded to one that can be built."""
    rows = [
        (
            word(s.parameter),
            _searched_size(exact(s.after, s.unit), s),
            exact(s.after, s.unit),
            exact(s.step, s.unit),
            s.reason,
        )
        for s in p.rounded.steps
    ]
    return Section(
        title="Rounding to buildable sizes",
        rows=tuple(rows),
        wide="reason",
        columns=("size", "search", "buildable", "step", "reason"),
        note=f"The best of {p.rounded.tried} roundings, each with its best deployment.",
    )


def _searched_size(built: str, step: Step) -> str:
    """The size that the search found, in the unit of the buildable one; whole where it is counted."""
    # `exact` separates them by a blank
    number, _, unit = built.partition(" ")
    if not step.unit and step.before == round(step.before):
        return f"{step.before:,.0f}"
    if not unit.endswith("iB"):
        return pretty(step.before, step.unit)
    # in the binary unit of the buildable size, which `pretty` does not use
    return f"{step.before / step.after * float(number):.4g} {unit}"


def columns_of_numbers(section: Section) -> Sequence[str]:
    """Columns that are set to the right."""
    # these two hold words
    return [c for c in section.columns[section.left :] if c not in (section.wide, "winner")]
