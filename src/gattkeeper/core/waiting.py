"""The line in front of one device.

Knows order. Which commands may run at all is asked elsewhere. One line per priority, each a heap by the
fixed key; the best of the heads is next. Removing is lazy, so nothing costs more than O(log n) per command.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator

from gattkeeper.core.entry import Entry
from gattkeeper.model.command import Priority

_GONE_MIN = 64

_Record = tuple[tuple[int, int], int, Entry]
"""A place in a line: the order, which is unique, and the number of the visit it was taken for."""


class Waiting:
    """Entries that wait, in the order of `Entry.order`, four lines abreast."""

    __slots__ = ("_count", "_gone", "_lines", "keys")

    def __init__(self) -> None:
        self._lines: tuple[list[_Record], ...] = tuple([] for _ in Priority)
        self._count = 0
        self._gone = 0
        self.keys: dict[str, Entry] = {}  # by coalesce key: the newest

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        """All of them, next one first."""
        return iter([entry for _, _, entry in sorted(filter(_stands, itertools.chain(*self._lines)))])

    def push(self, entry: Entry) -> None:
        """Into its priority's line, where its order says."""
        entry.queued = True
        entry.visit += 1
        self._count += 1
        if entry.command.coalesce_key:
            self.keys.setdefault(entry.command.coalesce_key, entry)
        heapq.heappush(self._lines[entry.command.priority], (entry.order, entry.visit, entry))

    def remove(self, entry: Entry) -> None:
        """Take one out, wherever it stands; nothing happens when it does not stand here."""
        if not entry.queued:
            return
        self._leave(entry)
        line = self._lines[entry.command.priority]
        if line[0][2] is entry:
            heapq.heappop(line)
            return
        self._gone += 1
        if self._gone > self._count + _GONE_MIN:
            self._sweep()

    def take(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Take out all that `wanted` says, next one first. They may be put back later."""
        taken = [entry for entry in self if wanted(entry)]
        for entry in taken:
            self._leave(entry)
        self._sweep()
        return taken

    def head(self) -> Entry | None:
        """The next in order, whether it is ready or not."""
        best: Entry | None = None
        for line in self._lines:
            front = self._front(line)
            if front is not None and (best is None or front.order < best.order):
                best = front
        return best

    def oldest(self) -> Entry | None:
        """Of those that are first in their priority, the one that came first."""
        fronts = [front for line in self._lines if (front := self._front(line)) is not None]
        return min(fronts, key=lambda entry: entry.accepted_at, default=None)

    def least(self) -> Entry | None:
        """The first of the least urgent."""
        return next((front for line in reversed(self._lines) if (front := self._front(line)) is not None), None)

    def ready(self, now_us: int) -> Entry | None:
        """The next that may start now.

        While one backs off, only a higher priority may overtake it: it keeps its place among its equals.
        """
        best: Entry | None = None
        blocked: tuple[int, int] | None = None
        for line in self._lines:
            front = self._front(line)
            if front is None:
                continue
            if front.ready_at > now_us:
                blocked = front.order if blocked is None else min(blocked, front.order)
            elif (blocked is None or front.order < blocked) and (best is None or front.order < best.order):
                best = front
        return best

    def _front(self, line: "list[_Record]") -> Entry | None:
        while line and not _stands(line[0]):
            heapq.heappop(line)
            self._gone -= 1
        return line[0][2] if line else None

    def _sweep(self) -> None:
        for line in self._lines:
            line[:] = sorted(filter(_stands, line))
        self._gone = 0

    def _leave(self, entry: Entry) -> None:
        entry.queued = False
        self._count -= 1
        key = entry.command.coalesce_key
        if key and self.keys.get(key) is entry:
            del self.keys[key]


def _stands(record: _Record) -> bool:
    """Whether the record's entry still waits where the record says."""
    return record[2].queued and record[2].visit == record[1]
