"""The line in front of one device.

Knows order. Which commands may run at all is asked elsewhere. One line per priority, each first in,
first out by construction; the best of the heads is next. Removing is lazy, so nothing is O(n) per command.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from gattkeeper.model.command import Priority

if TYPE_CHECKING:
    from gattkeeper.core.state import Entry

_GONE_MIN = 64


class Waiting:
    """Entries that wait, in the order of `Entry.order`, four lines abreast."""

    __slots__ = ("_count", "_gone", "_lines", "keys")

    def __init__(self) -> None:
        self._lines: tuple[deque[Entry], ...] = tuple(deque() for _ in Priority)
        self._count = 0
        self._gone = 0
        self.keys: dict[str, Entry] = {}  # by coalesce key: the newest

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator["Entry"]:
        """All of them, next one first."""
        alive = [entry for line in self._lines for entry in line if entry.queued]
        return iter(sorted(alive, key=lambda entry: entry.order))

    def push(self, entry: "Entry") -> None:
        """At the end of its priority's line."""
        self._enter(entry)
        self._lines[entry.command.priority].append(entry)

    def put_back(self, entry: "Entry") -> None:
        """Where it was: in front of everything that came after it."""
        self._enter(entry)
        line = self._lines[entry.command.priority]
        behind: list[Entry] = []
        while line and line[0].order < entry.order:
            behind.append(line.popleft())
        line.appendleft(entry)
        line.extendleft(reversed(behind))

    def remove(self, entry: "Entry") -> None:
        """Take one out, wherever it stands; nothing happens when it does not stand here."""
        if not entry.queued:
            return
        self._leave(entry)
        line = self._lines[entry.command.priority]
        if line[0] is entry:
            line.popleft()
            return
        self._gone += 1
        if self._gone > self._count + _GONE_MIN:
            self._sweep()

    def take(self, wanted: Callable[["Entry"], bool]) -> list["Entry"]:
        """Take out all that `wanted` says, next one first. They may be put back later."""
        taken = [entry for entry in self if wanted(entry)]
        for entry in taken:
            self._leave(entry)
        self._sweep()
        return taken

    def head(self) -> "Entry | None":
        """The next in order, whether it is ready or not."""
        best: Entry | None = None
        for line in self._lines:
            front = self._front(line)
            if front is not None and (best is None or front.order < best.order):
                best = front
        return best

    def ready(self, now_us: int) -> "Entry | None":
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

    def _front(self, line: "deque[Entry]") -> "Entry | None":
        while line and not line[0].queued:
            line.popleft()
            self._gone -= 1
        return line[0] if line else None

    def _sweep(self) -> None:
        for line in self._lines:
            alive = [entry for entry in line if entry.queued]
            line.clear()
            line.extend(alive)
        self._gone = 0

    def _leave(self, entry: "Entry") -> None:
        entry.queued = False
        self._count -= 1
        key = entry.command.coalesce_key
        if key and self.keys.get(key) is entry:
            del self.keys[key]

    def _enter(self, entry: "Entry") -> None:
        entry.queued = True
        self._count += 1
        if entry.command.coalesce_key:
            self.keys.setdefault(entry.command.coalesce_key, entry)
