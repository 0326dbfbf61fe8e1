"""`--software` of the verbs that read a study: the name of the study under that software."""

from dse.cli.terminal.guard import blame
from dse.question.find_study import find_case
from dse.spec.schema.cases import case_spec
from dse.spec.schema.software import under


def study_under_software(study: str, software: str | None) -> str:
    """The name of `study` under `software`; unchanged where the study has that software already."""
    if software is None:
        return study
    with blame("STUDY"):
        # its own software: the same name, hence the same results folder
        if case_spec(*find_case(study)).software == software:
            return study
        return under(study, software)
