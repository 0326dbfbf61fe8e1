"""Results folders: where they are, and how a fresh start keeps what was there."""

import json
from pathlib import Path

from dse.errors import wrong
from dse.question.resolved_study import ResolvedStudy


def results_folder(study: ResolvedStudy, out: Path | str | None) -> Path:
    """Where the results of a study live: `results/SLUG`, or `out`; those of a case in a folder therein."""
    if out is None:
        return Path("results") / study.slug
    return Path(out) / study.case if study.case else Path(out)


def set_aside(folder: Path) -> None:
    """Move everything of an earlier run into a folder of its own: a fresh start never deletes."""
    kept = [p for p in folder.iterdir() if p.name != ".lock" and not p.name.startswith("previous-")]
    if not kept:
        return
    numbers = [p.name.removeprefix("previous-") for p in folder.glob("previous-*")]
    number = 1 + max((int(n) for n in numbers if n.isdigit()), default=0)
    aside = folder / f"previous-{number:04d}"
    aside.mkdir()
    for path in kept:
        path.rename(aside / path.name)


def own(folder: Path, study: ResolvedStudy) -> None:
    """Refuse a folder that holds the results of another study."""
    try:
        other = json.loads((folder / "manifest.json").read_text(encoding="utf-8")).get("study", study.slug)
    except (OSError, ValueError, AttributeError):  # none yet, or a damaged one, which is replaced
        return
    if other != study.slug:
        raise wrong(
            str(folder),
            f"expected a folder for {study.slug!r}, got the results of {other!r}; give another --out",
        )
