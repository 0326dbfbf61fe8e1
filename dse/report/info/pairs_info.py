"""The picture of a front of pairs: each pair of chips, or of kinds of them, in a colour of its own."""

from collections import Counter
from dataclasses import replace

from dse.front.files import Front
from dse.front.tables import plain_rows
from dse.question.chip_names import branch_of, pair_name
from dse.question.pools.study import PooledStudy
from dse.report.drawing.style import chip_look
from dse.report.info.front_info import FrontInfo, front_info

MOST = 9
"""Pairs that the legend names, those with the most designs; the others share an entry."""
OTHERS = "other pairs"


def pairs_info(study: PooledStudy, front: Front) -> FrontInfo:
    """What to draw of a front of pairs: chips of the catalog go by name, searched ones by their branch."""
    names = [_kinds(study, row) for row in plain_rows(front.frame)]
    known = [name for name, _ in Counter(names).most_common(MOST)]
    told = [name if name in known else OTHERS for name in names]
    info = front_info(replace(front, frame=front.frame.assign(branch=told)))
    # in the order of the legend: of nine no two look alike
    order = [name for name in (*known, OTHERS) if name in told]
    looks = {name: chip_look(name, i)[0] for i, name in enumerate(order)}
    series = tuple(replace(s, style=looks.get(s.style.label, s.style)) for s in info.series)
    return replace(info, series=series)


def _kinds(study: PooledStudy, row: dict[str, object]) -> str:
    chips = [(own, str(row[f"{role}.chip"])) for role, own in study.pools.items()]
    return pair_name([name if name in own.baselines else branch_of(name) for own, name in chips])
