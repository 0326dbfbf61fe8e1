"""The picture of a front of pairs: each pair of chips, or of kinds of them, in a look of its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.front.files import Front
from dse.front.tables import Column, Row, Table, plain_rows
from dse.question.pools.eligibility import PairEligibility, Standing
from dse.report.drawing.style import Style, chip_look
from dse.report.info.front_info import FrontInfo, front_info
from dse.report.pairs.words import standing_of
from dse.report.words.eligibility import Eligibility, eligibility_of

MOST = 9
"""Pairs that the legend names, those with the most designs; the others share an entry."""
OTHERS = "other pairs"


@dataclass(frozen=True, eq=False)
class Named:
    """A front of pairs whose kinds are called by their chips, and how each kind looks."""

    front: Front
    """Chips of the catalog go by name, searched ones by their branch."""
    looks: Mapping[str, Style]


def of_pairs(front: Front) -> bool:
    """Whether the designs of a front are pairs."""
    return eligibility_of(front).pairs is not None


def named(front: Front) -> Named:
    """A front of pairs under the names of its pairs; others than the most frequent share one."""
    eligible = eligibility_of(front)
    every = [_families(eligible, table) for table in (front.frame, front.baselines)]
    known = [name for name, _ in Counter(name for names in every for name in names).most_common(MOST)]
    told = [[name if name in known else OTHERS for name in names] for names in every]
    # in the order of the legend: of nine no two look alike
    order = [name for name in (*known, OTHERS) if any(name in names for names in told)]
    looks = {name: replace(chip_look(name, i)[0], place=i) for i, name in enumerate(order)}
    frame, baselines = (
        table.assign(branch=Column(names, index=table.index, dtype=object)) if len(table) else table
        for table, names in zip((front.frame, front.baselines), told, strict=True)
    )
    return Named(replace(front, frame=frame, baselines=baselines), looks)


def _families(eligible: Eligibility, table: Table) -> list[str]:
    return [eligible.family(str(chip), "") for chip in table["chip"]] if len(table) else []


def pairs_info(front: Front) -> FrontInfo:
    """What to draw of a front of pairs."""
    shown = named(front)
    info = front_info(shown.front, looks=shown.looks)
    # its name says whether a pair is of the catalog
    series = [replace(s, label=s.label.replace(", baseline chip (", " (")) for s in info.series if len(s.x)]
    return replace(info, series=tuple(series), of_pairs=True)


def first_picture(front: Front) -> FrontInfo:
    """What to draw of the pairs that rank first; a note says which, where there are others."""
    (first, drawn), *others = standings_of(front)
    return _noted(pairs_info(drawn), first) if others else pairs_info(drawn)


def other_pictures(front: Front) -> list[tuple[str, FrontInfo]]:
    """What to draw of the pairs of each other standing, with its name."""
    return [(only_text(standing), pairs_info(drawn)) for standing, drawn in standings_of(front)[1:]]


def _noted(info: FrontInfo, standing: Standing) -> FrontInfo:
    return replace(info, notes=(*info.notes, f"{only_text(standing)} alone: others do not rank among them"))


def standings_of(front: Front) -> Sequence[tuple[Standing, Front]]:
    """The pairs of each standing by themselves, those that may win first; the front itself where it has one.

    One axis of dollars takes one basis of prices. Rows keep their labels. Where unanchored pairs may win,
    they are among the others.
    """
    eligible = eligibility_of(front).pairs
    if eligible is None or not len(front.frame):
        return [(("", False), front)]
    tables = {"frame": front.frame, "baselines": front.baselines}
    of_rows = {k: [_standing(eligible, row) for row in plain_rows(t)] for k, t in tables.items()}
    order = [(group, barred) for barred in (False, True) for group in eligible.groups]
    present = dict.fromkeys(s for s in (*order, *of_rows["frame"]) if s in of_rows["frame"])
    return [
        (
            standing,
            replace(
                front,
                frame=_only(front.frame, of_rows["frame"], standing),
                baselines=_only(front.baselines, of_rows["baselines"], standing),
            ),
        )
        for standing in present
    ]


def _standing(eligible: PairEligibility, row: Row) -> Standing:
    prices, unanchored = standing_of(eligible, row)
    return prices, unanchored and not eligible.shown


def _only(table: Table, standings: Sequence[Standing], wanted: Standing) -> Table:
    return table[np.asarray([each == wanted for each in standings], dtype=np.bool_)]


def only_text(standing: Standing) -> str:
    """The pairs of a standing, in words."""
    prices, unanchored = standing
    return f"{'unanchored ' if unanchored else ''}pairs at {prices}"
