"""`--software` of the verbs that ask a study: the name of the question, and the results that it has."""

from pathlib import Path
from typing import Any

from dse.cli.guard import blame


def question(study: str, software: str | None) -> str:
    """The name of `study` under `software`, as it is where it asks so already."""
    from dse.spec.cases import case_spec
    from dse.spec.resolved import find_case
    from dse.spec.software import under

    if software is None:
        return study
    with blame("STUDY"):
        if case_spec(*find_case(study)).software == software:
            return study
        return under(study, software)


def stored_or_asked(study: str, out: Path | None, configs: Path | None) -> tuple[Any, Path]:
    """The stored front of a question and its folder.

    Where nothing is stored under the software that its name tells, the chips of the stored front of the plain
    question are asked again, and that is said.
    """
    from dse.cli.stored import load_at, stored_folder
    from dse.spec.software import split_software

    plain, software = split_software(study)
    if software is None or (stored_folder(study, out) / "manifest.json").is_file():
        return load_at(study, out)
    from dse.cli.screen import remark
    from dse.decide.asked_again import asked_again
    from dse.spec.resolved import load_study

    with blame("STUDY"):
        resolved = load_study(study, configs)
    plain = plain.removesuffix("/")
    front, folder = load_at(plain, out)
    remark(
        f"no search under {software} software is stored: the chips that {plain} found are asked again "
        f"under it; `dse run {plain} --software {software}` searches for better ones"
    )
    return asked_again(resolved, front), folder
