"""All studies of a folder of results, found again at each request."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from dse.view.live import LiveStudy


class Studies:
    """Live studies by slug; the cases of a study are in subfolders of its folder."""

    def __init__(self, root: Path | None, configs: Path | None = None) -> None:
        self._root, self._configs = root, configs
        self._known: dict[str, LiveStudy] = {}

    def add(self, study: LiveStudy) -> None:
        """Serve this study too, in whatever folder it is."""
        self._known[study.slug] = study

    def all(self) -> Mapping[str, LiveStudy]:
        """Every study, by slug; those whose folder has gone are forgotten."""
        for folder in _folders(self._root) if self._root is not None else ():
            slug = _slug(folder, self._root)
            if slug not in self._known:
                self._known[slug] = LiveStudy(slug, folder, self._configs)
        # a study in another storage needs no folder here
        self._known = {
            slug: study for slug, study in self._known.items() if study.url or study.folder.is_dir()
        }
        return dict(sorted(self._known.items(), key=lambda item: _counted(item[0])))


def _counted(slug: str) -> list[tuple[bool, int, str]]:
    """A key by which `batch-32` comes before `batch-128`, and a study before its cases."""
    # the empty part ends a name: a study comes before its cases, and both before longer names
    parts = (part for name in slug.split("/") for part in (*re.split(r"(\d+)", name), ""))
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _folders(root: Path) -> list[Path]:
    """Results folders below `root`, at most two deep; backups that --fresh made are left out."""
    near = [p for p in (root, *root.glob("*"), *root.glob("*/*")) if p.is_dir()]
    return [p for p in sorted(near) if _has_results(p) and not _is_backup(p, root)]


def _has_results(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("manifest.json", "study.journal"))


def _is_backup(folder: Path, root: Path) -> bool:
    return any(part.startswith("previous-") for part in folder.relative_to(root).parts)


def _slug(folder: Path, root: Path | None) -> str:
    """Name of the study: that of its manifest, else its path below the root."""
    try:
        name = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["study"]
        if isinstance(name, str) and name:
            return name
    # no manifest yet, or a damaged one: the folder gives the name
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return folder.relative_to(root).as_posix() if root is not None and folder != root else folder.name
