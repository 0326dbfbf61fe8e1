"""Every kind of picture by its name, from the evidence of a front to bytes."""

from collections.abc import Callable, Mapping
from typing import get_args

from dse.errors import nearest, spec_error
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.report.info.evidence import Evidence
from dse.report.info.front_info import front_info
from dse.report.info.parallel_info import parallel_info
from dse.report.info.progress_info import progress_info
from dse.report.info.stacks_info import Kind, stack_info
from dse.report.plots.front_plot import render_front
from dse.report.plots.importance_plot import render_importance
from dse.report.plots.parallel_plot import render_parallel
from dse.report.plots.progress_plot import render_progress
from dse.report.plots.stacks_plot import render_stack
from dse.search.analysis.importance import importance
from dse.search.analysis.progress import progress
from dse.search.trials.read_trials import Trials

_Maker = Callable[[Evidence, str, Trials, Front | None], bytes]


def picture(
    found: Evidence, kind: str, form: str = ".png", *, trials: Trials = (), exact: Front | None = None
) -> bytes:
    """The picture of that kind as bytes of the form `.png`, `.svg` or `.pdf`.

    `trials` are those of the search, which the kinds `importance` and `progress` need; `exact` is the front
    of a sweep, drawn behind `front` and compared with in `progress`. Raises `SpecError` for an unknown kind
    and for what is missing.
    """
    if kind not in _MAKERS:
        raise spec_error("", f"unknown kind of picture {kind!r}. {nearest(kind, _MAKERS)}")
    return _MAKERS[kind](found, form, trials, exact)


def _front(found: Evidence, form: str, trials: Trials, exact: Front | None) -> bytes:
    del trials
    return render_front(front_info(found.front, intervals=found.intervals, exact=exact), form)


def _parallel(found: Evidence, form: str, trials: Trials, exact: Front | None) -> bytes:
    del trials, exact
    return render_parallel(parallel_info(found.front), form)


def _importance(found: Evidence, form: str, trials: Trials, exact: Front | None) -> bytes:
    del exact
    study = _searched(found, trials)
    return render_importance(importance(study, trials), study.slug, form)


def _progress(found: Evidence, form: str, trials: Trials, exact: Front | None) -> bytes:
    study = _searched(found, trials)
    return render_progress(progress_info(progress(study, trials), found.front, exact), form)


def _searched(found: Evidence, trials: Trials) -> ResolvedStudy:
    """The study that was searched; raises `SpecError` where it or its trials are missing."""
    if found.study is None:
        raise spec_error("", "; ".join(found.doubts))
    if not trials:
        what = "expected the trials of a search (study.journal), got none: they do not come with a study"
        raise spec_error(found.study.slug, f"{what}. Start with `dse run`.")
    return found.study


def _stack(kind: Kind) -> _Maker:
    return lambda found, form, _, __: render_stack(stack_info(found, kind), form)


_MAKERS: Mapping[str, _Maker] = {
    "front": _front,
    "parallel": _parallel,
    **{kind: _stack(kind) for kind in get_args(Kind)},
    "importance": _importance,
    "progress": _progress,
}
