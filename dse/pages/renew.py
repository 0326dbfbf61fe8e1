"""Run the committed studies again: `python -m dse.pages.renew [SLUG ...]`, from the root of the repository.

Every case is run afresh in a folder of its own, and one of pools is swept; then fronts, pictures and page of
a study are replaced. With `--pages` nothing is run: pages and pictures are made from the fronts next to them.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from dse.decide.verdict.stored_run import with_verdicts
from dse.errors import SpecError
from dse.front.files import write_files, write_front
from dse.pages.gallery import renew_gallery
from dse.pages.study.answers import Answers, read_answers
from dse.pages.study.datasheets import propose_all
from dse.pages.study.pictures import draw_all
from dse.pages.study.template import PAGE, filled, template_of
from dse.question.pools.study import PooledStudy, load_questions
from dse.report.info.cases_info import cases_info
from dse.report.info.evidence import gather
from dse.report.info.front_info import front_info
from dse.report.plots.cases_plot import draw_cases
from dse.report.plots.front_plot import draw_front
from dse.search.pairs.driver import sweep_pairs
from dse.search.run.runner import run

STUDIES = Path("studies")
HOURS = 6 * 3600.0
"""What is committed has all trials of its study, however long they take [s]: no clock decides it."""


def renew(study: Path) -> None:
    """Run every case of the study in the folder `study` and commit what comes out."""
    # in another folder, so that a run which fails leaves the committed results as they are
    with TemporaryDirectory() as folder:
        for question in load_questions(str(study)):
            if isinstance(question, PooledStudy):
                sweep_pairs(question, fresh=True, out=folder, each=True)
            else:
                with_verdicts(run(question, fresh=True, out=folder, timeout=HOURS))
        commit(study, Path(folder))


def commit(study: Path, results: Path) -> None:
    """Put the fronts, manifests, pictures and page of a run into the folder of its study."""
    answers = read_answers(study, results)
    template = template_of(study)
    # before anything is written: a mark that cannot be filled leaves all files as they were
    text = filled(template, answers)
    for case, answer in answers.items():
        # with `--pages` the fronts are in their place already
        if results != study:
            write_front(study / case, answer.front)
    draw(template, answers, study)
    write_files({study / PAGE: text})
    # last, since datasheets are made from the fronts that were written
    propose_all(text, study)


def draw(template: str, answers: Answers, folder: Path) -> None:
    """The pictures of a page: the front of the study, its cases side by side, and those of its template."""
    own = answers[""].front
    draw_front(front_info(own, intervals=gather(own, str(folder)).intervals), folder / "front.png")
    if "(cases.png)" in template:
        draw_cases(cases_info([(a.title, a.front) for a in answers.values()]), folder / "cases.png")
    draw_all(template, answers, folder)


def main(arguments: Sequence[str]) -> int:
    """Renew the studies whose folders hold one of the names in theirs, or all; 0 when all went well."""
    pages_only = "--pages" in arguments
    names = [a for a in arguments if a != "--pages"]
    folders = sorted(p.parent for p in STUDIES.glob("*/study.yaml"))
    for study in [f for f in folders if not names or any(n in f.name for n in names)]:
        start = perf_counter()
        try:
            commit(study, study) if pages_only else renew(study)
        except SpecError as error:
            print(error, file=sys.stderr)
            return 2
        print(f"{study.name}: {perf_counter() - start:.1f} s")
    # last, since it summarises the pages that were written
    try:
        renew_gallery(STUDIES)
    except SpecError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
