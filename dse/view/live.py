"""The present state of a study: its stored front, or the front of its trials while it runs."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import BoundedSemaphore, Lock

from dse.errors import DseError, SpecError
from dse.front.exact import drawn_behind
from dse.front.files import Front, Manifest, load_front, load_manifest
from dse.question.pools.study import PooledStudy, Question, load_question
from dse.question.resolved_study import digest
from dse.report.info.evidence import Evidence, evidence
from dse.report.info.stored_trials import Searched, search_from_trials
from dse.report.page.html import Html
from dse.report.page.study_report import Extras, study_report
from dse.report.words.sentence import answer_sentences
from dse.search.analysis.as_asked import as_asked
from dse.search.analysis.live_front import Follower
from dse.search.pairs.as_asked import pairs_as_asked
from dse.search.pairs.follow import PairsFollower
from dse.search.trials.read_trials import (
    FrozenTrial,
    Storage,
    finished,
    reading,
    remote_trials,
    stored_trials,
)
from dse.view.drawn import AT_ONCE

_QUIET = 15.0  # seconds without a new trial after which a search counts as stopped
_LOOK = 5.0  # seconds after which the study and its configs are looked at again
_MANY = 10_000  # trials, which are replayed for a page: ten thousand take some seconds
_REST = 10.0  # a page rests this many times as long as it took, so that a search keeps the machine


_DRAWING = BoundedSemaphore(AT_ONCE)
"""Pages that are made at once, whatever study they are of."""


@dataclass(frozen=True)
class State:
    """What is known of a study at one moment."""

    version: str
    """Another text whenever the page would be another."""
    text: str
    """For people: whether it runs, and how far it is."""
    title: str
    answer: str
    page: Html | None
    """None before there is anything to show."""
    body: bytes = b""
    """The page as it is sent: encoded once, since each of many clients would have a copy."""


class LiveStudy:
    """Follows a results folder, or its study in another storage; it reads only, and never locks."""

    def __init__(
        self,
        slug: str,
        folder: Path,
        configs: Path | None = None,
        name: str | None = None,
        url: str | None = None,
    ) -> None:
        self.slug, self.folder, self.url = slug, folder, url
        self._configs, self._name = configs, name or slug
        self._trials: list[FrozenTrial] = []
        self._read_at = 0.0
        self._lock = Lock()
        self._storage: Storage | None = None
        self._follower: Follower | PairsFollower | None = None
        self._state: State | None = None
        # equal to no stamp
        self._stamp: tuple[object, ...] = ()
        self._next = 0.0
        self._asked: tuple[Question | None, str] = (None, "")
        # what changes whenever the study or one of its configs does
        self._question = ""
        self._looked = -_LOOK
        self._told: tuple[tuple[int, int], Manifest] = ((-1, -1), {})

    @property
    def journal(self) -> Path:
        """Where its trials are stored, when they are stored here."""
        return self.folder / "study.journal"

    def storage(self) -> Storage | None:
        """Its trials, opened for reading; None where there are none."""
        if self._storage is None:
            self._storage = reading(self.folder, self.url)
        return self._storage

    def _now(self) -> list[FrozenTrial]:
        """Its trials; another storage is read at most a tenth of the time, between reads they are old."""
        if self.url is None:
            return stored_trials(self.storage(), self.slug)
        start = time.monotonic()
        if start >= self._read_at:
            self._trials = remote_trials(self.storage(), self.slug)
            end = time.monotonic()
            self._read_at = end + max(1.0, _REST * (end - start))
        return self._trials

    def mark(self) -> tuple[int, int]:
        """What changes whenever its trials do."""
        if self.url is None:
            return stamp_of(self.journal)
        try:
            trials = self._now()
        except Exception:  # whatever a storage of others raises
            # unlike any count: the page is renewed as soon as the storage answers again
            return -1, -1
        return len(trials), len(finished(trials))

    def state(self, above: Html, served: tuple[str, ...], status: str, *, renew: bool = True) -> State:
        """Its present state, renewed at most a tenth of the time; without `renew`, what is known of it.

        No request waits for a page that another one makes, nor for more than a few at once: the state is then
        the last one, or says that the page is being made.
        """
        if not self._lock.acquire(blocking=False):
            return self._state or self._coming()
        try:
            if renew:
                self._renew(above, served, status)
            # at each request, so that progress is current while the page rests
            return replace(self._state, text=self._text()) if self._state else self._coming()
        finally:
            self._lock.release()

    def _coming(self) -> State:
        # no version of a page, so that the page is loaded as soon as there is one
        return State("", "being read", self.slug, "Its page is being made, and appears here by itself.", None)

    def _renew(self, above: Html, served: tuple[str, ...], status: str) -> None:
        """Make the page again where something has changed since."""
        self._look()
        stamp = (stamp_of(self.folder / "manifest.json"), self.mark(), self._question)
        # a change during the rest is shown after it: the old stamp still differs then
        due = self._state is None or (stamp != self._stamp and time.monotonic() >= self._next)
        if not due or not _DRAWING.acquire(blocking=False):
            return
        try:
            start = time.monotonic()
            self._state = self._renewed(above, served, status, "-".join(str(part) for part in stamp))
            self._stamp = stamp
            end = time.monotonic()
            self._next = end + _REST * (end - start)
        finally:
            _DRAWING.release()

    def _look(self) -> None:
        """Read the study and its configs again, which may be edited while its page is open."""
        if time.monotonic() < self._looked + _LOOK:
            return
        try:
            study = load_question(self._name, self._configs)
            self._asked, self._question = (study, ""), digest(study.digests())
        except Exception as error:  # a plug-in may raise anything
            self._question = f"its study cannot be evaluated again: {error}"
            self._asked = None, self._question
        self._looked = time.monotonic()

    def _renewed(self, above: Html, served: tuple[str, ...], status: str, version: str) -> State:
        """The state with a new page, or with the reason why there is none."""
        try:
            return self._made(above, served, status, version)
        # what cannot be shown is a sentence in its place, and hides none of the others
        except DseError as error:
            return State(version, "", self.slug, f"It cannot be shown: {error}", None)
        except Exception as error:  # of a plug-in, of a storage of others, or a mistake of ours
            why = f"It cannot be shown: its results are damaged ({type(error).__name__}: {str(error)[:200]})."
            return State(version, "", self.slug, why, None)

    def _made(self, above: Html, served: tuple[str, ...], status: str, version: str) -> State:
        """The state with a new page; raises where its results cannot be shown."""
        study, doubt = self._asked
        trials, silent = self._trials_or_reason()
        doubt = "; ".join(filter(None, (doubt, silent)))
        front = self._front(study, trials)
        if front is None:
            return State(
                version, "", study.spec.title if study else self.slug, "Nothing is stored yet.", None
            )
        front = _as_asked(front, study)
        few = len(trials) <= _MANY
        if not few:
            left_out = f"of more than {_MANY:,} trials progress and importance are left out of live pages"
            doubt = "; ".join(filter(None, (doubt, f"{left_out}; `dse report` has them")))
        found = evidence(front, study, doubt)
        more = search_from_trials(study, trials) if study is not None and few else Searched(None, None)
        extras = Extras(
            exact=drawn_behind(front, (self.folder.with_name(f"{self.folder.name}-sweep"),)),
            importance=more.importance,
            progress=more.progress,
            status=status,
            served=served,
            above=above,
        )
        title = str(front.manifest.get("title") or self.slug)
        answer = " ".join([_first(found), *(f"Caution: {text}." for text in found.cautions)])
        page = study_report(found, extras)
        return State(version, "", title, answer, page, page.encode())

    def _trials_or_reason(self) -> tuple[list[FrozenTrial], str]:
        """Its trials, and why there are none where another storage does not answer."""
        try:
            return self._now(), ""
        except SpecError as error:
            if self.url is None:
                raise
            # the stored front can still be shown, with the reason on its page
            return [], str(error)

    def _front(self, study: Question | None, trials: list[FrozenTrial]) -> Front | None:
        """The front in the folder, unless there are more trials since it was written."""
        written = load_front(self.folder) if os.path.lexists(self.folder / "manifest.json") else None
        done = finished(trials)
        # no trials here: a sweep, or results without their storage
        if written is not None and (not done or written.manifest.get("trials") == len(done)):
            return written
        if study is None or not done:
            return written
        # a file may be edited while the page is open: the rows so far would answer another question
        if self._follower is None or self._follower.study.digests() != study.digests():
            self._follower = PairsFollower(study) if isinstance(study, PooledStudy) else Follower(study)
        return self._follower.front(trials)

    def _text(self) -> str:
        """The status in a few words: searching, finished, or why it cannot be known."""
        try:
            trials = self._now()
        except Exception:  # whatever a storage of others raises
            return "its trials cannot be read"
        done = len(finished(trials))
        if not trials:
            return self._without()
        # the wall clock, since it is that of file times
        age = time.time() - self._last(trials)
        # a negative age means that a clock was set back, not that a search runs
        if age < _QUIET and age >= 0 and not self._complete(done):
            return f"searching: {done:,} trials so far"
        return f"{done:,} trials"

    def _without(self) -> str:
        """The status of a study whose trials are not in the folder."""
        manifest = self._manifest()
        if not manifest:
            return "waiting for its first trial"
        if self._state is not None and self._state.page is None:
            return "its results cannot be shown"
        where = str(manifest.get("storage") or "embedded")
        if where == "embedded":
            return "stored results"
        return (
            f"stored results, not live: its trials are in {where}; dse view STUDY --storage URL follows them"
        )

    def _last(self, trials: list[FrozenTrial]) -> float:
        """When the storage changed last, in seconds since 1970."""
        if self.url is None:
            return stamp_of(self.journal)[0] / 1e9
        # another storage has no file here whose time could be read
        return max((t.datetime_complete.timestamp() for t in trials if t.datetime_complete), default=0.0)

    def _complete(self, done: int) -> bool:
        """Whether the stored front already holds all of its trials, so that no run is under way."""
        return self._manifest().get("trials") == done

    def _manifest(self) -> Manifest:
        """Its manifest without the tables, which may be large; empty where there is none that can be read."""
        stamp = stamp_of(self.folder / "manifest.json")
        if stamp != self._told[0]:
            try:
                self._told = stamp, load_manifest(self.folder)
            except DseError:
                self._told = stamp, {}
        return self._told[1]


def _as_asked(front: Front, study: Question | None) -> Front:
    """The front under the words and targets of today."""
    if study is None:
        return front
    return pairs_as_asked(front, study) if isinstance(study, PooledStudy) else as_asked(front, study)


def _first(found: Evidence) -> str:
    return " ".join(answer_sentences(found)[:2])


def stamp_of(path: Path) -> tuple[int, int]:
    """Time of the last change in nanoseconds, and the size; zeros for what is not there."""
    try:
        status = path.stat()
    except OSError:
        # the page changes as soon as the file appears
        return 0, 0
    return status.st_mtime_ns, status.st_size
