"""The line in front of one device.

Knows order. Which commands may run at all is asked elsewhere. For each priority there are two lines: of commands
that a latch holds back, and of those that it does not; so a latch touches no command. A line is a heap by a key
that never changes, and removing is lazy: nothing costs more than O(log n) per command.

Between priorities age decides (`waiting_start`). Inside one, clients take turns: a command's turn is one later
than that of its client's last command in line. With one client that is the order in which they came.
"""

import heapq
from collections.abc import Iterator

from gattkeeper.core.entry import Entry
from gattkeeper.model.command import Origin, Priority

_GONE_MIN = 64

Record = tuple[int, int, int, Entry]
"""A place in a heap: what it is ordered by, the sequence, the number of the visit it was taken for."""

Client = tuple[Priority, str, str, int | None]


def client_of(entry: Entry) -> Client:
    """Who takes turns with whom: the way in, the name and the user. Processes of one user are one client."""
    origin: Origin = entry.command.origin
    return (entry.command.priority, origin.front, origin.principal, origin.uid)


class Roll:
    """Who stands in the lines of one device: whose turn is when, and the newest by coalesce key."""

    __slots__ = ("_now", "_shares", "keys", "leased", "mortal")

    def __init__(self) -> None:
        self._now = [0] * len(Priority)  # the latest turn that was taken
        self._shares: dict[Client, tuple[int, int]] = {}  # how many stand in line, and the last turn of them
        self.keys: dict[str, Entry] = {}
        self.mortal = 0  # those that end when the link is lost
        self.leased: dict[str, int] = {}  # how many belong to a lease

    def enter(self, entry: Entry) -> None:
        """One more; it is given its turn when it comes for the first time."""
        client = client_of(entry)
        now = self._now[entry.command.priority]
        count, last = self._shares.get(client, (0, now - 1))
        if entry.turn is None:
            entry.turn = max(now, last + 1)
        self._shares[client] = (count + 1, max(last, entry.turn))
        self.mortal += not entry.command.survive_reconnect
        self._count(entry.command.lease, 1)
        if entry.command.coalesce_key:
            self.keys.setdefault(entry.command.coalesce_key, entry)

    def leave(self, entry: Entry, turn: int, *, first: bool) -> None:
        """One less. When it was the first, the turns of others that are over with it do not come again."""
        client = client_of(entry)
        count, last = self._shares.pop(client)
        if count > 1:
            self._shares[client] = (count - 1, last - (last == turn))
        if first:
            priority = entry.command.priority
            self._now[priority] = max(self._now[priority], turn)
        self.mortal -= not entry.command.survive_reconnect
        self._count(entry.command.lease, -1)
        key = entry.command.coalesce_key
        if key and self.keys.get(key) is entry:
            del self.keys[key]

    def _count(self, lease: str, more: int) -> None:
        if not lease:
            return
        left = self.leased.pop(lease, 0) + more
        if left:
            self.leased[lease] = left


class Line:
    """Commands of one priority, by turn, and by age."""

    __slots__ = ("_ages", "_gone", "_lines", "_roll", "_turns", "count")

    def __init__(self, roll: Roll, lines: "Lines") -> None:
        self._roll = roll
        self._lines = lines
        self._turns: list[Record] = []
        self._ages: list[Record] = []
        self.count = 0
        self._gone = 0

    def push(self, entry: Entry) -> None:
        """Where its turn says: one that comes back has its old place."""
        self._roll.enter(entry)
        entry.line = self
        entry.visit += 1
        self.count += 1
        self._lines.count += 1
        heapq.heappush(self._turns, (*place(entry), entry.visit, entry))
        heapq.heappush(self._ages, (*entry.order, entry.visit, entry))

    def remove(self, entry: Entry) -> None:
        """Take one out, wherever it stands in this line."""
        first = self.first()
        turn, _ = place(entry)
        self._roll.leave(entry, turn, first=first is entry)
        entry.line = None
        self.count -= 1
        self._lines.count -= 1
        self._gone += 1
        if self._gone > self.count + _GONE_MIN:
            for heap in (self._turns, self._ages):
                heap[:] = sorted(filter(self._stands, heap))
            self._gone = 0

    def first(self) -> Entry:
        """Whose turn it is, where anybody stands."""
        return self._top(self._turns)

    def oldest(self) -> Entry:
        """Who came first, likewise."""
        return self._top(self._ages)

    def _top(self, heap: list[Record]) -> Entry:
        while not self._stands(heap[0]):
            heapq.heappop(heap)
        return heap[0][3]

    def _stands(self, record: Record) -> bool:
        """Whether the record's entry still waits where the record says."""
        return record[3].line is self and record[3].visit == record[2]


class Lines:
    """One line for each priority, the most urgent first, and how many stand in all of them."""

    __slots__ = ("by_priority", "count")

    def __init__(self, roll: Roll) -> None:
        self.count = 0
        self.by_priority = [Line(roll, self) for _ in Priority]


def place(entry: Entry) -> tuple[int, int]:
    """Where an entry that was in line before stands among those of its priority."""
    return (entry.turn or 0, entry.sequence)


class Waiting:
    """Every entry that waits for one device. `latched`: those that change the device stay where they are."""

    __slots__ = ("_changing", "_harmless", "latched", "roll")

    def __init__(self, roll: Roll | None = None) -> None:
        self.roll = roll or Roll()
        self.latched = False
        self._harmless = Lines(self.roll)
        self._changing = Lines(self.roll)

    def __len__(self) -> int:
        return self._harmless.count + self._changing.count

    def __contains__(self, entry: Entry) -> bool:
        return any(entry.line is line for lines in self._all() for line in lines.by_priority)

    def _all(self) -> tuple[Lines, ...]:
        return (self._harmless, self._changing)

    def _open(self) -> tuple[Lines, ...]:
        """Those that no latch holds back, without such in which nobody stands."""
        harmless, changing = self._harmless, self._changing
        if self.latched or not changing.count:
            return (harmless,) if harmless.count else ()
        return (harmless, changing) if harmless.count else (changing,)

    def may_run(self) -> bool:
        """Whether anything stands here that is not held back by the latch."""
        return self._harmless.count > 0 or (self._changing.count > 0 and not self.latched)

    def push(self, entry: Entry) -> None:
        """Into the line of its priority and kind."""
        self._line_of(entry).push(entry)

    def _line_of(self, entry: Entry) -> Line:
        return (self._changing if entry.held_back else self._harmless).by_priority[entry.command.priority]

    def detach(self) -> "Waiting":
        """Take all lines out of here, as they are."""
        taken = Waiting(self.roll)
        taken._changing, self._changing = self._changing, taken._changing
        taken._harmless, self._harmless = self._harmless, taken._harmless
        return taken

    def hand_on(self, entry: Entry, to: "Waiting") -> None:
        """Move one to its old place in other lines of the same device."""
        self._line_of(entry).remove(entry)
        to.push(entry)

    def head(self) -> Entry | None:
        """The next, whether it is ready or not."""
        best: Entry | None = None
        best_age = _NEVER
        for entry, age in self._fronts():
            if age < best_age:
                best, best_age = entry, age
        return best

    def _fronts(self) -> Iterator[tuple[Entry, tuple[int, int]]]:
        """Whose turn it is in each priority in which somebody stands, and that priority's age."""
        lines = self._open()
        for priority in _PRIORITIES if lines else ():
            standing = [line for each in lines if (line := each.by_priority[priority]).count]
            if standing:
                yield _front(standing)

    def oldest(self) -> Entry | None:
        """Who came first of all that may run."""
        oldest = [line.oldest() for lines in self._open() for line in lines.by_priority if line.count]
        return min(oldest, key=lambda entry: entry.accepted_at, default=None)

    def least(self) -> Entry | None:
        """Of the least urgent, the one that came first."""
        for priority in reversed(Priority):
            lines = (lines.by_priority[priority] for lines in self._all())
            oldest = [line.oldest() for line in lines if line.count]
            if oldest:
                return min(oldest, key=lambda entry: entry.order)
        return None

    def ready(self, now_us: int) -> Entry | None:
        """The next that may start now.

        While one backs off, only a higher priority may overtake it: it keeps its place among its equals.
        """
        best: Entry | None = None
        best_age = blocked = _NEVER
        for entry, age in self._fronts():
            if entry.ready_at > now_us:
                blocked = min(blocked, age)
            elif age < blocked and age < best_age:
                best, best_age = entry, age
        return best


def _front(standing: list[Line]) -> tuple[Entry, tuple[int, int]]:
    """Whose turn it is in a priority, and the age of that priority: that of the one that came first."""
    first, age = standing[0].first(), standing[0].oldest().order
    for line in standing[1:]:
        age = min(age, line.oldest().order)
        if place(line.first()) < place(first):
            first = line.first()
    return first, age


_PRIORITIES = range(len(Priority))
_NEVER = (2**63, 0)
