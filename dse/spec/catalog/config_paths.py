"""Folders of configs and studies: a user's own first, then the ones that ship with the package."""

from pathlib import Path

import dse

OWN = Path("my-configs")
"""Folder that `dse new` writes configs to unless another one is named."""


def bundled(what: str) -> Path:
    """Folder `configs` or `studies` that ships with the package."""
    package = Path(dse.__file__).resolve().parent
    installed = package / "_bundled" / what
    return installed if installed.is_dir() else package.parent / what  # the latter in a checkout


def config_folders(extra: Path | str | None = None) -> tuple[Path, ...]:
    """Folders of configs in the order they are searched."""
    own = Path(extra) if extra is not None else None
    return (*((own,) if own else ()), bundled("configs"))


def study_folders() -> tuple[Path, ...]:
    """Folders of studies in the order they are searched."""
    return (Path("studies"), bundled("studies"))
