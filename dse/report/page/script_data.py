"""What the scripts of a page draw, as plain data: computed infos and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from textwrap import fill

import numpy as np

from dse.arrays import Floats
from dse.evaluate.detail import DesignDetail
from dse.front.tables import Row
from dse.question.chip_names import BESIDE
from dse.report.drawing.scales import Scale, tick_label, ticks
from dse.report.drawing.style import PARTS, Style, kind_label, kind_of
from dse.report.info.card_info import roles_of
from dse.report.info.curves import Curve
from dse.report.info.evidence import Evidence, identity
from dse.report.info.front_info import FrontInfo, Series
from dse.report.info.parallel_info import ParallelInfo
from dse.report.info.progress_info import ProgressInfo
from dse.report.info.stacked_bars_info import StackInfo
from dse.report.pairs.words import chips_text, layout_text
from dse.report.plots.importance_plot import parameter_label
from dse.report.words.part_names import counted, word
from dse.report.words.quantities import chosen, quantity, shown, written
from dse.search.analysis.importance import Importance
from dse.text import cp_text
from objectives.systems.split import ROLES

Data = dict[str, object]
FILTERS = ("tpot_s", "ttft_s", "capex_usd")
"""Columns that a slider bounds."""


def front_key(row: int) -> str:
    """What scripts call a row of the front."""
    return f"f{row}"


def baseline_key(row: int) -> str:
    """What scripts call a row of the baselines."""
    return f"b{row}"


def listed(found: Evidence) -> list[str]:
    """Keys of the rows that a list of all designs has: a baseline that is on the front is there once."""
    own = {identity(row) for row in found.rows}
    # numbers are those of all baselines, so that keys match `rows_data`
    others = [baseline_key(i) for i, row in enumerate(found.baselines) if identity(row) not in own]
    return [*map(front_key, range(len(found.rows))), *others]


def rows_data(found: Evidence) -> Data:
    """Every row by its key: its columns in SI, and what hovering says."""
    keyed = [
        (front_key(i), row, seen) for i, (row, seen) in enumerate(zip(found.rows, found.seen, strict=True))
    ]
    keyed += [
        (baseline_key(i), row, seen)
        for i, (row, seen) in enumerate(zip(found.baselines, found.seen_baselines, strict=True))
    ]
    return {key: {**row, "hover": hover(row, seen)} for key, row, seen in keyed}


def hover(row: Row, seen: DesignDetail | None) -> str:
    """A design in a few lines."""
    capital, roles = quantity("capex_usd").label, roles_of(row)
    kind = "" if roles else f" ({kind_label(str(row.get('branch') or ''))})"
    lines = [
        f"{row.get('chip')}{kind}",
        f"$/(token/s) {shown(row.get('usd_per_token_per_s'), '')}",
        f"TPOT {shown(row.get('tpot_s'), 's')}, TTFT {shown(row.get('ttft_s'), 's')}",
        f"{counted(row.get('chips') or 0)} chips, {capital} {shown(row.get('capex_usd'), 'USD')}",
    ]
    lines += [f"{role}: {chips_text(row, role)}, {layout_text(row, role)}" for role in roles]
    # a mix has deployments of its parts only
    if row.get("batch") is not None:
        lines.append(f"batch {row['batch']}, TP {row.get('tp')}{cp_text(row)}, PP {row.get('pp')}")
    for part, own in (seen.parts if seen is not None else {}).items():
        known = ("tp", "cp", "pp") if row.get(f"{part}.cp", 1) > 1 else ("tp", "pp")
        sizes = ", ".join(f"{name.upper()} {row[f'{part}.{name}']}" for name in known)
        speed = shown(row[f"{part}.tpot_s"], "s")
        bound = word(own.bound_by)
        lines.append(f"{part}: batch {row[f'{part}.batch']}, {sizes}, TPOT {speed}, bound by {bound}")
    parameters = [
        f"{q.label} {chosen(row, q.column) or written(row[q.column] * q.factor)} {q.unit}".rstrip()
        for q in (quantity(column) for column in row if _is_parameter(column))
        if row[q.column] is not None
    ]
    # two a line keep the box narrow
    lines += [", ".join(parameters[i : i + 2]) for i in range(0, len(parameters), 2)]
    # each part of a mix has said its own above
    if seen is not None and seen.bound_by and not seen.parts:
        lines.append(f"bound by {word(seen.bound_by)}")
    return "\n".join(lines)


def _is_parameter(column: str) -> bool:
    """Whether a column is a parameter of a chip, maybe of that of a pool."""
    role, _, own = column.partition(".")
    return (own if role in ROLES else column).startswith("param_")


def filters_data(found: Evidence) -> list[Data]:
    """The ends of every slider over all designs and baselines."""
    out = []
    for column in FILTERS:
        values = [float(r[column]) for r in (*found.rows, *found.baselines) if r.get(column) is not None]
        # a single value leaves nothing to filter by
        if values and min(values) < max(values):
            q = quantity(column)
            out.append(
                {
                    "column": column,
                    "label": q.label,
                    "unit": q.unit,
                    # bounds stay in SI, as the rows are; the script only shows them in the unit
                    "factor": q.factor,
                    "low": min(values),
                    "high": max(values),
                }
            )
    return out


def front_data(info: FrontInfo) -> Data:
    """A front with its baselines and targets."""
    return {
        "x": _scale(info.x),
        "y": _scale(info.y),
        # an empty series is an entry of the legend of a picture; the page draws no legend of it
        "series": [_series(s) for s in info.series if len(s.x)],
        "baselines": [_curve(c) for c in info.baselines],
        "targets": [
            {"axis": t.axis, "value": t.value, "label": t.label, **({"row": t.row} if t.row else {})}
            for t in info.targets
        ],
        "exact": {"x": _list(info.exact[0]), "y": _list(info.exact[1])},
    }


def stack_data(info: StackInfo) -> Data:
    """Stacked bars."""
    return {
        "y_label": info.y_label,
        "x_label": info.x_label,
        "bars": list(info.bars),
        "totals": list(info.totals),
        "dense": info.dense,
        "parts": [
            {"name": name, "values": _list(values), "pattern": PARTS[i % len(PARTS)].pattern}
            for i, (name, values) in enumerate(info.parts)
        ],
    }


def parallel_data(info: ParallelInfo) -> Data:
    """Parallel coordinates."""
    return {
        "axes": [
            {
                "title": u.quantity.title,
                "wrapped": fill(u.quantity.title, 11),
                "ticks": [list(t) for t in u.ticks],
            }
            for u in info.axes
        ],
        "bundles": [
            {
                "label": f"{bundle.style.label or 'design'} ({len(bundle.at):,})",
                **_look(bundle.style),
                "lines": [
                    {
                        "key": front_key(row),
                        "name": name,
                        "at": _list(at),
                        "shown": [
                            # a chip without such a part has a gap on that axis
                            u.names.get(v) or (written(v) if isfinite(v) else "-")
                            for u, v in zip(info.axes, values.tolist(), strict=True)
                        ],
                    }
                    for row, name, at, values in zip(
                        bundle.rows, bundle.names, bundle.at, bundle.shown, strict=True
                    )
                ],
            }
            for bundle in info.bundles
        ],
    }


def importance_data(found: Sequence[Importance]) -> Data:
    """Shares of the parameters of each branch."""
    return {
        "branches": [
            {
                "label": f"{kind_label(one.branch)}: {one.trials:,} trials",
                "kind": one.branch,
                **({"part": i} if BESIDE in one.branch else {}),
                "shares": [[parameter_label(name), 100 * share] for name, share in one.shares],
            }
            for i, one in enumerate(found)
        ]
    }


def progress_data(info: ProgressInfo) -> Data:
    """How much hypervolume was missing."""
    # where nothing was ever missing there is no step to extend
    trials, missing = _list(info.trials), _list(info.missing)
    if trials:
        end = info.complete if info.complete is not None else info.end
        # the last step reaches to where nothing was missing, or to the end of the search
        trials, missing = [*trials, end], [*missing, missing[-1]]
    return {
        "y_label": "hypervolume missing [%]",
        "ticks": [[v, tick_label(v)] for v in ticks(info.y)],
        "trials": trials,
        "missing": missing,
        "complete": info.complete,
        "end": info.end,
        "event": info.event,
    }


def _scale(scale: Scale) -> Data:
    places = ticks(scale)
    return {
        "label": scale.label,
        "log": scale.log,
        "limits": list(scale.limits),
        "maximised": scale.maximised,
        "ticks": [[v, tick_label(v)] for v in places],
    }


def _look(style: Style) -> Mapping[str, str | int]:
    look: dict[str, str | int] = {"kind": kind_of(style), "marker": style.marker}
    # a pair has a colour of its own, as a part of a bar has
    return {**look, "part": style.place} if style.place is not None else look


def _series(s: Series) -> Data:
    return {"label": s.label, "real": s.real, **_look(s.style), "points": _points(s, front_key)}


def _curve(curve: Curve) -> Data:
    return {"label": curve.label, **_look(curve.style), "points": _points(curve, baseline_key)}


def _points(drawn: Series | Curve, key: Callable[[int], str]) -> list[Data]:
    # within is one array an axis: transposed by `zip` below to a pair for each point
    factors = [_list(f) for f in drawn.within]
    return [
        {"key": key(row), "x": x, "y": y, "fx": fx, "fy": fy}
        for row, x, y, fx, fy in zip(drawn.rows, _list(drawn.x), _list(drawn.y), *factors, strict=True)
    ]


def _list(values: Floats) -> list[float | None]:
    """Plain numbers; gaps are None."""
    return [v if isfinite(v) else None for v in np.asarray(values).tolist()]
