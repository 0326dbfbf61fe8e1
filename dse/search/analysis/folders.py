"""Results folders: where they are, and how --fresh keeps what was there."""

import json
from pathlib import Path

from dse.errors import spec_error
from dse.front.own_files import FOLDER
from dse.question.resolved_study import ResolvedStudy
from dse.text import is_count


def results_folder(study: ResolvedStudy, out: Path | str | None) -> Path:
    """Folder of the results of a study: `results/SLUG`, or `out`; a case has a subfolder of `out`."""
    if out is None:
        return Path("results") / study.slug
    return Path(out) / study.case if study.case else Path(out)


def move_to_backup(folder: Path) -> None:
    """Move everything of an earlier run into a backup folder `previous-N`: --fresh never deletes."""
    # the lock stays, since we hold it
    kept = [p for p in folder.iterdir() if p.name != ".lock" and not p.name.startswith("previous-")]
    if not kept:
        return
    numbers = [p.name.removeprefix("previous-") for p in folder.glob("previous-*")]
    # above the highest, not their count: some may have been deleted
    number = 1 + max((int(n) for n in numbers if is_count(n)), default=0)
    # with zeros in front, so that names sort by number
    backup = folder / f"previous-{number:04d}"
    backup.mkdir(mode=FOLDER)
    for path in kept:
        path.rename(backup / path.name)


def trials_counted(folder: Path, url: str) -> int:
    """Trials that the manifest of a folder counts, and that the storage at `url` must hold."""
    try:
        counted = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        count, kept_in = counted.get("trials"), counted.get("storage")
    # none yet, or a damaged one, which is replaced
    except (OSError, ValueError, RecursionError, AttributeError):
        return 0
    # trials in memory ended with their run, so a repeated one replaces them by the same
    if type(count) is not int or (kept_in == "memory" and url.startswith("memory:")):
        return 0
    return count


def check_none_lost(folder: Path, counted: int, stored: int, where: str) -> None:
    """Raise `SpecError` where a storage holds fewer trials than the results, which a run would replace."""
    if stored < counted:
        raise spec_error(
            str(folder / "manifest.json"),
            f"counts {counted:,} trial{'' if counted == 1 else 's'}, and {where} holds {stored:,} of this "
            "study: the results would be lost. Put the storage back from a copy, give the --storage that "
            "holds them, or start over with --fresh, which moves them to a backup folder. To go on with what "
            "is stored, move this file away",
        )


def check_own(folder: Path, study: ResolvedStudy) -> None:
    """Raise `SpecError` when a folder holds the results of another study."""
    try:
        # a manifest that names no study is no proof of another one
        other = json.loads((folder / "manifest.json").read_text(encoding="utf-8")).get("study", study.slug)
    # none yet, or a damaged one, which is replaced
    except (OSError, ValueError, RecursionError, AttributeError):
        return
    if other != study.slug:
        raise spec_error(
            str(folder),
            f"expected a folder for {study.slug!r}, got the results of {other!r}; give another --out",
        )
