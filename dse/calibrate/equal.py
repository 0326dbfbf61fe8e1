"""`python -m dse.calibrate.equal FOLDER`: one software for all chips, from what is measured of each class.

A comparison of chips that run each on its own stack compares software as well. The stack `equal` gives every
chip the same losses: the centre of the classes that measurements anchor, GPUs and dataflow chips.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np

from dse.calibrate.parameters import PARAMETERS, Parameter
from dse.calibrate.profile import Number, Profile, ProfileValue, rounded
from dse.chips.granularity import GRAIN
from dse.front.files import write_files
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import Sourced, unit_in
from dse.spec.schema.system import RARE, StackSpec

NAME: Final = "equal"
CENTRES: Final = ("gpu-serving", "static-dataflow")
"""Stacks of the classes of chips, each the centre of the engines or vendors that were measured."""
CAPACITY: Final = "usable_capacity"
ABLE: Final = ("context_parallel", *RARE)
"""What a stack can do, which is no number."""
SHARES: Final = {"sram_efficiency": Parameter(column="sram_efficiency", scale="share", unit="")}
"""Fitted for dataflow chips alone."""


def equal(catalog: Catalog) -> Profile:
    """The stack `equal`: of each number the centre of the classes that measured it.

    The centre is taken on the line that a fit walks on: geometric for times, in log-odds for shares, so that
    no class counts for more. Low to high spans the ranges of both. A number that only one class measured is
    that one's; a number that none measured, such as the share of SRAM on GPUs, does not count.
    """
    sides = [catalog.get(StackSpec, name) for name in CENTRES]
    leaves: dict[str, ProfileValue] = {}
    for name in StackSpec.model_fields:
        # sourced numbers alone: names, dates and classes are set below
        given = {s.name: leaf for s in sides if isinstance(leaf := getattr(s, name), Sourced)}
        # what a stack can do is that of the chip's own, see `stack_under`
        if given and name not in ABLE:
            leaves[name] = _leaf(name, given)
    spec = sides[0].model_copy(
        update={
            "name": NAME,
            "title": "Equal losses for every chip, the centre of what is measured",
            "aliases": (),
            "engines": (),
            "classes": (),
            "chips": (),
            "llms": (),
            "vendors": (),
            **dict.fromkeys(ABLE),
        }
    )
    return Profile(
        spec=spec,
        leaves=leaves,
        # no interval: nothing was measured on this software, so any factor would be invented
        interval={},
        chips=(),
        estimate="uncalibrated",
        notes=f"Derived from {' and '.join(CENTRES)} by `python -m dse.calibrate.equal`. For comparisons of "
        "hardware: nobody sells this software, so no measurement gives it an error bar. What belongs to the "
        f"hardware ({', '.join(GRAIN)}) stays that of each chip's own stack.",
    )


def _leaf(name: str, given: dict[str, Number]) -> ProfileValue:
    """The number `name` of the stack, from that of each class."""
    # only what was fitted counts; an assumption of one class must not move the centre
    known = {stack: leaf for stack, leaf in given.items() if measured(leaf)}
    # without any measured number the first class gives value, unit and text
    first = next(iter((known or given).values()))
    unit = unit_in(type(first).model_fields["value"].annotation) or ""
    if name in GRAIN:
        return _as(first, unit, "stands in: each chip keeps its own")
    if name == CAPACITY:
        # a larger share than any class reaches would admit designs that do not fit
        least = min(given, key=lambda s: _number(given[s].value))
        return _as(given[least], unit, f"as {least}: the least that any class leaves")
    if name not in PARAMETERS and name not in SHARES:
        return _as(first, unit, first.note)
    if not known:
        return _as(first, unit, f"as {next(iter(given))}: no class measured it")
    return _centre(SHARES.get(name) or PARAMETERS[name], known, unit)


def measured(leaf: Number) -> bool:
    """Whether rows say something about a number: it was derived from them, with a range."""
    return leaf.basis == "derived" and None not in (leaf.value, leaf.low, leaf.high)


def _centre(p: Parameter, known: dict[str, Number], unit: str) -> ProfileValue:
    """The mean of the classes that measured a number, on the scale of the fit."""
    # without weights: a class with more rows does not count for more
    middle = float(np.mean([p.inward(_number(leaf.value)) for leaf in known.values()]))
    names = " and ".join(known)
    what = f"as {names}, which alone was measured" if len(known) == 1 else f"centre of {names}"
    return ProfileValue(
        value=rounded(float(p.outward(np.asarray(middle)))),
        unit=unit,
        source="+".join(dict.fromkeys(leaf.source for leaf in known.values())),
        date=_dates(known),
        basis="derived",
        low=min(_number(leaf.low) for leaf in known.values()),
        high=max(_number(leaf.high) for leaf in known.values()),
        note=f"{what}; low to high: both ranges",
    )


def _dates(known: dict[str, Number]) -> str | None:
    """First and last date of the rows behind some numbers."""
    ends = sorted(end for leaf in known.values() if leaf.date for end in leaf.date.split("/"))
    return None if not ends else ends[0] if ends[0] == ends[-1] else f"{ends[0]}/{ends[-1]}"


def _as(given: Number, unit: str, note: str | None) -> ProfileValue:
    """The number of one class, with another note."""
    return ProfileValue(
        value=_number(given.value),
        unit=unit,
        source=given.source,
        date=given.date,
        basis=given.basis,
        low=given.low,
        high=given.high,
        note=note,
    )


def _number(value: float | None) -> float:
    return float(value or 0.0)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_files({folder / "stacks" / f"{NAME}.yaml": equal(Catalog.of(folder)).yaml()})
