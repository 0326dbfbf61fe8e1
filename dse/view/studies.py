"""All studies of a folder of results, found again at each request."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from dse.errors import ResultsError
from dse.front.stored_json import MANIFEST_LIMIT, parse_json, read_text
from dse.text import one_line
from dse.view.live import LiveStudy, stamp_of

_LONGEST = 200
"""Letters of the name of a study."""


class Studies:
    """Live studies by slug; the cases of a study are in subfolders of its folder."""

    def __init__(self, root: Path | None, configs: Path | None = None) -> None:
        self._root, self._configs = root, configs
        self._known: dict[str, LiveStudy] = {}
        self._names: dict[Path, tuple[tuple[int, int], str]] = {}
        # each request has a thread of its own
        self._lock = Lock()

    def add(self, study: LiveStudy) -> None:
        """Serve this study too, in whatever folder it is."""
        self._known[study.slug] = study

    def all(self) -> Mapping[str, LiveStudy]:
        """Every study, by slug; those whose folder has gone are forgotten.

        A second folder that claims a name goes by its path: it must not hide the first.
        """
        with self._lock:
            # a study in another storage needs no folder here
            kept = {slug: study for slug, study in self._known.items() if study.url or study.folder.is_dir()}
            for folder in _folders(self._root) if self._root is not None else ():
                slug = self._slug(folder)
                if _taken(slug, folder, kept) and not _is_sweep_of(folder, kept[slug].folder):
                    slug = _path_below(folder, self._root)
                    while _taken(slug, folder, kept):
                        slug += "+"
                if slug not in kept:
                    kept[slug] = LiveStudy(slug, folder, self._configs)
            self._known = kept
            return dict(sorted(kept.items(), key=lambda item: _counted(item[0])))

    def _slug(self, folder: Path) -> str:
        """Name of the study: that of its manifest, else its path below the root."""
        stamp, before = stamp_of(folder / "manifest.json"), self._names.get(folder)
        if before is None or before[0] != stamp:
            before = self._names[folder] = stamp, _named(folder) or _path_below(folder, self._root)
        return before[1]


def _counted(slug: str) -> list[tuple[bool, int, str]]:
    """A key by which `batch-32` comes before `batch-128`, and a study before its cases."""
    # the empty part ends a name: a study comes before its cases, and both before longer names
    parts = (part for name in slug.split("/") for part in (*re.split(r"(\d+)", name), ""))
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _folders(root: Path) -> list[Path]:
    """Results folders below `root`, at most two deep; backups that --fresh made are left out."""
    near = [p for p in (root, *root.glob("*"), *root.glob("*/*")) if _has_results(p)]
    return [p for p in sorted(near) if not _is_backup(p, root)]


def _has_results(folder: Path) -> bool:
    try:
        # whatever has such a name: a pipe or a link to nowhere is shown as what cannot be read
        return any(os.path.lexists(folder / name) for name in ("manifest.json", "study.journal"))
    # a folder that may not be read hides none of the others
    except OSError:
        return False


def _is_backup(folder: Path, root: Path) -> bool:
    return any(part.startswith("previous-") for part in folder.relative_to(root).parts)


def _is_sweep_of(folder: Path, run: Path) -> bool:
    """Whether one folder has the exact front that is drawn behind the results in the other."""
    return f"{run.name}-sweep" == folder.name or f"{folder.name}-sweep" == run.name


def _named(folder: Path) -> str:
    """The study that a manifest names; the empty string without one, or with one that is damaged."""
    try:
        data = parse_json(read_text(folder / "manifest.json", MANIFEST_LIMIT), "")
    except ResultsError:
        return ""
    name = data.get("study") if isinstance(data, dict) else None
    return name if isinstance(name, str) and _is_address(name) else ""


def _is_address(name: str) -> bool:
    """Whether a name can be the address of a page, and be shown."""
    # a browser takes dots for steps of a path
    steps = {"", ".", ".."}
    return len(name) <= _LONGEST and name.isprintable() and steps.isdisjoint(name.split("/"))


def _taken(slug: str, folder: Path, known: Mapping[str, LiveStudy]) -> bool:
    return slug in known and known[slug].folder != folder


def _path_below(folder: Path, root: Path | None) -> str:
    """Path below the root; what an address cannot hold, such as control characters, is written out."""
    below = folder.relative_to(root).as_posix() if root is not None and folder != root else folder.name
    return one_line(below)
