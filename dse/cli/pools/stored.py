"""The stored pairs of a study of pools: those of a run or a sweep, or those that came with it."""

from pathlib import Path

from dse.cli.terminal.tables import remark
from dse.errors import ResultsError, spec_error
from dse.front.files import Front, load_front
from dse.question.pools.study import PooledStudy
from dse.search.analysis.folders import results_folder


def stored_pairs(study: PooledStudy, out: Path | None) -> tuple[Front, Path]:
    """The stored front and its folder: `out`, else that of the run, of the sweep, or of the study.

    Raises `ResultsError` where there is none, and `SpecError` for results of another study.
    """
    folder, own = _place(study, out)
    if own != folder:
        remark(f"no results of your own in {own}: these are the results that came with the study")
        # found next to study.yaml, so it is not checked to be of this study
        found = load_front(folder)
    else:
        found = load_front(folder)
        # a folder given by --out may hold another study; its chips may not even be in this one
        if (got := found.manifest.get("study")) != study.slug:
            what = f"expected results of {study.slug!r}, got those of {got!r}. Choose another --out."
            raise spec_error(str(folder), what)
    if changed := study.changed_since(found.manifest):
        verb = "sweep" if "grids" in found.manifest else "run"
        remark(
            f"{', '.join(changed)} changed since the front was stored; "
            f"`dse {verb} {study.slug} --fresh` renews it"
        )
    return found, folder


def _place(study: PooledStudy, out: Path | None) -> tuple[Path, Path]:
    """The folder to read, and the one that results of one's own lie in or would."""
    own = results_folder(study.first, out)
    if out is not None or (own / "manifest.json").exists():
        return own, own
    swept = Path("results") / f"{study.slug}-sweep"
    if (swept / "manifest.json").exists():
        return swept, swept
    bundled = study.path.parent / (study.case or "")
    # only a study in a folder of its own can have brought results
    named = study.path.name == "study.yaml"
    # both: a manifest whose table is missing cannot be read
    if named and all((bundled / name).is_file() for name in ("manifest.json", "front.csv")):
        return bundled, own
    what = f"expected the results of {study.slug}, got none. Start with `dse sweep {study.slug}`."
    raise ResultsError(f"{own}: {what}")
