"""Size a fleet of each of several chips, and rank them by dollars an hour."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dse.decide.fleet.day import Day, day
from dse.decide.fleet.dollars import Dollars, dollars
from dse.decide.fleet.sizing import Sized, Sizing, TooSlow
from dse.decide.fleet.target import Target
from dse.errors import Problem, SpecError
from dse.evaluate.subject import ECONOMY, Subject
from dse.question.layouts import all_ways, bad_ep
from dse.simulate.design import Layout, Simulated, simulated
from dse.simulate.result import Spread, spread
from dse.simulate.simulate import BASE, SERVING
from dse.traffic.profile import Profile
from dse.traffic.sample import sample

SLOTS = (16, 32, 64, 128, 256)
"""Sequences of a replica at most that are tried: fewer make steps faster and the queue longer."""
LONGEST = 20_000
"""Requests that are drawn to see how long the longest are."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How every chip serves, and what it costs; the same for all."""

    llm: str
    weights: str = "fp16"
    kv: str | None = None
    activations: str | None = None
    workload: str | None = None
    serving: str | None = None
    software: str = "as-sold"
    stack: str | None = None
    price_method: str = "listed"
    seller: str | None = None
    rent_term: str | None = None
    system: str = "chips-only"
    economy: str = ECONOMY
    settings: Mapping[str, str] | None = None
    configs: Path | str | None = None


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The cheapest fleet of one chip."""

    chip: str
    replicas: int
    spare: int
    """Replicas of these that are there in case others fail."""
    chips: int
    layout: Layout
    slots: int
    utilisation: float
    """Load over capacity [1], of all replicas."""
    ttft_s: Spread
    tpot_s: Spread | None
    end_to_end_s: Spread
    binds: tuple[str, ...]
    """What one replica less would miss."""
    dollars: Dollars
    stack: str
    label: str
    simulated: int
    """Replicas that were simulated."""
    day: Day | None = None
    """With as many replicas each hour as its load needs; None where every hour is alike."""


@dataclass(frozen=True, kw_only=True)
class NoFleet:
    """A chip that no fleet of serves the load, and why."""

    chip: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What the design of a fleet costs at several loads."""

    chip: str
    rates: tuple[float, ...]
    """Requests a second [1/s]."""
    usd_per_hour: tuple[float, ...]
    chips: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Fleets:
    """The cheapest fleet of each chip, the cheapest first, and the chips that have none."""

    found: tuple[Fleet, ...]
    none: tuple[NoFleet, ...]
    curves: tuple[Curve, ...]
    """One for each fleet, where loads are wanted."""


Report = Callable[[str], None]


def fleets(
    chips: Sequence[str],
    serving: Serving,
    profile: Profile,
    rate: float,
    targets: Sequence[Target],
    *,
    spare: int = 0,
    most_tp: int = 8,
    seed: int = 0,
    loads: Sequence[float] = (),
    report: Report | None = None,
) -> Fleets:
    """The cheapest fleet of each chip, the cheapest first, and the chips that have none.

    Args:
        chips: names or files.
        serving: LLM, formats, software and price; the same for all chips.
        profile: what arrives.
        rate: requests a second [1/s].
        targets: what their latencies must meet.
        spare: replicas beyond those that are needed.
        most_tp: the largest TP that is tried.
        seed: of what is drawn by chance.
        loads: multiples of the rate at which the design of each fleet is sized again.
        report: takes what is being sized.

    Returns:
        Fleets by dollars an hour, the others, and costs over loads.

    Raises:
        SpecError: for wrong names and values of any chip.
    """
    subjects: list[Subject] = []
    problems: list[Problem] = []
    moments = profile.lengths.moments
    lengths = {"isl": f"{moments.isl.mean!r} token", "osl": f"{moments.osl.mean!r} token"}
    for chip in chips:
        try:
            subjects.append(_subject(chip, serving, lengths))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(dict.fromkeys(problems))
    drawn = sample(profile, 1.0, n=LONGEST, seed=seed)
    longest = int((drawn.isl + drawn.osl).max()), int(drawn.isl.max())
    # the busiest hour, all day long
    steady = replace(profile, arrivals=replace(profile.arrivals, daily=()))
    sizing = Sizing(profile=steady, rate=rate, targets=targets, seed=seed)
    hours = profile.arrivals.daily
    found: list[tuple[Fleet, Sized]] = []
    none: list[NoFleet] = []
    for subject in subjects:
        if report is not None:
            report(subject.chip.name)
        best = _best(subject, sizing, longest, spare, most_tp)
        if isinstance(best, NoFleet):
            none.append(best)
        elif hours:
            made, sized = best
            found.append((replace(made, day=day(sized, sizing, hours, spare)), sized))
        else:
            found.append(best)
    found.sort(key=lambda each: each[0].dollars.per_hour)
    curves = [_curve(sized, sizing, spare, loads, report) for _, sized in found if loads]
    return Fleets(found=tuple(f for f, _ in found), none=tuple(none), curves=tuple(curves))


def _curve(sized: Sized, sizing: Sizing, spare: int, loads: Sequence[float], report: Report | None) -> Curve:
    """The same layout at other loads, with as many replicas as each needs."""
    rates, usd, chips = [], [], []
    for load in loads:
        if report is not None:
            report(f"{sized.design.subject.chip.name} at {load:g} times the load")
        there = replace(sizing, rate=sizing.rate * load)
        again = there.size(sized.design, sized.capacity)
        if isinstance(again, Sized):
            made = _fleet(again, there, spare)
            rates.append(there.rate)
            usd.append(made.dollars.per_hour)
            chips.append(made.chips)
    return Curve(
        chip=sized.design.subject.chip.name, rates=tuple(rates), usd_per_hour=tuple(usd), chips=tuple(chips)
    )


def _subject(chip: str, s: Serving, lengths: Mapping[str, str]) -> Subject:
    """One chip, with the mean lengths of what arrives."""
    return Subject(
        chip,
        s.llm,
        s.workload or BASE,
        weights=s.weights,
        kv=s.kv,
        activations=s.activations,
        stack=s.stack,
        serving=s.serving or (None if s.workload else SERVING),
        price_method=s.price_method,
        seller=s.seller,
        rent_term=s.rent_term,
        system=s.system,
        economy=s.economy,
        software=s.software,
        settings={**(s.settings or {}), **lengths},
        configs=s.configs,
        hold_targets=False,
    )


def _best(
    subject: Subject, sizing: Sizing, longest: tuple[int, int], spare: int, most_tp: int
) -> tuple[Fleet, Sized] | NoFleet:
    """The cheapest fleet of one chip, of designs in the order of what they would cost at full load."""
    candidates: list[tuple[float, float, Simulated]] = []
    reasons: list[str] = []
    for layout in _layouts(subject, most_tp):
        for slots in SLOTS:
            try:
                design = simulated(
                    subject, layout, slots=slots, longest=longest[0], longest_prompt=longest[1]
                )
            except SpecError as error:
                reasons += [p.what for p in error.problems]
                break
            capacity = sizing.capacity(design)
            replicas = sizing.least(design, capacity) + spare
            cost = dollars(design, replicas, float(slots), sizing.rate)
            candidates.append((cost.per_hour - cost.parts_per_hour.get("electricity", 0.0), capacity, design))
    best: tuple[Fleet, Sized] | None = None
    slow: dict[str, None] = {}
    for least_usd, capacity, design in sorted(candidates, key=lambda c: c[0]):
        # even full replicas of it would cost more
        if best is not None and least_usd >= best[0].dollars.per_hour:
            break
        sized = sizing.size(design, capacity)
        if isinstance(sized, TooSlow):
            slow |= dict.fromkeys(sized.binds)
            continue
        made = _fleet(sized, sizing, spare)
        if best is None or made.dollars.per_hour < best[0].dollars.per_hour:
            best = made, sized
    if best is not None:
        return best
    if slow:
        return NoFleet(
            chip=subject.chip.name, why=f"{', '.join(slow)}: missed with a single request at a time"
        )
    return NoFleet(chip=subject.chip.name, why=reasons[0] if reasons else "no layout was found")


def _layouts(subject: Subject, most_tp: int) -> Iterator[Layout]:
    """TP up to the largest, and for experts EP as wide as TP."""
    for tp in all_ways(subject.llm):
        if tp > most_tp:
            continue
        yield Layout(tp=tp)
        if subject.llm.expert_count and tp > 1 and not bad_ep(tp, tp, 1, subject.llm):
            yield Layout(tp=tp, ep=tp)


def _fleet(sized: Sized, sizing: Sizing, spare: int) -> Fleet:
    """Everything that is said of a design with its replicas."""
    design, replicas = sized.design, sized.replicas + spare
    ttft, end_to_end = spread(sized.found.ttft), spread(sized.found.end_to_end)
    if ttft is None or end_to_end is None:
        raise ValueError("no request was served")
    # the same requests over all replicas
    running = sized.running * sized.replicas / replicas
    return Fleet(
        chip=design.subject.chip.name,
        replicas=replicas,
        spare=spare,
        chips=replicas * design.layout.chips,
        layout=design.layout,
        slots=design.slots,
        utilisation=sizing.rate / (sized.capacity * replicas),
        ttft_s=ttft,
        tpot_s=spread(sized.found.tpot),
        end_to_end_s=end_to_end,
        binds=sizing.binds(sized),
        dollars=dollars(design, replicas, running, sizing.rate),
        stack=design.subject.stack.name,
        label=design.subject.stack.estimate,
        simulated=sized.simulated,
    )
