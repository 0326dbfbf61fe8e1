"""What is costly to draw: kept while it is current, and drawn a few at a time."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import BoundedSemaphore, Lock
from typing import Final

from dse.view.guard import Busy, Headers

Answer = tuple[str, Headers, bytes]
"""Status, headers and body."""

AT_ONCE: Final = 2
"""Answers that are drawn at once; the cheap ones need the other threads."""
ROOM: Final = 64 * 2**20
"""Bytes of answers that are kept."""


class Drawn:
    """Answers by key, the most recently used ones within `ROOM`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._lock = Lock()
        self._drawing = BoundedSemaphore(AT_ONCE)

    def get(self, key: Hashable, draw: Callable[[], Answer]) -> Answer:
        """The answer kept under `key`, else what `draw` returns; raises `Busy` where others are drawn."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        if not self._drawing.acquire(blocking=False):
            raise Busy
        try:
            found = draw()
        finally:
            self._drawing.release()
        if found[0].startswith("200"):
            self._keep(key, found)
        return found

    def _keep(self, key: Hashable, answer: Answer) -> None:
        with self._lock:
            self._kept[key] = answer
            while sum(len(body) for _, _, body in self._kept.values()) > ROOM:
                self._kept.popitem(last=False)
