"""What one chip is made of: die plan, yield, bill of materials, price, power, with published figures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dse.chips.clock_note import clock_note
from dse.chips.formats import Computed, computed_by_format, with_formats
from dse.chips.price_basis import meaning_of, price_basis
from dse.chips.price_method import Terms
from dse.chips.prices import price_of_one
from dse.chips.silicon import Silicon, chip_silicon
from dse.errors import SpecError, nearest, spec_error
from dse.evaluate.chip_rates import joules_per_byte, joules_per_flop, peaks_of
from dse.evaluate.money import Money
from dse.evaluate.sheet_price import money_on_sheet, price_on_sheet, why_unpriced
from dse.evaluate.subject import ECONOMY
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.command_line import checked_values, chip_with, economy_with, of_one_chip
from dse.spec.overrides.short_names import CHIP, by_short_name
from dse.spec.overrides.short_names import ECONOMY as PAID
from dse.spec.schema.base import sourced_values
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import EconomySpec
from dse.spec.schema.technology import TechnologySpec, node_named
from dse.spec.yaml.units import pretty
from objectives.arrays import zeros_like
from objectives.equations.fabrication.package import PACKAGES
from objectives.equations.fabrication.yields import (
    gross_dies_per_wafer,
    yield_murphy,
    yield_negative_binomial,
)

TECHNOLOGY = "technology-2026"
GIB = 2**30
NO_SILICON = frozenset({"power", "price", "host", "rent", "gross_margin", "claimed_user_speed"})
"""Settings that leave the silicon of a chip as it is."""


@dataclass(frozen=True, kw_only=True)
class Dies:
    """All dies of one kind."""

    kind: str
    """`compute` or `io`."""
    process: str
    count: int
    area_m2: float
    """Of one."""
    parts_m2: Mapping[str, float]
    """Of one, by part; they sum to `area_m2`."""
    gross_per_wafer: float | None
    """None for a whole wafer."""
    harvested_yield: float
    negative_binomial_yield: float | None
    """Without any redundancy; None for a whole wafer."""
    murphy_yield: float | None
    """The rival law, likewise."""
    usd: float
    """Of all of them that work."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published figure and ours."""

    quantity: str
    unit: str
    ours: float
    value: float
    low: float | None
    high: float | None
    error: float
    """ours / value - 1."""
    source: str
    date: str | None


@dataclass(frozen=True, kw_only=True)
class ChipSheet:
    """One chip in SI; every ledger sums to its total."""

    chip: str
    title: str
    hypothetical: bool
    exchanged: tuple[str, ...]
    packaging: str
    dies: tuple[Dies, ...]
    area_m2: float
    area_parts: Mapping[str, float]
    unit_cost_usd: float | None
    """None where a price of its parts is unknown; `notes` say which."""
    unit_cost_parts: Mapping[str, float]
    price_method: str
    price_usd: float | None
    price_parts: Mapping[str, float]
    money: Money
    """Price and economy that hold."""
    power_w: float
    power_parts: Mapping[str, float]
    formats: Mapping[str, Computed]
    """By number format of weights and activations, what a multiplication is computed in."""
    clock_share: float
    """Clock over the nominal one [1]: below 1 where the chip would be too hot."""
    peaks: Mapping[str, float]
    """Dense matrix peak by number format, at the clock that it runs at [FLOP/s]."""
    joules_per_flop: Mapping[str, float]
    """By number format, cores at full rate."""
    joules_per_byte: Mapping[str, float]
    """By tier and link."""
    violations: Mapping[str, float]
    published: tuple[Published, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def chip_sheet(
    chip: str,
    *,
    node: str | None = None,
    settings: Mapping[str, str] | None = None,
    price_method: str | None = None,
    seller: str | None = None,
    rent_term: str | None = None,
    economy: str = ECONOMY,
    yield_law: str = "negative-binomial",
    configs: Path | str | None = None,
) -> ChipSheet:
    """What `chip`, a name or a file, is made of on `node` with `settings` exchanged.

    `price_method` is listed, compute-ratio, unit-cost, margin (with a `seller`) or another that is
    registered; by default the listed price where a real chip has one, else its unit cost. Raises `SpecError`
    with every problem at once.
    """
    catalog = Catalog.of(configs)
    technology = catalog.get(TechnologySpec, TECHNOLOGY)
    sold = catalog.get(ChipSpec, chip)
    every = by_short_name(of_one_chip(checked_values(settings), sold.name))
    paid = economy_with(every, catalog.get(EconomySpec, economy))
    given = {name: text for name, text in every.items() if name not in PAID}
    if node is not None:
        # an override like the others, so that it counts as a change
        given["process"] = node_named(technology, node)
    # after the overrides, so that derived peaks follow an overridden one
    spec = with_formats(chip_with(given, sold), technology)
    changed = _changed(given, sold, spec)
    if spec.die.process.value is not None and spec.die.process.value not in technology.nodes:
        process = str(spec.die.process.value)
        told = (
            f"expected a node that {TECHNOLOGY} knows, got {process!r}; {nearest(process, technology.nodes)}"
        )
        raise spec_error(f"chips/{spec.name}: die.process", f"{told}; --node makes it on one of them")
    # limits of heat hold for what has not been built
    designed = spec.model_copy(update={"hypothetical": True}) if changed else spec
    made, costs, notes = _made(designed, technology, yield_law)
    if changed:
        notes.append(f"{', '.join(changed)} exchanged: published figures are of another chip, and left out")
    # the published power is of the chip as it is sold
    power = spec.power.value
    if changed and "power" not in given:
        power = _board_power(sold, made, technology)
    cost = {k: _first(v) for k, v in made.unit_cost_parts(_like(made, power)).items()} if costs else {}
    # a chip with overrides is not the one that is listed
    method = price_method or ("listed" if spec.price.value is not None and not changed else "unit-cost")
    terms = Terms(
        price=price_of_one(method, seller, term=rent_term),
        technology=technology,
        catalog=catalog,
        economy=paid,
    )
    price_parts = price_on_sheet(spec, terms, cost, made)
    price = sum(price_parts.values()) if price_parts else None
    notes += why_unpriced(spec, terms) if price is None and costs else ()
    notes += _dated(spec, technology, method, bool(cost))
    if changed and power is not None and sold.power.value and "power" not in given:
        card = f"the {pretty(sold.power.value, 'W')} of {spec.name} as it is sold"
        notes.append(f"board and cooling are bought for {pretty(power, 'W')}: {card}, as derived powers go")
    if slowed := clock_note(made):
        notes.append(f"it {slowed}")
    over = _violations(spec, made, bool(changed))
    if any(v > 0.0 for v in over.values()):
        notes.append("it cannot be made: its cost and power only show how far off it is")
    total = sum(cost.values()) if cost else None
    return ChipSheet(
        chip=spec.name,
        title=spec.title,
        hypothetical=spec.hypothetical or bool(changed),
        exchanged=tuple(f"{k}={v}" for k, v in given.items()),
        packaging=_packaging(made),
        dies=_dies(spec, made),
        area_m2=_first(made.area_m2),
        area_parts={k: _first(v) for k, v in made.area_parts.items()},
        unit_cost_usd=total,
        unit_cost_parts=cost,
        price_method=method,
        price_usd=price,
        price_parts=price_parts,
        money=money_on_sheet(spec, terms, price),
        power_w=_first(made.power_w),
        power_parts={k: _first(v) for k, v in made.power_parts.items()},
        formats=computed_by_format(spec),
        clock_share=_first(made.clock_share),
        peaks=peaks_of(spec, made),
        joules_per_flop=joules_per_flop(spec, made),
        joules_per_byte=joules_per_byte(made),
        violations=over,
        published=() if changed or spec.hypothetical else tuple(_published(spec, made, total, price_parts)),
        notes=tuple(notes),
    )


def _board_power(sold: ChipSpec, made: Silicon, technology: TechnologySpec) -> float | None:
    """Power that board and cooling of an exchanged chip are bought for [W]; None where nobody tells it.

    That of the card as it is sold, as many times more as the derived power has grown, so that a little more
    of anything costs a little more.
    """
    told = sold.power.value
    if told is None or sold.die.process.value not in technology.nodes:
        return None
    # watts alone are compared, so that an unknown price does not stop it
    before = chip_silicon(sold, technology, priced=False)
    return float(told * _first(made.power_w) / _first(before.power_w))


def _changed(given: Mapping[str, str], before: ChipSpec, after: ChipSpec) -> list[str]:
    """What of `given` makes another chip: exchanged for another value, and of its silicon."""
    # an override by the chip's own value makes no other chip: published figures still apply
    old, new = dict(sourced_values(before)), dict(sourced_values(after))
    found = []
    for name in sorted(set(given) - NO_SILICON):
        was, now = old.get(CHIP[name]), new.get(CHIP[name])
        # a class of cooling is a word, so it is none of the sourced values
        same = (
            before.cooling == after.cooling if name == "cooling" else was and now and was.value == now.value
        )
        if not same:
            found.append(name)
    return found


def _dated(spec: ChipSpec, technology: TechnologySpec, method: str, priced: bool) -> list[str]:
    """When, by whom and on what basis the prices in it were told."""
    found = []
    p = spec.price
    if method == "listed" and p.value is not None and spec.gross_margin is None:
        between = "" if None in (p.low, p.high) or p.low == p.high else f"{p.low:,.0f} to {p.high:,.0f} USD"
        when = f" of {p.date}" if p.date else ""
        told = ", ".join(t for t in (between, meaning_of(price_basis(spec, method)), p.note) if t)
        found.append(f"listed at {p.value:,.0f} USD{when} ({p.basis}, {p.source}): {told}")
    if priced and spec.dram is not None:
        cost = technology.dram[spec.dram.generation].cost
        each = f"{(cost.value or 0.0) * GIB:.3g} USD/GiB"
        found.append(f"{spec.dram.generation} at {each} ({cost.date}), a price that moves within a quarter")
    return found


def _made(spec: ChipSpec, technology: TechnologySpec, yield_law: str) -> tuple[Silicon, bool, list[str]]:
    """Silicon, whether its dollars are known, and what is unknown of them."""
    try:
        return chip_silicon(spec, technology, yield_law=yield_law), True, []
    except SpecError as error:
        # area and power need no prices, so they are shown without dollars
        made = chip_silicon(spec, technology, priced=False, yield_law=yield_law)
        return made, False, [f"no unit cost: {p.what}" for p in error.problems]


def _packaging(made: Silicon) -> str:
    plan = made.plan
    if made.technology.wafer.whole:
        return "whole wafer"
    dies, io = _first(plan.compute.count), _first(plan.io.count)
    kind = PACKAGES[int(_first(plan.package))]
    if kind == "organic":
        return "monolithic, organic substrate" if dies + io == 1 else "several dies on an organic substrate"
    told = "2.5D, silicon interposer" if kind == "interposer" else "2.5D, interposer with bridges"
    return told + (", compute dies on I/O dies" if io > 0 else "")


def _dies(spec: ChipSpec, made: Silicon) -> tuple[Dies, ...]:
    """Area, count and yields of each kind of die; a kind of which the chip has none is left out."""
    t, plan, cost = made.technology, made.plan, made.unit_cost_parts()
    nodes = {
        "compute": str(spec.die.process.value),
        "io": "" if spec.die.io is None else str(spec.die.io.process.value),
    }
    found = []
    for kind, group, node in (("compute", plan.compute, t.node), ("io", plan.io, t.io_node)):
        count = _first(group.count)
        if count == 0.0:
            continue
        area, wafer = group.each_m2, t.wafer
        laws = {"defects_per_m2": node.defects_per_m2}
        # the laws without redundancy are for comparison: cost follows the harvested yield
        gross = gross_dies_per_wafer(
            area, diameter_m=wafer.diameter_m, edge_m=wafer.edge_m, scribe_m=wafer.scribe_m
        )
        whole = wafer.whole
        found.append(
            Dies(
                kind=kind,
                process=nodes[kind],
                count=int(count),
                area_m2=_first(area),
                # parts are of all dies of a kind together
                parts_m2={k: _first(v) / count for k, v in group.parts().items()},
                gross_per_wafer=None if whole else _first(gross),
                harvested_yield=_first(made.yields[kind]),
                negative_binomial_yield=None
                if whole
                else _first(yield_negative_binomial(area, clustering=wafer.clustering, **laws)),
                murphy_yield=None if whole else _first(yield_murphy(area, **laws)),
                usd=_first(cost[f"{kind}_dies"]),
            )
        )
    return tuple(found)


def _violations(spec: ChipSpec, made: Silicon, changed: bool) -> dict[str, float]:
    """What keeps a hypothetical chip from being made; a chip that exists has been made."""
    if not (spec.hypothetical or changed):
        return {}
    plan = made.plan
    return {
        "die_area": _first(plan.area_excess_m2),
        "dram_stacks": _first(plan.stacks_excess),
        "link_edge": _first(plan.link_excess),
        "cooling": _first(made.cooling_excess_w),
        "power_density": _first(made.power_density_excess),
        **({} if plan.bonded_excess_m2 is None else {"bonded_area": _first(plan.bonded_excess_m2)}),
    }


def _published(
    spec: ChipSpec, made: Silicon, cost: float | None, price: Mapping[str, float]
) -> list[Published]:
    """Published numbers of the chip next to those that the technology implies."""
    # a listed price compared with itself says nothing, and a rent covers more than the chip
    derived = None if {"listed", "rents"} & set(price) else sum(price.values()) or None
    ours: list[tuple[str, str, float | None, Any]] = [
        ("die_area", "m2", _first(made.plan.compute.each_m2), spec.die.area),
        ("tdp", "W", _first(made.power_w), spec.power),
        ("unit_cost", "USD", cost, spec.unit_cost),
        ("price", "USD", derived, spec.price),
    ]
    if spec.die.io is not None:
        # next to the area of the compute dies
        ours.insert(1, ("io_die_area", "m2", _first(made.plan.io.each_m2), spec.die.io.area))
    return [
        Published(
            quantity=name,
            unit=unit,
            ours=value,
            value=leaf.value,
            low=leaf.low,
            high=leaf.high,
            error=value / leaf.value - 1.0,
            source=leaf.source,
            date=leaf.date,
        )
        for name, unit, value, leaf in ours
        if value is not None and leaf.value
    ]


def _like(made: Silicon, value: float | None) -> Any:
    return None if value is None else zeros_like(made.power_w) + value


def _first(column: Any) -> float:
    return float(column.reshape(-1)[0])
