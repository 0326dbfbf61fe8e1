"""What `dse compare` shows: what is compared, each target within each basis of prices, and the verdicts."""

from collections.abc import Callable, Iterator, Mapping

from rich.console import RenderableType

from dse.chips.formats import COMPUTED, remarks
from dse.chips.price_basis import group_of
from dse.choose.confidence import met_column
from dse.cli.show.compared_systems import system_notes, system_rows, system_values
from dse.cli.show.money import lines_of
from dse.cli.show.uncertainty import COLUMNS, cells, tpot_cells
from dse.cli.show.verdicts import show_verdicts
from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import plain, stdout, table
from dse.decide.compare.evaluated_chip import Obstacle
from dse.decide.compare.result import ComparedChip, Comparison
from dse.evaluate.estimate_notes import anchored
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.subject import ECONOMY
from dse.front.columns import ordered
from dse.front.tables import Row
from dse.plugins import metrics_of, objective
from dse.report.words.computed_formats import MARK
from dse.report.words.confidence import met_with, no_error_bar, no_verdict
from dse.report.words.part_names import counted, word
from dse.report.words.violations import pretty_violation
from dse.spec.schema.generation import UNKNOWN_CONTEXT
from dse.text import cp_text

_NAME = 11
"""Columns that the name of a chip gets at least."""
_HARDWARE = (
    ("peak_fp16_flop_per_s", "fp16 peak", "FLOP/s"),
    ("sram_bytes", "SRAM", "B"),
    ("sram_bandwidth_bytes_per_s", "SRAM speed", "B/s"),
    ("dram_bytes", "DRAM", "B"),
    ("dram_bandwidth_bytes_per_s", "DRAM speed", "B/s"),
    ("power_w", "power", "W"),
)
_WIDE = 96
"""Width from which a table of targets has its last column, the limiting resource."""
_COLUMNS = ("chip", "$/(token/s)", "TPOT", "chips", "capital USD", "batch", "TP x PP", "bound by")


def rows(found: Comparison) -> Iterator[Row]:
    """One flat row for each chip and target."""
    own = ordered(metric.column for metric in metrics_of("comparison"))
    for chip in found.chips:
        for limit, e in zip(found.targets, chip.best, strict=True):
            # a chip without a deployment keeps its row, with empty cells
            values: Row = {} if e is None else _values(e)
            names = ("batch", "tp", "cp", "pp", "ep", "dp", *own, "bound_by", "price_method", *COMPUTED)
            yield {
                "chip": chip.chip,
                "kind": chip.kind,
                "target_tpot_s": limit,
                "found": e is not None,
                met_column("tpot"): None if e is None else e.p_met.get("tpot"),
                **{n: values.get(n) for n in names},
                "price_basis": chip.basis,
                **({"ranks_among": group_of(chip.basis)} if found.systems else {}),
                "unanchored": chip.unanchored is not None,
                "gap": chip.gap,
                **chip.hardware,
            }
    yield from system_values(found)


def _values(e: Estimate) -> Row:
    layout = {**e.deployment, **e.metrics}
    return {**layout, "bound_by": e.bound_by, "price_method": e.price_method, **_formats(e)}


def _formats(estimate: Estimate) -> dict[str, str]:
    """What an estimate is computed in, by column."""
    return {column: estimate.computed_in[group].used for column, group in COMPUTED.items()}


def show(found: Comparison) -> None:
    """All of it as text."""
    console = stdout()
    software = "" if found.software == "as-sold" else f", {found.software} software"
    console.print(f"{found.llm}, workload {found.workload}{software}", style="bold")
    for line in _held(found):
        console.print(plain(line), style="dim")
    console.print(f"Targets are {met_with(found.confidence, no_error_bar(found.software))}.", style="dim")
    for part in (*_hardware(found), *_targets(found, narrow=console.width < _WIDE)):
        console.print()
        console.print(part)
    if found.spreads:
        console.print()
        console.print(_sure(found))
        console.print()
        console.print(_sure_of_tpot(found))
    console.print()
    for line in _answers(found):
        console.print(plain(line))
    console.print()
    if found.confidence is None:
        show_verdicts(console, found.verdicts, "$/(token/s)")
    else:
        console.print(no_verdict(found.confidence))
    console.print()
    for line in _notes(found):
        console.print(plain(line))


def _held(found: Comparison) -> Iterator[str]:
    """Limits that hold for every chip: targets of the workload, and the most of chips, dollars and watts."""
    goals = {name: objective(name) for name in found.held}
    told = {n: f"{goals[n].label} {format_quantity(v, goals[n].unit)}" for n, v in found.held.items()}
    for_users = [text for name, text in told.items() if goals[name].unit == "s"]
    if for_users:
        yield f"Targets of the workload apply: {', '.join(for_users)}; --no-targets ignores them."
    most = [text for name, text in told.items() if goals[name].unit != "s"]
    if most:
        yield f"At most, of a whole system: {', '.join(most)}."


def _sure(found: Comparison) -> RenderableType:
    """P10, median, P90 and chances of what meets each target."""
    title = "Uncertainty: samples of every uncertain input; shares among chips of one kind of price"
    return _drawn(
        found,
        title,
        ["$/(token/s)", *COLUMNS],
        lambda metrics, spread: [
            format_quantity(metrics["usd_per_token_per_s"], "USD"),
            *cells(spread),
        ],
    )


def _sure_of_tpot(found: Comparison) -> RenderableType:
    """P10, median and P90 of TPOT of the same chips."""
    return _drawn(
        found,
        "Uncertainty of TPOT, with fixed deployments",
        # without the shares, which are about the goal and are in the table above
        ["TPOT", *COLUMNS[:3]],
        lambda metrics, spread: [
            format_quantity(metrics["tpot_s"], "s"),
            *tpot_cells(spread),
        ],
    )


def _drawn(
    found: Comparison,
    title: str,
    heads: list[str],
    row: Callable[[Mapping[str, float], Row], list[str]],
) -> RenderableType:
    """A table of sampled values: the chips and systems that meet each target, the cheapest first."""
    rows = []
    for i, limit in enumerate(found.targets):
        best = [(c.chip, e.metrics) for c in found.chips if (e := c.best[i]) is not None]
        best += [(s.name, one.metrics) for s in found.systems if (one := s.best[i]) is not None]
        met = [(name, metrics) for name, metrics in best if name in found.spreads[i]]
        # the cheapest first by the values as they are, not by the samples
        met.sort(key=lambda pair: pair[1]["usd_per_token_per_s"])
        for k, (name, metrics) in enumerate(met):
            at = "" if k else format_quantity(limit, "s")
            rows.append([at, name, *row(metrics, found.spread(i, name))])
    columns = ["TPOT within", "chip", *heads]
    right = [columns[0], *columns[2:]]
    return table(columns, rows, title=title, right=right, flexible=["chip"], least=_NAME)


def _hardware(found: Comparison) -> Iterator[RenderableType]:
    """What each chip is made of, and what its price is a price of."""
    heads = [head for _, head, _ in _HARDWARE]
    made = [
        # 0 bytes of a memory that the chip lacks is a gap in the table
        [c.chip, *(format_quantity(c.hardware.get(n) or None, u) for n, _, u in _HARDWARE)]
        for c in found.chips
    ]
    yield table(["chip", *heads], made, title="Chips", right=heads, flexible=["chip"], least=_NAME)
    prices = [
        [
            c.chip,
            format_quantity(c.hardware.get("price_usd") or None, "USD"),
            c.basis,
            "no" if c.unanchored else "yes",
        ]
        # a chip that lacks a figure has an empty row
        if c.gap is None
        else [c.chip, NONE, NONE, NONE]
        for c in found.chips
    ]
    yield table(
        ["chip", "price USD", "price of", "software measured"],
        prices,
        right=["price USD"],
        flexible=["chip"],
        least=_NAME,
    )


def _targets(found: Comparison, *, narrow: bool) -> Iterator[RenderableType]:
    """The chips at each target within each basis of prices: the cheapest first, unranked ones last."""
    columns = _COLUMNS[:-1] if narrow else _COLUMNS
    for i, limit in enumerate(found.targets):
        for group in found.groups:
            within = [c for c in found.chips if c.gap is None and group_of(c.basis) == group]
            # a rank holds only among prices that mean the same
            ranked = [c for c, _ in found.ranked(i, group)]
            first = {c.chip: _row(c, i) for c in ranked} | system_rows(found, i, group)
            names = [name for name, _ in found.standing(i, group)]
            # may win, but have no deployment at this target
            others = [c for c in within if found.may_win(c) and c not in ranked]
            below = [c for c in within if not found.may_win(c)]
            # a single basis of prices need not be named
            at = "" if len(found.groups) == 1 else f", {group}"
            lines = [first[name] for name in names] + [_row(c, i) for c in (*others, *below)]
            lines += [line for name, line in first.items() if name not in names]
            cells = [line[: len(columns)] for line in lines]
            title = f"TPOT within {format_quantity(limit, 's')}{at}"
            yield table(columns, cells, title=title, right=columns[1:7], flexible=["chip"], least=_NAME)


def _row(chip: ComparedChip, i: int) -> list[str]:
    """Cells of one chip at one target, or why it has no deployment there."""
    name = chip.chip if chip.unanchored is None else f"{chip.chip}\nunanchored"
    e = chip.best[i]
    if e is None:
        return [name, NONE, _short(chip), *[NONE] * (len(_COLUMNS) - 3)]
    if remarks(e.computed_in):
        # the mark follows the name, not the line below it
        name = f"{chip.chip}{MARK}{name.removeprefix(chip.chip)}"
    d, m = e.deployment, e.metrics
    # EP 1 is the usual case, and the column is narrow
    spread = f", EP {d['ep']}" if d["ep"] > 1 else ""
    return [
        name,
        format_quantity(m["usd_per_token_per_s"], "USD"),
        _latency(e),
        counted(m["chips"]),
        format_quantity(m["capex_usd"], "USD"),
        f"{d['batch']:,}",
        f"{d['tp']} x {d['pp']}{cp_text(d)}{spread}",
        word(e.bound_by),
    ]


def _latency(e: Estimate) -> str:
    """TPOT, with the probability that its target is met where one is required."""
    text = format_quantity(e.metrics["tpot_s"], "s")
    return text if e.confidence is None else f"{text} ({e.p_met['tpot']:.0%})"


def _short(chip: ComparedChip) -> str:
    """Why a chip has no row at a target, in the column of its TPOT; a note gives details."""
    if chip.obstacle is None:
        # without an obstacle some deployment is feasible, but none as fast as this target
        return f"> {format_quantity(chip.least_tpot_s, 's')}"
    if not chip.obstacle.fits:
        return "does not fit" if "capacity" in chip.obstacle.exceeds else "refused"
    # it fits, so what it exceeds are targets
    return f"misses {', '.join(name.upper() for name in chip.obstacle.exceeds)}"


def _answers(found: Comparison) -> Iterator[str]:
    """A sentence for each target and group of prices: the cheapest chip, and the second."""
    for i, limit in enumerate(found.targets):
        for group in found.groups:
            # a single basis of prices need not be named
            at = "" if len(found.groups) == 1 else f", {group},"
            ranked = found.standing(i, group)
            first = format_quantity(limit, "s")
            if not ranked:
                yield f"Within {first}{at} no chip meets the target{_unranked(found, i, group)}."
                continue
            (best, one), *rest = ranked
            if rest:
                rest_text = f"; {rest[0][0]} costs {rest[0][1] / one:.3g} times as much"
            else:
                rest_text = "; it is the only one"
            yield f"Within {first}{at} {best} is the cheapest{rest_text}."


def _unranked(found: Comparison, i: int, group: str) -> str:
    """That only chips which may not win serve a target."""
    serve = [
        c.chip
        for c in found.chips
        if c.best[i] is not None and group_of(c.basis) == group and not found.may_win(c)
    ]
    # of a group without a winner no system may win
    serve += [s.name for s in found.systems if s.best[i] is not None and s.group == group]
    return f" whose software a measurement anchors ({', '.join(serve)} does)" if serve else ""


def _notes(found: Comparison) -> Iterator[str]:
    """Notes below the tables: gaps, obstacles, anchors, prices."""
    for c in found.chips:
        if c.gap is not None:
            yield f"Note: {c.chip} is omitted: {c.gap}."
        elif c.obstacle is not None:
            yield f"Note: {c.chip} {_obstacle(c.obstacle)}."
        # no `elif`: an omitted chip may be unanchored too
        if c.unanchored is not None:
            rest_text = "" if found.with_unanchored else " It is not ranked; --with-unanchored ranks it."
            yield f"Note: {c.chip} is unanchored: {c.unanchored}{rest_text}"
        if c.assumed is not None:
            yield f"Assumed: {c.assumed}."
    if len(found.prices) > 1:
        yield (
            f"Note: prices mean different things ({', '.join(found.prices)}); chips are "
            f"ranked within each group. "
            "--price-method unit-cost prices all chips alike."
        )
    yield from lines_of(found.money, ECONOMY)
    best = [e for c in found.chips for e in c.best if e is not None]
    # one line for all chips that share a remark
    other = dict.fromkeys(remark for e in best for remark in remarks(e.computed_in))
    yield from (f"{MARK} {remark}." for remark in other)
    for chip in found.chips:
        # of the tightest target that it meets: the stack is the same at all of them
        first = next((e for e in chip.best if e is not None), None)
        if first is not None:
            told = anchored(first.anchor_rows, first.next_best, chip.chip)
            yield from (f"Note: {chip.chip}: {sentence}." for sentence in told)
    yield from system_notes(found)
    # what is alike for all chips: what capital covers, and whether the LLM can see so much
    covered = {note for e in best for note in e.notes if "capital" in note or UNKNOWN_CONTEXT in note}
    yield from (f"Note: {note}." for note in sorted(covered))


def _obstacle(obstacle: Obstacle) -> str:
    """Why a chip has no row, in a few words."""
    # a deployment that fits misses targets, whose names are abbreviations
    by = ", ".join(
        f"{objective(name).label if obstacle.fits else word(name)} by {pretty_violation(name, value)}"
        for name, value in obstacle.exceeds.items()
    )
    if obstacle.fits:
        return f"fits, but its best deployment misses {by}"
    if "capacity" in obstacle.exceeds:
        return f"fits in no deployment: the closest one exceeds {by}"
    return f"breaks a limit in every deployment: the closest one exceeds {by}"
