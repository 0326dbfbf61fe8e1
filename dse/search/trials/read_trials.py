"""Trials of a stored study, read while a run may write them: nothing is created, repaired or locked."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, JournalStorage
from optuna.trial import FrozenTrial, TrialState

from dse.errors import DseError, spec_error
from dse.front.own_files import opened
from dse.masks import hidden, remember
from dse.search.analysis.stored_question import check_program, whole_trials
from dse.search.storage.by_url import EXTRA, OF_OTHERS, first_line, open_storage, storage_errors, with_driver
from dse.search.storage.journal import CheckedFile, no_journal
from dse.search.storage.optuna_private import CheckedStorage, study_id
from dse.search.storage.sqlite_file import check_sqlite, sqlite_file

Storage: TypeAlias = BaseStorage
"""A storage of trials, for packages that do not import Optuna."""
Trials: TypeAlias = Sequence[FrozenTrial]
"""Trials, for packages that do not import Optuna."""
__all__ = ["FrozenTrial", "Storage", "reading", "remote_trials", "stored_trials", "study_number"]


def reading(folder: Path, url: str | None = None) -> BaseStorage | None:
    """The storage of a results folder, or the one at `url`; None where the folder has none.

    Nothing is created: a database must be there, with the tables of Optuna in it. Raises `SpecError` when it
    cannot be read. Only its reading methods may be called.
    """
    if url is not None and not url.startswith("journal:"):
        return _reading_elsewhere(url)
    path = Path(url.removeprefix("journal:")) if url is not None else folder / "study.journal"
    if not os.path.lexists(path):
        return None
    try:
        with opened(path, "rb") as file:
            # an empty file is the journal of a run that has just begun
            if file.read(1) not in (b"", b"{"):
                raise ValueError("no journal")
        # no `Journal`: that trims what a killed writer left, and a reader must change nothing
        return JournalStorage(CheckedFile(path))
    # some are a `ValueError` too, which the last clause would reword
    except DseError:
        raise
    except OSError as error:
        raise spec_error(str(path), f"the journal cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AssertionError):  # raised by Optuna for lines of others
        raise no_journal(path) from None


def _reading_elsewhere(url: str) -> BaseStorage:
    """A database or a server, opened without creating anything."""
    from sqlalchemy.exc import SQLAlchemyError  # 0.2 s, which only databases need

    remember(url)
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme not in ("sqlite", "postgresql", "mysql"):
        return open_storage(url)
    try:
        path = sqlite_file(url)
        # SQLite would create a file that is missing
        if path is not None and not path.is_file():
            what = f"expected a database of Optuna studies at {hidden(url)}, got no file"
            raise spec_error("--storage", what)
        if path is not None:
            check_sqlite(path)
        storage = CheckedStorage(with_driver(url), skip_table_creation=True)
        # missing tables show only when they are read
        storage.get_all_studies()
    # some are a `ValueError` too, which the last clause would reword
    except DseError:
        raise
    except ImportError:
        raise spec_error("--storage", f"{hidden(url)} needs the driver of its database: {EXTRA}") from None
    except (SQLAlchemyError, OptunaError, *OF_OTHERS) as error:
        raise spec_error("--storage", f"{hidden(url)} cannot be read: {first_line(error)}") from None
    return storage


@storage_errors()
def remote_trials(storage: BaseStorage | None, slug: str) -> list[FrozenTrial]:
    """As `stored_trials`; raises `SpecError` where a server does not answer."""
    try:
        return stored_trials(storage, slug)
    except DseError:
        raise
    except Exception as error:  # whatever the driver of that storage raises
        raise spec_error("--storage", f"the trials cannot be read now: {first_line(error)}") from None


def study_number(storage: BaseStorage, slug: str) -> int | None:
    """Optuna's number of the stored study of that name; None when there is none."""
    return next((study_id(s) for s in storage.get_all_studies() if s.study_name == slug), None)


def stored_trials(storage: BaseStorage | None, slug: str) -> list[FrozenTrial]:
    """Every trial of a study, finished or not, in order; none where nothing is stored.

    Raises `SpecError` where another version stored them in another format, and for a damaged study.
    """
    if storage is None:
        return []
    found = next((s for s in storage.get_all_studies() if s.study_name == slug), None)
    if found is None:
        return []
    check_program(slug, found.user_attrs, "--storage")
    return whole_trials(storage, study_id(found), "--storage")


def finished(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Those of `trials` that are complete."""
    return [trial for trial in trials if trial.state == TrialState.COMPLETE]
