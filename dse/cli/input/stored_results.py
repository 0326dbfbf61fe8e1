"""The stored results of a study, wherever they lie: a run of one's own, or those that came with it."""

from pathlib import Path

from dse.cli.input.money_options import MoneyOptions
from dse.cli.terminal.guard import blame
from dse.cli.terminal.tables import remark
from dse.decide.verdict.reevaluated_front import reevaluated
from dse.errors import ResultsError, SpecError, spec_error
from dse.evaluate.stored_rows import check_rows
from dse.front.files import Front, load_front
from dse.question.find_study import find_case
from dse.question.pools.study import PooledStudy, load_question
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.question.substance import as_stored, changed_since
from dse.report.info.stored_trials import trials_of
from dse.search.analysis.as_asked import as_asked
from dse.search.pairs.as_asked import pairs_as_asked
from dse.search.trials.read_trials import Trials
from dse.spec.schema.cases import case_spec, slug_of
from dse.spec.schema.software import split_software


def load(study: str, out: Path | None) -> Front:
    """The stored front of a study or of a case; raises what the guard turns into one sentence."""
    return load_front_and_folder(study, out)[0]


def load_front_and_folder(study: str, out: Path | None) -> tuple[Front, Path]:
    """The stored front of a study or of a case, and the folder that it lies in."""
    path, _, slug = _found(study)
    folder, bundled = _where(study, out)
    # found next to study.yaml, so it is not checked to be of this study
    if bundled:
        own = stored_folder(study, out)
        remark(f"no results of your own in {own}: these are the results that came with the study")
        return load_front(folder), folder
    if out is None and not (folder / "manifest.json").exists() and path.name == "study.yaml":
        raise ResultsError(
            f"{folder}: expected the results of {slug}, got none. Start with `dse run {study}`."
        )
    found = load_front(folder)
    # a folder given by --out may hold another study; its numbers would answer another question
    if found.manifest.get("study") != slug:
        got = found.manifest.get("study")
        raise spec_error(
            str(folder), f"expected results of {slug!r}, got those of {got!r}. Choose another --out."
        )
    return found, folder


def _where(study: str, out: Path | None) -> tuple[Path, bool]:
    """The folder of the results of a study or of a case, and whether it is the one that came with it."""
    path, case, _ = _found(study)
    folder = stored_folder(study, out)
    # only a study in a folder of its own can have brought results
    if out is None and not (folder / "manifest.json").exists() and path.name == "study.yaml":
        bundled = path.parent / (case or "")
        # both: a manifest whose table is missing cannot be read
        if (bundled / "manifest.json").is_file() and (bundled / "front.csv").is_file():
            return bundled, True
    return folder, False


def stored_folder(study: str, out: Path | None) -> Path:
    """Where the results of a study or of a case are looked for: those of a run, else those of a sweep."""
    _, case, slug = _found(study)
    if out is not None:
        return out / case if case else out
    run, swept = Path("results") / slug, Path("results") / f"{slug}-sweep"
    only_swept = (swept / "manifest.json").exists() and not (run / "manifest.json").exists()
    return swept if only_swept else run


def load_study_and_front(
    study: str, out: Path | None, configs: Path | None, paid: MoneyOptions | None = None
) -> tuple[ResolvedStudy, Front]:
    """The resolved study, with what options of money set, and its stored front.

    A remark says which configs are not those that the front was made of.
    """
    with blame("STUDY"):
        resolved = load_study(study, configs)
    front, _ = front_under_software(study, out, configs)
    resolved = (paid or MoneyOptions()).applied(as_stored(resolved, front.manifest), configs)
    if changed := changed_since(resolved, front.manifest):
        remark(
            f"{', '.join(changed)} changed since the front was stored: it is evaluated "
            f"again with today's values"
        )
    for table in (front.frame, front.baselines, front.at_targets):
        check_rows(resolved, table)
    return resolved, as_asked(front, resolved)


def at_confidence(study: ResolvedStudy, front: Front, confidence: float | None, name: str) -> ResolvedStudy:
    """The study with `confidence` where a command gives one; a remark says if the front has another."""
    found = study if confidence is None else study.confident(confidence)
    if found.spec.confidence != front.manifest.get("confidence"):
        remark(
            "the front was searched for other targets: chips with a narrower error bar may be missing from "
            f"it; `dse run {name} --confidence {found.spec.confidence:g} --out DIR` searches for them"
        )
    return found


def told_today(front: Front, study: str, configs: Path | None) -> Front:
    """A stored front with the title, question and targets of today; a remark says what else has changed.

    Nothing is said of a front whose study cannot be resolved any more: what needs the study says why.
    """
    try:
        found = load_question(study, configs)
    except SpecError:
        return front
    if isinstance(found, PooledStudy):
        return _pairs_today(front, found)
    resolved = as_stored(found, front.manifest)
    if changed := changed_since(resolved, front.manifest):
        remark(
            f"{', '.join(changed)} changed since the front was stored, so these are results of the files as "
            f"they were; `dse run {study} --fresh` renews them"
        )
    return as_asked(front, resolved)


def _pairs_today(front: Front, study: PooledStudy) -> Front:
    if changed := study.changed_since(front.manifest):
        verb = "sweep" if "grids" in front.manifest else "run"
        remark(
            f"{', '.join(changed)} changed since the front was stored, so these are results of the files as "
            f"they were; `dse {verb} {study.slug} --fresh` renews them"
        )
    return pairs_as_asked(front, study)


def front_under_software(study: str, out: Path | None, configs: Path | None) -> tuple[Front, Path]:
    """The stored front of a study under its software, and the folder of it.

    Where nothing is stored under the software in its name, the chips of the front without it are evaluated
    under that software, and a note says so.
    """
    plain, software = split_software(study)
    if software is None or (stored_folder(study, out) / "manifest.json").is_file():
        return load_front_and_folder(study, out)
    with blame("STUDY"):
        resolved = load_study(study, configs)
    # completion by a shell leaves a slash behind the name
    plain = plain.removesuffix("/")
    front, folder = load_front_and_folder(plain, out)
    remark(
        f"no search under {software} software is stored: this evaluates the chips of {plain} under it; "
        f"`dse run {plain} --software {software}` searches for better ones"
    )
    return reevaluated(resolved, front), folder


def stored_trials(
    resolved: ResolvedStudy, study: str, out: Path | None, storage: str | None = None
) -> Trials:
    """Trials that the results folder holds; none where only the front came with the study."""
    return trials_of(resolved.slug, _where(study, out)[0], storage)


def _found(study: str) -> tuple[Path, str | None, str]:
    """`study.yaml`, the case, and the name of the results."""
    with blame("STUDY"):
        path, case = find_case(study)
        return path, case, slug_of(case_spec(path, case), path, case)


def folder_of(study: str, out: Path | None, *, elsewhere: bool = False) -> tuple[str, Path]:
    """Name and results folder of a study that has results or is getting some, here or `elsewhere`."""
    path, case, slug = _found(study)
    folder = Path("results") / slug if out is None else out / case if case else out
    # a journal without a manifest is a run that has not written its first front
    if elsewhere or any((folder / name).is_file() for name in ("manifest.json", "study.journal")):
        return slug, folder
    bundled = path.parent / (case or "")
    if out is None and path.name == "study.yaml" and (bundled / "manifest.json").is_file():
        return slug, bundled
    raise ResultsError(f"{folder}: expected the results of {slug}, got none. Start with `dse run {study}`.")
