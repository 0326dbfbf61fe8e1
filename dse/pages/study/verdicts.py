"""Which kind of chip wins under each software, as Markdown."""

from dse.decide.verdict.by_software import Verdict, verdicts_from
from dse.front.axis import Axis
from dse.pages.study.answers import Answers, answer_of
from dse.pages.study.tables import limit_text, markdown
from dse.report.words.answer import answer as answer_of_front
from dse.spec.schema.software import SOFTWARE
from dse.spec.yaml.units import pretty


def verdicts_table(answers: Answers, case: str = "") -> str:
    """The winner of a case at each target under each software, and whether it holds."""
    found = answer_of(answers, case)
    stored, front = verdicts_from(found.front.manifest), answer_of_front(found.front)
    # of an earlier version, of a study with one kind of chip, or of a run with --no-verdicts
    if stored is None:
        return "No verdict under other software is stored with this front."
    cells = {(v.target, v.basis, v.software): v for v in stored.verdicts}
    several = len({d.basis for d in stored.dependence}) > 1
    head = "target" if front.target is None else f"{front.target.label} at most"
    rows = []
    for d in stored.dependence:
        at = "any" if d.target is None or front.target is None else limit_text(d.target, front.target.unit)
        each = [_cell(cells.get((d.target, d.basis, s)), front.objective) for s in SOFTWARE]
        rows.append([at, *([d.basis] if several else []), *each, d.sentence])
    heads = [head, *(["prices"] if several else []), "as sold", "equal software", "no losses", "verdict"]
    return markdown(heads, rows)


def _cell(verdict: Verdict | None, goal: Axis) -> str:
    if verdict is None or verdict.winner is None or verdict.value is None:
        return "none"
    unit = "" if goal.unit.startswith("USD") else goal.unit
    cell = f"{verdict.kind}: {verdict.winner} {pretty(verdict.value, unit)}"
    if verdict.low is None or verdict.high is None:
        return cell
    return f"{cell} ({pretty(verdict.low, unit)} to {pretty(verdict.high, unit)})"
