"""A front under uncertainty: how likely each design stays on it, and the interval of its objective."""

from typing import Any

from dse.cli.telling import counted


def tell(resolved: Any, front: Any, *, where: str | None, samples: int, seed: int, form: str) -> None:
    """Score the designs of `front` again under drawings of every uncertain number, and print them."""
    from dse.cli.emit import emit_json, to_bytes
    from dse.cli.screen import remark
    from dse.cli.working import working
    from dse.decide.uncertain import robust_front
    from dse.front.query import unmet
    from dse.front.query import where as met
    from dse.front.tables import plain_rows, to_format
    from dse.spec.problems import wrong

    if not len(front.frame):
        raise wrong("--robust", "expected a front with designs, got an empty one")
    names = ("stays", "feasible", "low", "median", "high")
    if where is not None:  # a mistake in it is told before anything is drawn
        met(front.frame.assign(**{f"robust_{name}": 0.0 for name in names}), where, front.axes)
    with working(resolved.slug) as say:
        say(f"drawing {samples} worlds")
        found = robust_front(resolved, front, samples, seed)
    frame = front.frame.assign(**{f"robust_{name}": getattr(found, name) for name in names})
    if where is not None:
        for said in unmet((frame,), where, front.axes):
            remark(said)
        frame = met(frame, where, front.axes)
    rows = plain_rows(frame)
    if form == "json":
        told = {"samples": samples, "seed": seed, "numbers": found.numbers}
        emit_json({"study": resolved.slug, **told, "front": rows})
    elif form == "table":
        _show(resolved, rows, found)
    else:
        to_bytes(to_format(frame, form))


def _show(resolved: Any, rows: list[dict[str, Any]], found: Any) -> None:
    from dse.cli.designs import shown, thinned
    from dse.cli.screen import plain, stdout, table
    from dse.search.points import axes_of

    console = stdout()
    axes = axes_of(resolved)
    goal = next(a for a in axes if a.name == resolved.goal.name)
    other = next((a for a in axes if a is not goal), None)
    kept = thinned(rows)
    cells = [
        [str(r["chip"]), *_layout(r),
         *([] if other is None else [shown(r[other.column], other.unit)]), shown(r[goal.column], ""),
         f"{shown(r['robust_low'], '')} - {shown(r['robust_high'], '')}", f"{r['robust_stays']:.0%}",
         f"{r['robust_feasible']:.0%}"]
        for r in kept
    ]  # fmt: skip
    layout = ["chips"] if resolved.members else ["batch", "TP x PP"]
    columns = ["design", *layout, *([] if other is None else [other.label]), goal.label,
               "10 % to 90 %", "stays", "feasible"]  # fmt: skip
    drawn = f"{found.samples} drawings of {found.numbers} uncertain numbers"
    title = f"{counted(len(rows), 'design')} under {drawn}"
    console.print(table(columns, cells, title=title, right=columns[1:], flexible=["design"], least=12))
    for line in (
        "Stays: feasible, and nothing on the front beats it. Interval: over the drawings it is feasible in.",
        "Drawings: triangular over low, value and high of the configs, independent, the same for all designs;"
        " a calibrated stack as a whole by its interval. Deployments are held.",
    ):
        console.print(plain(line), style="dim")
    aside = sum(not r["robust_low"] <= r[goal.column] <= r["robust_high"] for r in rows)
    if aside:
        told = (
            f"{aside:,} of {len(rows):,} designs lie outside their own interval at the values of the configs"
        )
        why = "many ranges lean to one side of their value, and a front is chosen by the values"
        console.print(plain(f"{told}: {why}."), style="dim")


def _layout(row: dict[str, Any]) -> list[str]:
    """Its deployment; those of a mix are many, and are told by their chips."""
    if "batch" not in row:
        return [f"{row['chips']:,}"]
    return [f"{row['batch']:,}", f"{row['tp']} x {row['pp']}"]
