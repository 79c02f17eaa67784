"""Moments to come, each under a key: set, moved, taken back, or due.

A heap with lazy removal: what was taken back stays until it reaches the top, or a timer is set while the dead
outnumber the living, so that nothing costs more than O(log n). `first_at` is the earliest moment at which anything
may be due, what was taken back included: a look at it costs next to nothing, and it is taken with every event.
"""

import heapq
from collections.abc import Hashable

NEVER = 1 << 62
"""Later than any moment there is, in microseconds."""

_DEAD_MIN = 64
_LOOK_EVERY = 64


class Timers:
    """Keys are hashable and unique; two timers of one moment are due in the order they were set."""

    __slots__ = ("_at", "_count", "_heap", "first_at")

    def __init__(self) -> None:
        self._at: dict[Hashable, int] = {}  # the number of the setting that holds
        self._heap: list[tuple[int, int, Hashable]] = []
        self._count = 0
        self.first_at = NEVER

    def set(self, key: Hashable, at_us: int) -> None:
        """Be due at that moment; an earlier setting of the key is forgotten."""
        count = self._count = self._count + 1
        self._at[key] = count
        heapq.heappush(self._heap, (at_us, count, key))
        if at_us < self.first_at:  # noqa: PLR1730 - a call less, twice for each command
            self.first_at = at_us
        if not count % _LOOK_EVERY and len(self._heap) > 2 * len(self._at) + _DEAD_MIN:
            self._bury()

    def cancel(self, key: Hashable) -> None:
        """Never be due, if it still was to be."""
        self._at.pop(key, None)

    def next_at(self) -> int | None:
        """The earliest moment, if there is any."""
        heap, at = self._heap, self._at
        while heap:
            moment, count, key = heap[0]
            if at.get(key) == count:
                self.first_at = moment
                return moment
            heapq.heappop(heap)
        self.first_at = NEVER
        return None

    def pop_due(self, now_us: int) -> Hashable | None:
        """One key whose moment has come, or None."""
        at_us = self.next_at()
        if at_us is None or at_us > now_us:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._at[key]
        self._look()
        return key

    def _bury(self) -> None:
        """The dead outnumber the living: keep the latter alone."""
        at = self._at
        self._heap = [timer for timer in self._heap if at.get(timer[2]) == timer[1]]
        heapq.heapify(self._heap)
        self._look()

    def _look(self) -> None:
        self.first_at = self._heap[0][0] if self._heap else NEVER
