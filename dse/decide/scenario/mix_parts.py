"""What a chip must serve: one LLM and workload, or every part of a mix, each from a cluster of its own."""

from collections.abc import Mapping, Sequence

import numpy as np

from dse.evaluate.mix import MemberPoints, combined_metrics, taken
from dse.front.tables import Row, size_in
from dse.question.layouts import one
from dse.question.resolved_study import Member, ResolvedStudy
from dse.text import cp_text
from objectives import api

SIZES = ("batch", "tp", "cp", "pp", "ep")
Layout = tuple[Mapping[str, int], ...]
"""Batch, TP, CP, PP and EP of the cluster of each part, in the order of `parts_of`."""


def parts_of(study: ResolvedStudy) -> tuple[Member, ...]:
    """Everything that a chip of the study must serve; one part without a label where it is no mix."""
    # an empty label keeps the columns of a front without a prefix, see `column_of`
    return study.members or (Member(label="", weight=1.0, context=study.context, targets=study.targets),)


def contexts_of(study: ResolvedStudy) -> tuple[api.Context, ...]:
    """What two studies must share to be evaluated in one call."""
    return tuple(part.context for part in parts_of(study))


def column_of(part: Member, name: str) -> str:
    """The column of a front with `name` of a part."""
    return f"{part.label}.{name}" if part.label else name


def layout_of_row(study: ResolvedStudy, row: Row) -> Layout:
    """Deployment of each part in a row of a front."""
    return tuple({n: size_in(row, column_of(part, n)) for n in SIZES} for part in parts_of(study))


def layout_at(grid: api.Deployments, index: Sequence[int]) -> Layout:
    """Deployment of each part by its place in the flattened grid."""
    flat = grid.reshape(-1)
    return tuple({n: int(getattr(flat, n)[i]) for n in SIZES} for i in index)


def deployments_of(layout: Layout) -> tuple[api.Deployments, ...]:
    """A layout as batches of one, one for each part."""
    return tuple(one(sizes) for sizes in layout)


def layout_text(layout: Layout, parts: Sequence[Member]) -> str:
    """A layout as text; that of a mix names the part that each deployment serves."""
    texts = []
    for part, d in zip(parts, layout, strict=True):
        spread = f", EP {d['ep']}" if d["ep"] > 1 else ""
        head = f"{part.label}: " if part.label else ""
        texts.append(f"{head}batch {d['batch']:,}, TP {d['tp']}{cp_text(d)}, PP {d['pp']}{spread}")
    return "; ".join(texts)


def served_words(study: ResolvedStudy) -> str:
    """What is served, for people: the LLM, or the parts of a mix with their shares of the output tokens."""
    if not study.members:
        return study.context.llm.name
    return " and ".join(f"{m.weight:.0%} {m.label}" for m in study.members)


def whole_metrics(
    parts: Sequence[Member], designs: Sequence[api.Designs], each: Sequence[api.Metrics]
) -> api.Metrics:
    """Metrics of chips that serve all parts; those of the one part where there is one, ledgers and all.

    Those of a mix are of shape (size of the designs,) and have no ledgers.
    """
    # a mix may have a single part, which then has a label
    if len(parts) == 1 and not parts[0].label:
        return each[0]
    # `taken` broadcasts every column to all designs, since parts are summed row by row
    points = (
        MemberPoints(member=p, designs=d, metrics=taken(m, d, np.arange(d.size)))
        for p, d, m in zip(parts, designs, each, strict=True)
    )
    return combined_metrics(tuple(points))
