"""The present state of a study: its stored front, or the front of its trials while it runs."""

import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from dse.errors import ResultsError, SpecError
from dse.front.exact import drawn_behind
from dse.front.files import Front, load_front
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.report.info.evidence import Evidence, evidence
from dse.report.info.stored_trials import Searched, search_from_trials
from dse.report.page.html import Html
from dse.report.page.study_report import Extras, study_report
from dse.report.words.sentence import answer_sentences
from dse.search.analysis.live_front import Follower
from dse.search.trials.read_trials import (
    FrozenTrial,
    Storage,
    finished,
    reading,
    remote_trials,
    stored_trials,
)

_QUIET = 15.0  # seconds without a new trial after which a search counts as stopped
_REST = 10.0  # a page rests this many times as long as it took, so that a search keeps the machine


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
        self._follower: Follower | None = None
        self._state: State | None = None
        # equal to no stamp
        self._stamp: tuple[object, ...] = ()
        self._next = 0.0

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

    def _mark(self) -> tuple[int, int]:
        """What changes whenever its trials do."""
        if self.url is None:
            return _stamp(self.journal)
        try:
            trials = self._now()
        except SpecError:
            # unlike any count: the page is renewed as soon as the storage answers again
            return -1, -1
        return len(trials), len(finished(trials))

    def state(self, above: Html, served: tuple[str, ...], status: str) -> State:
        """Its present state, renewed at most a tenth of the time."""
        # each request has a thread of its own: one renews the page, the others wait for it
        with self._lock:
            stamp = (_stamp(self.folder / "manifest.json"), self._mark())
            # a change during the rest is shown after it: the old stamp still differs then
            if self._state is None or (stamp != self._stamp and time.monotonic() >= self._next):
                start = time.monotonic()
                self._state = self._renewed(above, served, status, "-".join(str(part) for part in stamp))
                self._stamp = stamp
                end = time.monotonic()
                self._next = end + _REST * (end - start)
            return State(
                version=self._state.version,
                # at each request, so that progress is current while the page rests
                text=self._text(),
                title=self._state.title,
                answer=self._state.answer,
                page=self._state.page,
            )

    def _renewed(self, above: Html, served: tuple[str, ...], status: str, version: str) -> State:
        """The state with a new page, or with the reason why there is none."""
        study, doubt = self._study()
        try:
            trials, silent = self._trials_or_reason()
            doubt = "; ".join(filter(None, (doubt, silent)))
            front = self._front(study, trials)
        # a study that cannot be read is a sentence on its page, not a failure of the server
        except (SpecError, ResultsError, KeyError, ValueError) as error:
            return State(version, "", self.slug, f"It cannot be shown: {error}", None)
        if front is None:
            return State(
                version, "", study.spec.title if study else self.slug, "Nothing is stored yet.", None
            )
        found = evidence(front, study, doubt)
        more = search_from_trials(study, trials) if study is not None else Searched(None, None)
        extras = Extras(
            exact=drawn_behind(front, (self.folder.with_name(f"{self.folder.name}-sweep"),)),
            importance=more.importance,
            progress=more.progress,
            status=status,
            served=served,
            above=above,
        )
        title = str(front.manifest.get("title") or self.slug)
        return State(version, "", title, _first(found), study_report(found, extras))

    def _trials_or_reason(self) -> tuple[list[FrozenTrial], str]:
        """Its trials, and why there are none where another storage does not answer."""
        try:
            return self._now(), ""
        except SpecError as error:
            if self.url is None:
                raise
            # the stored front can still be shown, with the reason on its page
            return [], str(error)

    def _study(self) -> tuple[ResolvedStudy | None, str]:
        try:
            return load_study(self._name, self._configs), ""
        except SpecError as error:
            return None, f"its study cannot be evaluated again: {error}"

    def _front(self, study: ResolvedStudy | None, trials: list[FrozenTrial]) -> Front | None:
        """The front in the folder, unless there are more trials since it was written."""
        written = load_front(self.folder) if (self.folder / "manifest.json").is_file() else None
        done = finished(trials)
        # no trials here: a sweep, or results without their storage
        if written is not None and (not done or written.manifest.get("trials") == len(done)):
            return written
        if study is None or not done:
            return written
        # a file may be edited while the page is open: the rows so far would answer another question
        if self._follower is None or self._follower.study.digests() != study.digests():
            self._follower = Follower(study)
        return self._follower.front(trials)

    def _text(self) -> str:
        """The status in a few words: searching, finished, or why it cannot be known."""
        try:
            trials = self._now()
        except SpecError:
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
        try:
            where = str(load_front(self.folder).manifest.get("storage") or "embedded")
        except ResultsError:
            return "waiting for its first trial"
        if where == "embedded":
            return "stored results"
        return (
            f"stored results, not live: its trials are in {where}; dse view STUDY --storage URL follows them"
        )

    def _last(self, trials: list[FrozenTrial]) -> float:
        """When the storage changed last, in seconds since 1970."""
        if self.url is None:
            return _stamp(self.journal)[0] / 1e9
        # another storage has no file here whose time could be read
        return max((t.datetime_complete.timestamp() for t in trials if t.datetime_complete), default=0.0)

    def _complete(self, done: int) -> bool:
        """Whether the stored front already holds all of its trials, so that no run is under way."""
        try:
            return load_front(self.folder).manifest.get("trials") == done
        except ResultsError:
            return False


def _first(found: Evidence) -> str:
    return " ".join(answer_sentences(found)[:2])


def _stamp(path: Path) -> tuple[int, int]:
    """Time of the last change in nanoseconds, and the size; zeros for what is not there."""
    try:
        status = path.stat()
    except OSError:
        # the page changes as soon as the file appears
        return 0, 0
    return status.st_mtime_ns, status.st_size
