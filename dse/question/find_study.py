"""Studies and their cases by path, slug or name."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from dse.errors import Problem, SpecError, nearest, spec_error
from dse.spec.catalog.check_names import checked_spec
from dse.spec.catalog.config_paths import study_folders
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.cases import case_spec
from dse.spec.schema.software import MARK, split_software
from dse.spec.schema.study import StudySpec

Question = TypeVar("Question")
Resolve = Callable[[StudySpec, Path, Catalog, str | None], Question]
"""What looks up the names of one question."""

LIST = "dse catalog studies"
"""Command that lists the studies."""


def find_study(name: str, folders: Iterable[Path] | None = None) -> Path:
    """`study.yaml` of a study: a path to it or to its folder, its slug, or the slug without its number.

    Raises `SpecError` that says what is there instead, or with the nearest names.
    """
    given = Path(name)
    # a path that exists wins over a study of that name
    if given.is_file():
        return given
    if (given / "study.yaml").is_file():
        return given / "study.yaml"
    found: dict[str, Path] = {}
    for folder in folders or study_folders():
        # sorted, so that of two slugs with one name the same is found on every file system
        for path in sorted(folder.glob("*/study.yaml")):
            slug = path.parent.name
            # the number in front orders the folders; people leave it out
            for key in (slug, slug.partition("-")[2] if slug[:4].isdigit() else slug):
                # the first folder wins: a user's studies are listed before the bundled ones
                found.setdefault(key, path)
    if name in found:
        return found[name]
    if given.is_dir():
        raise spec_error("", f"expected a folder with a study.yaml, got {name!r}, which has none")
    if given.exists():
        raise spec_error("", f"expected a study.yaml, got {name!r}, which is not a regular file")
    if given.suffix in (".yaml", ".yml"):
        meant = given.parent.name if given.name == "study.yaml" else given.stem
        raise spec_error(
            "", f"expected a study.yaml, got {name!r}, which does not exist; {nearest(meant, found, LIST)}"
        )
    raise spec_error("", f"unknown study {name!r}; {nearest(name, found, LIST)}")


def list_studies(folders: Iterable[Path] | None = None) -> dict[str, Path]:
    """Slug to `study.yaml` of every study that can be found by name."""
    found: dict[str, Path] = {}
    for folder in folders or study_folders():
        for path in sorted(folder.glob("*/study.yaml")):
            found.setdefault(path.parent.name, path)
    return found


def find_case(name: str) -> tuple[Path, str | None]:
    """`study.yaml` and case of a name such as `groq-vs-h100`, `groq-vs-h100/listed`, `groq-vs-h100@equal`."""
    plain, software = split_software(str(name))
    # a path that exists is taken as it is, with an @ in it too
    if software is not None and not Path(str(name)).exists():
        path, case = find_case(plain.removesuffix("/"))
        return path, f"{case or ''}{MARK}{software}"
    head, _, tail = str(name).rpartition("/")
    try:
        return find_study(str(name)), None
    except SpecError as error:
        # kept by another name, because Python deletes `error` after the clause
        whole = error
    if not head or not tail or Path(tail).suffix in (".yaml", ".yml"):
        raise whole
    try:
        # whether the study has that case is checked when it is read
        return find_study(head), tail
    except SpecError as error:
        # of a path all is unknown, of STUDY/CASE the study: the error names what was not found
        raise (whole if "/" in head or Path(head).exists() else error) from None


def each_case(name: str, configs: Path | str | None, resolve: Resolve[Question]) -> tuple[Question, ...]:
    """The study that goes by `name` and every case of it, or the one case, each by `resolve`.

    Raises `SpecError` with the problems of all of them.
    """
    path, case = find_case(name)
    names = [case] if case else [None, *checked_spec(path, None, Catalog.of(configs)).cases]
    if case and case.startswith(MARK):  # all of them under that software
        names = [case, *(f"{each}{case}" for each in checked_spec(path, None, Catalog.of(configs)).cases)]
    found: list[Question] = []
    problems: dict[Problem, None] = {}
    for each in names:
        try:
            found.append(resolve(case_spec(path, each), path, Catalog.of(configs), each))
        except SpecError as error:
            # cases share most keys, so one mistake would be reported once a case
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise SpecError(list(problems))
    return tuple(found)
