"""Moments to come, each under a key: set, moved, taken back, or due.

A heap with lazy removal: what was taken back stays until it reaches the top or until the dead outnumber
the living, so that nothing costs more than O(log n).
"""

import heapq
from collections.abc import Hashable

_DEAD_MIN = 64


class Timers:
    """Keys are hashable and unique; two timers of one moment are due in the order they were set."""

    __slots__ = ("_at", "_count", "_heap")

    def __init__(self) -> None:
        self._at: dict[Hashable, tuple[int, int]] = {}
        self._heap: list[tuple[int, int, Hashable]] = []
        self._count = 0

    def set(self, key: Hashable, at_us: int) -> None:
        """Be due at that moment; an earlier setting of the key is forgotten."""
        self._count += 1
        self._at[key] = (at_us, self._count)
        heapq.heappush(self._heap, (at_us, self._count, key))
        self._tidy()

    def cancel(self, key: Hashable) -> None:
        """Never be due, if it still was to be."""
        if self._at.pop(key, None) is not None:
            self._tidy()

    def next_at(self) -> int | None:
        """The earliest moment, if there is any."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_us: int) -> Hashable | None:
        """One key whose moment has come, or None."""
        if not self._heap or self._heap[0][0] > now_us:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._at[key]
        self._tidy()
        return key

    def _tidy(self) -> None:
        heap, at = self._heap, self._at
        if len(heap) > 2 * len(at) + _DEAD_MIN:
            heap[:] = [(moment, count, key) for key, (moment, count) in at.items()]
            heapq.heapify(heap)
        while heap and at.get(heap[0][2]) != heap[0][:2]:
            heapq.heappop(heap)
