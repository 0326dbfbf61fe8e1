"""Optuna's dashboard of the present studies; made again when a study appears or disappears."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from threading import Lock

from dse.errors import DseError
from dse.search.storage.read_only_view import ReadOnlyView
from dse.search.trials.read_trials import Storage
from dse.view.dashboard import dashboard
from dse.view.guard import App
from dse.view.live import LiveStudy


class Dashboards:
    """Makes one dashboard at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._slugs: tuple[str, ...] = ()
        self._app: App | None = None

    def numbers(self, studies: Mapping[str, LiveStudy]) -> dict[str, int]:
        """Number of each study that has stored trials, as the dashboard counts them."""
        return {slug: i for i, slug in enumerate(_stored(studies))}

    def app(self, studies: Mapping[str, LiveStudy]) -> App:
        """The dashboard of all of them."""
        with self._lock:
            # the place of a study in this order is its number in the dashboard, see `numbers`
            slugs = _stored(studies)
            if self._app is None or slugs != self._slugs:
                self._app = dashboard(ReadOnlyView(_storages(studies, slugs)), _mark_of(studies, slugs))
                self._slugs = slugs
            return self._app


def _stored(studies: Mapping[str, LiveStudy]) -> tuple[str, ...]:
    """Slugs of the studies whose trials can be read, in a fixed order."""
    return tuple(slug for slug in sorted(studies) if _readable(studies[slug]))


def _storages(studies: Mapping[str, LiveStudy], slugs: Iterable[str]) -> dict[str, Storage]:
    found = {slug: studies[slug].storage() for slug in slugs}
    # removed since `_stored` looked
    return {slug: storage for slug, storage in found.items() if storage is not None}


def _mark_of(studies: Mapping[str, LiveStudy], slugs: Sequence[str]) -> Callable[[int], Hashable]:
    def mark(number: int) -> Hashable:
        return studies[slugs[number]].mark() if number < len(slugs) else None

    return mark


def _readable(study: LiveStudy) -> bool:
    try:
        return study.storage() is not None
    except DseError:
        return False
