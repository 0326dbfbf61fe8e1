"""Winners checked again: the chips that a case found best under worse numbers and under other software."""

import re
from collections.abc import Iterable
from operator import attrgetter

from dse.decide.propose.candidates import chips_of_candidates, from_rows
from dse.decide.scenario.best_deployments import deployment_problem, solve_on_grid, study_grid
from dse.errors import spec_error
from dse.front.tables import Row
from dse.pages.study.answers import Answers, answer_of
from dse.pages.study.columns import cell, heading, said
from dse.pages.study.subjects import of_chips
from dse.pages.study.tables import limit_text, markdown, pick_of, targets_of, who_of, within
from dse.question.overrides import FOLDERS
from dse.question.resolved_study import ResolvedStudy, resolve_study
from dse.spec.overrides.replace import override_texts
from dse.spec.schema.base import Spec
from dse.spec.schema.software import SOFTWARE, Software

_LIMIT = re.compile(r"(\w+)/(\*|[\w.-]+)\.([\w.]+?)\s*(<=|>=)\s*(.+)")


def stressed_table(answers: Answers, case: str, who: str, limits: str) -> str:
    """The best chip of `who` at each target, without and with `limits`, its deployment chosen again.

    `limits` has commas between: `KIND/NAME.PATH<=VALUE` or `>=`, `*` for every config of the kind that the
    case uses. A number that meets its limit stays as it is, so a limit never makes a chip better.
    """
    answer = answer_of(answers, "" if case == "." else case)
    study = of_chips(answer.study)
    harder = _limited(study, [part.strip() for part in limits.split(",")])
    axis, targets = targets_of(answer)
    rows = []
    for target in targets:
        pick = answer.pick(who, within(axis, target))
        if pick is None:
            rows.append([limit_text(target, axis.unit), "none", "", ""])
            continue
        cost = _cost(harder, pick.row, {axis.name: target})
        again = "none" if cost is None else said(cost, answer.goal.unit)
        own = cell(pick, answer.goal.column).text
        rows.append([limit_text(target, axis.unit), cell(pick, "design").text, own, again])
    label = heading(answer.goal.column)
    return markdown([f"{axis.label} at most", "best chip", label, f"{label} then"], rows)


def softwares_table(answers: Answers, case: str, who: str) -> str:
    """The best chip of each of `who` at each target under each software, its deployment chosen again.

    `who` has blanks between, as in `rows`. The chip is the best one of the case.
    """
    answer = answer_of(answers, "" if case == "." else case)
    # resolved once, not once a target
    questions = {software: _under(of_chips(answer.study), software) for software in SOFTWARE}
    axis, targets = targets_of(answer)
    rows = []
    for target in targets:
        for name in who_of(answer, who):
            pick = pick_of(answer, name, within(axis, target))
            if pick is None:
                rows.append([limit_text(target, axis.unit), "none", *[""] * len(SOFTWARE)])
                continue
            costs = [_cost(study, pick.row, {axis.name: target}) for study in questions.values()]
            cells = ["none" if c is None else said(c, answer.goal.unit) for c in costs]
            rows.append([limit_text(target, axis.unit), cell(pick, "design").text, *cells])
    heads = [f"{axis.label} at most", "chip", "as sold", "equal software", "no losses"]
    return f"{heading(answer.goal.column)}:\n\n" + markdown(heads, rows)


def _under(study: ResolvedStudy, software: Software) -> ResolvedStudy:
    """The same question with `software` for every chip."""
    spec = study.spec.model_copy(update={"software": software})
    return resolve_study(spec, study.path, study.setting.catalog, study.case)


def _cost(study: ResolvedStudy, row: Row, target: dict[str, float]) -> float | None:
    """The goal of the chip of a row in its best deployment; None where none meets the target."""
    problem = deployment_problem(study, target)
    # the cost of a goal that is maximised is one over it, see `positive_cost`: no number for a page
    if problem.goal.direction != "minimize":
        raise spec_error("", f"expected a goal that is minimised, got {problem.goal.name}")
    found = solve_on_grid(problem, chips_of_candidates(study, from_rows(study, [row])), study_grid(study))
    return float(found.cost[0]) if found.feasible[0] else None


def _limited(study: ResolvedStudy, limits: Iterable[str]) -> ResolvedStudy:
    """The same question with every number that breaks a limit moved to it."""
    # in addition to what the study sets itself
    settings: dict[str, str | float] = dict(study.spec.settings or {})
    for text in limits:
        settings |= _moved(study, text)
    spec = study.spec.model_copy(update={"settings": settings})
    return resolve_study(spec, study.path, study.setting.catalog, study.case)


def _moved(study: ResolvedStudy, text: str) -> dict[str, str]:
    """Settings that move what breaks the limit `text`."""
    found = _LIMIT.fullmatch(text)
    if found is None or found[1] not in FOLDERS:
        raise spec_error("", f"expected KIND/NAME.PATH<=VALUE or >=VALUE, got {text!r}")
    kind, name, path, sign, value = found.groups()
    names = [
        key for key in study.configs if key.startswith(f"{kind}/") and name in ("*", key[len(kind) + 1 :])
    ]
    if not names:
        raise spec_error("", f"expected a {kind} that the case uses, got {name!r}")
    moved = {}
    for key in names:
        now = study.configs[key]
        # read as settings are, so that the limit has the unit of the number
        then = override_texts(now, {path: value}, key)
        a, b = _number(now, path), _number(then, path)
        # moved only where that is harder, so that a limit never makes a chip better
        if b < a if sign == "<=" else b > a:
            moved[f"{key}.{path}"] = value
    return moved


def _number(spec: Spec, path: str) -> float:
    """Value of the leaf at `path` of a config."""
    return float(attrgetter(f"{path}.value")(spec))
