"""Chips side by side: the best deployment of each at equal latency targets, and the front of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from dse.chips.anchors import anchor
from dse.chips.assumption_note import assumed
from dse.chips.branch import chip_kind
from dse.chips.price_basis import price_basis
from dse.choose.rule import Ints
from dse.decide.compare.chip_settings import by_chip, mistakes
from dse.decide.compare.evaluated_chip import EvaluatedChip, evaluate_chip
from dse.decide.compare.result import ComparedChip, Comparison, axes
from dse.decide.compare.spreads import comparison_spreads
from dse.decide.compare.systems import chips_draft, compare_systems, for_chips
from dse.decide.compare.verdicts import verdicts_of
from dse.decide.verdict.by_software import Verdicts
from dse.errors import Problem, SpecError
from dse.evaluate.arguments import durations, hold_arguments
from dse.evaluate.money import joined
from dse.evaluate.pools.argument import read_pool
from dse.evaluate.pools.estimate import Asked
from dse.evaluate.subject import ECONOMY, Subject
from dse.front.archive import Archive
from dse.front.columns import whole_numbers
from dse.front.tables import Table
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.command_line import checked_values
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.software import SOFTWARE, software_named


def compare(
    chips: Sequence[str],
    llm: str,
    workload: str,
    *,
    targets: Sequence[float] = (),
    batch: int | None = None,
    tp: int | None = None,
    cp: int | None = None,
    pp: int | None = None,
    ep: int | None = None,
    weights: str = "fp16",
    kv: str | None = None,
    activations: str | None = None,
    cost_model: str = "roofline",
    stack: str | None = None,
    software: str = "as-sold",
    serving: str | None = None,
    price_method: str = "listed",
    seller: str | None = None,
    rent_term: str | None = None,
    system: str = "chips-only",
    economy: str = ECONOMY,
    with_unanchored: bool = False,
    settings: Mapping[str, str] | None = None,
    configs: Path | str | None = None,
    hold_targets: bool = True,
    most: Mapping[str, float] | None = None,
    samples: int = 0,
    confidence: float | None = None,
    pools: Sequence[str] = (),
    link: str | None = None,
    draft_llm: str | None = None,
) -> Comparison:
    """Compare chips at the same TPOT targets [s], each with its best deployment from one grid.

    `chips` are names, aliases or paths to chip files. The latency targets of the workload hold as well, the
    tighter of two on TPOT, unless `hold_targets` is false. Chips rank within one basis of prices. A chip
    without a listed price is taken at its unit cost, as `dse.estimate` does; one that lacks a figure has a
    `gap` in the place of results. A chip that no measurement anchors wins nothing unless `with_unanchored`
    says so. `verdicts` says who wins under all three kinds of software, whichever `software` is shown.
    `samples` of every uncertain number give percentiles; 0 leaves them out.
    With `confidence` every target is met with that probability, by the error bar of each chip's stack; a chip
    whose stack states none has a `gap`, and there are no verdicts by software, since `equal` and `ideal`
    state none.
    `pools`, such as `prefill=r200` and `decode=lp30`, are systems of unlike chips that rank among the chips,
    one for each combination of their roles; `link` joins them and `draft_llm` drafts, see
    `dse.evaluate.pools.estimate`. Where
    prompts cost something of a system and nothing of the chips, or the other way round, it ranks apart;
    `serving` is that of the chips alone.
    `settings` overrides numbers of all chips, or of one by its name (`h100.price`). Raises `SpecError` with
    every problem at once, where they are of the question, of every chip, or of what is set for one chip.
    """
    layout = {"batch": batch, "tp": tp, "cp": cp, "pp": pp, "ep": ep}
    hold_arguments({"software": software}, layout)
    given, shown = durations("targets", targets), software_named(software)
    names = _names(chips, configs, [pool.chip for pool in map(read_pool, pools)])
    numbers = checked_values(settings)
    draft = chips_draft(workload, Catalog.of(configs))
    own = by_chip(for_chips(pools, chips, numbers, draft=draft) if pools else numbers, names)
    asked = Asked(
        llm=llm,
        workload=workload,
        link=link,
        weights=weights,
        kv=kv,
        activations=activations,
        cost_model=cost_model,
        price_method=price_method,
        seller=seller,
        rent_term=rent_term,
        system=system,
        economy=economy,
        software=shown,
        configs=configs,
        hold_targets=hold_targets,
        most=most,
        draft_llm=draft_llm,
    )

    def subject(chip: str, under: str) -> Subject:
        """The chip `chip` under the software `under`, checked against the requested deployment."""
        found = Subject(
            chip,
            llm,
            workload,
            weights=weights,
            kv=kv,
            activations=activations,
            cost_model=cost_model,
            stack=stack,
            serving=serving,
            price_method=price_method,
            seller=seller,
            rent_term=rent_term,
            system=system,
            economy=economy,
            software=under,
            settings=own[names[chip]],
            configs=configs,
            hold_targets=hold_targets,
            most=most,
            confidence=confidence,
        )
        # for its error: the targets are on TPOT
        found.bounded("tpot")
        # among the look-ups, whose problems are collected and reported together
        found.check_layout(**layout, dp=None)
        return found

    # a chip that lacks a figure is a gap in the table; a mistake of the user is an error
    # the shown one alone where targets have a probability, of which the others know nothing
    softwares = SOFTWARE if confidence is None else (shown,)
    known, failed = _looked_up(names, subject, softwares)
    own_mistakes = [p for chip, e in failed.items() for p in mistakes(settings or {}, names, names[chip], e)]
    if own_mistakes:
        raise SpecError(own_mistakes)
    if not known:
        problems = [p for e in failed.values() for p in e.problems]
        # a mistake in the question comes once a chip, and is reported once
        raise SpecError(list(dict.fromkeys(problems)) or [Problem("CHIP", "expected a chip, got none")])
    first = next(iter(known.values()))[shown]
    own_target = tuple(v for o, v in first.limits if o.name == "tpot")
    # without any target, one second per token: it excludes next to nothing
    limits = tuple(sorted(given)) or own_target or (1.0,)
    # under all three softwares, whichever is shown, where the verdicts need them
    under = {
        chip: {s: evaluate_chip(each, layout) for s, each in found.items()} for chip, found in known.items()
    }
    catalog = Catalog.of(configs)
    rows = [
        _compared(under[chip][shown], limits)
        if chip in under
        else _without(catalog.get(ChipSpec, chip), failed[chip], limits, price_method)
        for chip in names
    ]
    # a gap and an anchor are the same under all three, so the rows of the shown one say them
    allowed = [c for c in rows if c.gap is None and (with_unanchored or c.unanchored is None)]
    by_name = {names[chip]: each for chip, each in under.items()}
    systems = compare_systems(pools, asked, limits, numbers, first.workload.serving) if pools else ()
    return Comparison(
        llm=first.llm.name,
        workload=first.workload.name,
        software=shown,
        targets=limits,
        chips=tuple(rows),
        with_unanchored=with_unanchored,
        held={goal.name: limit for goal, limit in first.limits},
        verdicts=verdicts_of(rows, {c.chip: by_name[c.chip] for c in allowed}, limits, catalog)
        if confidence is None
        else Verdicts(verdicts=(), dependence=()),
        confidence=confidence,
        money=joined({names[chip]: each[shown].money() for chip, each in known.items()}),
        systems=systems,
        spreads=comparison_spreads(
            rows,
            {names[chip]: each[shown] for chip, each in known.items()},
            limits,
            catalog,
            samples,
            systems=systems,
            with_unanchored=with_unanchored,
        )
        if samples
        else (),
    )


def _names(chips: Sequence[str], configs: Path | str | None, in_pools: Sequence[str]) -> dict[str, str]:
    """Each chip as it was typed, once, to its name; raises `SpecError` with every one that there is not.

    Two unlike chips of one name, of pools too, are refused: rows go by names.
    """
    catalog, problems = Catalog.of(configs), list[Problem]()
    found: dict[str, str] = {}
    known: dict[str, tuple[str, ChipSpec]] = {}
    for chip in (*chips, *in_pools):
        try:
            spec = catalog.get(ChipSpec, chip)
        except SpecError as error:
            # those of pools are reported with their role
            problems += [p for p in error.problems if p not in problems and chip in chips]
            continue
        typed, first = known.setdefault(spec.name, (chip, spec))
        if first != spec:
            what = f"expected a name of its own for each chip, got {spec.name} twice: {typed} and {chip}"
            problems.append(Problem("CHIP" if chip in chips else "--pool", what))
        # two names of one chip are one row
        if chip in chips and spec.name not in found.values():
            found[chip] = spec.name
    if problems:
        raise SpecError(problems)
    return found


def _looked_up(
    chips: Iterable[str], subject: Callable[[str, str], Subject], softwares: Sequence[str]
) -> tuple[dict[str, dict[str, Subject]], dict[str, SpecError]]:
    """Each chip under each software, and the error of each chip that lacks a figure."""
    known: dict[str, dict[str, Subject]] = {}
    failed: dict[str, SpecError] = {}
    for chip in chips:
        try:
            known[chip] = {s: subject(chip, s) for s in softwares}
        except SpecError as error:
            failed[chip] = error
    return known, failed


def _without(chip: ChipSpec, why: SpecError, limits: Sequence[float], method: str) -> ComparedChip:
    """The row of a chip that lacks a figure."""
    # the hint is written for a single chip; among several a price needs the name of its chip
    gap = "; ".join(str(p) for p in why.problems).replace("--set price=", f"--set {chip.name}.price=")
    return ComparedChip(
        chip=chip.name,
        title=chip.title,
        kind=chip_kind(chip),
        hypothetical=chip.hypothetical,
        hardware={},
        basis=price_basis(chip, method),
        unanchored=None,
        gap=gap,
        best=(None,) * len(limits),
        curve=Archive(axes()).frame,
    )


def _compared(of: EvaluatedChip, limits: Sequence[float]) -> ComparedChip:
    """The row of a chip: its best deployment at each target, its obstacle, and its own front."""
    # the curve has deployments of the grid alone; the best at a target may be between its batches
    s, m, good = of.subject, of.metrics, of.good()
    found = list(zip(of.at(limits), limits, strict=True))
    # by the software that it is sold with, whichever is shown: see `unanchored_in`
    anchoring = anchor(s.sold, s.chip)
    return ComparedChip(
        chip=s.chip.name,
        title=s.chip.title,
        kind=chip_kind(s.chip),
        hypothetical=s.chip.hypothetical,
        hardware=hardware(s.chip, s.columns),
        basis=price_basis(s.chip, s.price.method),
        unanchored=None if anchoring.anchored else anchoring.reason,
        assumed=assumed(s.chip),
        obstacle=of.obstacle(),
        best=tuple(None if at is None else of.estimate_at(at, limit) for at, limit in found),
        # as targets bound it: with a probability, where one is required
        least_tpot_s=float(of.flat(s.bounded("tpot").value(m, s.context))[good].min()) if good.size else None,
        curve=_curve(of, good),
    )


def _curve(of: EvaluatedChip, good: Ints) -> Table:
    """The non-dominated deployments among `good`."""
    s, m = of.subject, of.metrics
    columns = [of.flat(getattr(m, axis.column)) for axis in axes()]
    kind = chip_kind(s.chip)
    # pictures know two roles: a chip that exists on paper counts as a searched one
    role = "search" if s.chip.hypothetical else "baseline"

    def rows(chosen: Ints) -> Table:
        # the archive counts among `good`
        at = good[chosen]
        labels = {"trial": 0, "chip": s.chip.name, "branch": kind, "role": role}
        sizes = of.designs.take(at).deployments.columns()
        values = {axis.column: column[at] for axis, column in zip(axes(), columns, strict=True)}
        layout = {k: np.asarray(v).astype(int) for k, v in sizes.items()}
        count, capex = whole_numbers(of.flat(m.chips)[at]), of.flat(m.capex_usd)[at]
        return Table({**labels, **layout, "chips": count, "capex_usd": capex, **values})

    archive = Archive(axes())
    values = np.stack([column[good] for column in columns], axis=1)
    # `good` meets everything, so nothing is left to judge
    archive.add(values, np.ones(len(good), dtype=bool), rows)
    return archive.frame


def hardware(chip: ChipSpec, columns: Mapping[str, float]) -> dict[str, float]:
    """The figures of a chip that a reader compares first, in SI with the unit in the name."""
    fp16 = chip.peak.get("fp16")
    return {
        # fp16 whatever the chip computes in, so that chips compare; without one the peak that it uses
        "peak_fp16_flop_per_s": float(fp16.value) if fp16 and fp16.value else columns["peak_flops"],
        "sram_bytes": columns["sram_bytes"],
        "sram_bandwidth_bytes_per_s": columns["sram_bandwidth"],
        "dram_bytes": columns["dram_bytes"],
        "dram_bandwidth_bytes_per_s": columns["dram_bandwidth"],
        "link_bandwidth_bytes_per_s": columns["link_bandwidth"],
        "power_w": columns["power_w"],
        "price_usd": columns["price_usd"],
    }
