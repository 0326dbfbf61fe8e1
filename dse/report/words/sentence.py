"""The answer of a front in a sentence or two, computed from its rows."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from dse.decide.verdict.by_software import verdicts_from
from dse.front.axis import Axis
from dse.front.tables import Row
from dse.plugins import interval_of
from dse.report.drawing.style import kind_label
from dse.report.info.card_info import roles_of
from dse.report.info.evidence import Evidence
from dse.report.info.stacked_bars_info import rivals_at
from dse.report.words.eligibility import Eligibility
from dse.report.words.part_names import counted
from dse.report.words.quantities import shown

_FEW = 4
"""Targets at which the best design is compared with the baselines."""


def answer_sentences(found: Evidence) -> list[str]:
    """What wins where, and by how much; one sentence says that nothing was found."""
    result = found.answer
    # not the front alone: what was solved at targets is among the rows
    if not found.rows:
        return ["No feasible design was found."]
    if result.target is None:
        return [_best(row, found) for row in result.best]
    limits = [float(row[f"target_{result.target.column}"]) for row in result.best]
    return [
        *_winners(found, result.target, limits, result.eligibility),
        *_against_baselines(found, result.target, limits),
        *_software(found, result.target),
    ]


def _software(found: Evidence, target: Axis) -> Iterator[str]:
    """Which kind wins at each target under all three softwares, where the front was stored with it."""
    verdicts = verdicts_from(found.front.manifest)
    if verdicts is None or not verdicts.dependence:
        return
    yield "Kind that wins with software as sold, with equal software, and with ideal software:"
    for d in verdicts.dependence:
        at = "Overall" if d.target is None else f"Within {shown(d.target, target.unit)}"
        yield f"{at}, {d.basis}: {d.sentence}."


def _best(row: Row, found: Evidence) -> str:
    axis = next(a for a in found.front.axes if a.name == row["best_for"])
    return f"The best {axis.label} is {shown(row[axis.column], axis.unit)}, of {_design(row)}."


def _design(row: Row) -> str:
    if roles_of(row):
        return f"the pair {row.get('chip')} ({_chips(row)})"
    kind = _kind(row)
    # SRAM is spoken "es-ram"; words that begin with Se or Si are not
    article = "an" if kind[:1] in "AEIOS" and not kind.startswith(("Se", "Si")) else "a"
    return f"{article} {kind} design ({row.get('chip')}, {_chips(row)})"


def _kind(row: Row) -> str:
    label = kind_label(str(row.get("branch") or ""))
    # an abbreviation keeps its capitals
    return label if label[:2].isupper() else label.lower()


def _chips(row: Row) -> str:
    if roles := roles_of(row):
        return f"{' and '.join(counted(float(row[f'{role}.chips'])) for role in roles)} chips"
    chips = float(row.get("chips") or 1)
    return f"{counted(chips)} chips" if chips != 1.0 else "one chip"


def _winners(found: Evidence, target: Axis, limits: Sequence[float], eligible: Eligibility) -> Iterator[str]:
    """One sentence for each run of targets that the same kind of chip wins."""
    result, goal = found.answer, found.answer.objective
    noun = "pair" if found.of_pairs else "design"
    # `groupby` takes neighbours only, so a kind that wins twice gets two sentences
    pairs = list(zip(limits, result.best, strict=True))
    for kind, run in groupby(pairs, key=lambda pair: _who(pair[1], eligible)):
        group = list(run)
        ends = [shown(group[0][0], target.unit), shown(group[-1][0], target.unit)]
        within = ends[0] if len(group) == 1 else f"{ends[0]} to {ends[1]}"
        # a run of targets that nothing meets
        if not kind:
            yield f"Within a {target.label} of {within} no {noun} was found{_but(found, group)}."
            continue
        values = [shown(row[goal.column], goal.unit) for _, row in (group[0], group[-1])]
        # once where both ends print alike
        values = list(dict.fromkeys(values))
        better = "highest" if goal.maximised else "lowest"
        yield (
            f"Within a {target.label} of {within} the {better} {goal.label} is {' down to '.join(values)}, "
            f"of {_designs(group[0][1], group[-1][1], ends)}."
        )


def _who(row: Row, eligible: Eligibility) -> str:
    """What one sentence may speak of together: searched chips of a kind, or one baseline; nothing if none."""
    if not row["found"]:
        return ""
    if eligible.pairs is not None:
        return eligible.family(str(row["chip"]), "")
    return str(row["chip"] if row.get("role") == "baseline" else row.get("branch"))


def _designs(first: Row, last: Row, ends: Sequence[str]) -> str:
    """The one design of a range of targets, or those at both ends of it."""
    # these two are all that `_design` names
    if all(first.get(name) == last.get(name) for name in ("chip", "chips")):
        return _design(last)
    each = [f"{r.get('chip')} ({_chips(r)}) at {at}" for r, at in zip((first, last), ends, strict=True)]
    if roles_of(last) and first["chip"] == last["chip"]:
        each = [f"{_chips(r)} at {at}" for r, at in zip((first, last), ends, strict=True)]
        return f"the pair {last['chip']} ({', '.join(each)})"
    kinds = "the pairs" if roles_of(last) else f"{_kind(last)} designs,"
    return f"{kinds} {each[0]} and {each[1]}"


def _but(found: Evidence, group: Sequence[tuple[float, Row]]) -> str:
    """The baseline that does meet the loosest of some targets that nothing on the front meets."""
    goal, limit = found.answer.objective, group[-1][0]
    (rival,) = rivals_at(found, [limit])
    if rival is None:
        return ""
    value = shown(rival[goal.column], goal.unit)
    return f" on the front; the baseline {rival['chip']} meets it at {value} {goal.label}"


def _against_baselines(found: Evidence, target: Axis, limits: Sequence[float]) -> Iterator[str]:
    """How far the best baselines are behind, and whether error bars leave that open."""
    result, goal = found.answer, found.answer.objective
    parts, open_ = [], []
    rivals = rivals_at(found, limits)
    for limit, row, rival in zip(limits, result.best, rivals, strict=True):
        alone = row.get("role") == "baseline" and not found.of_pairs
        if not row["found"] or rival is None or alone:
            continue  # a baseline on the front is not compared with itself
        ratio = float(rival[goal.column]) / float(row[goal.column])
        # above 1 where the baseline is worse, whatever the direction
        factor = 1.0 / ratio if goal.maximised else ratio
        at = shown(limit, target.unit)
        parts.append(
            f"{factor:.3g} times worse at {at} ({rival['chip']})"
            if factor >= 1.0
            else f"{1 / factor:.3g} times better at {at} ({rival['chip']})"
        )
        # multiplied: the farthest that both errors together can move the ratio
        spread = _spread(found, row, goal.column) * _spread(found, rival, goal.column)
        if 1.0 / spread < factor < spread:
            open_.append(at)
    if parts:
        # every step-th target, counted from the last one, which is always among them
        step = max(1, -(-len(parts) // _FEW))
        rival_words = "best pair of other chips on this front" if found.of_pairs else "best baseline"
        yield f"The {rival_words} is {', '.join(parts[::-step][::-1])}."
    if open_:
        yield f"At {', '.join(open_)} the error bars do not separate the two."
    unknown = sorted(
        {str(r["chip"]) for r in result.best if r["found"] and not found.intervals.get(str(r["chip"]))}
    )
    # notes say so of every pair
    if unknown and not found.of_pairs:
        yield "The software stack of the winner has no error bar, so no difference is certain."


def _spread(found: Evidence, row: Row, column: str) -> float:
    """Factor up or down that a value may be off; 1 where it is unknown."""
    return found.intervals.get(str(row.get("chip")), {}).get(interval_of(column), 1.0)
