"""What plots of a search need: the study that was searched."""

from dse.errors import spec_error
from dse.question.pools.study import Question
from dse.report.plots.registry import PlotInputs


def searched_study(given: PlotInputs) -> Question:
    """The study that was searched; raises `SpecError` where it or its trials are missing."""
    study = given.found.study
    # the cautions say why it cannot be loaded
    if study is None:
        raise spec_error("", "; ".join(given.found.cautions))
    if not given.trials:
        what = "expected the trials of a search (study.journal), got none: they do not come with a study"
        raise spec_error(study.slug, f"{what}. Start with `dse run`.")
    return study
