"""The line in front of one device.

Knows order. Which commands may run at all is asked elsewhere. For each priority there are two lines: of commands
that a latch holds back, and of those that it does not; so a latch touches no command. A line is a heap by a key
that never changes, and removing is lazy: nothing costs more than O(log n) per command.

Between priorities age decides (`waiting_start`). Inside one, clients take turns: a command's turn is one later
than that of its client's last command in line. With one client that is the order in which they came.
"""

import heapq

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

    def turn_of(self, priority: Priority) -> int:
        """The turn of who comes when nobody of a priority stands in line."""
        return self._now[priority]

    def enter(self, entry: Entry) -> None:
        """One more; it is given its turn when it comes for the first time."""
        client, command = client_of(entry), entry.command
        now = self._now[command.priority]
        count, last = self._shares.get(client, (0, now - 1))
        if entry.turn is None:
            entry.turn = max(now, last + 1)
        self._shares[client] = (count + 1, max(last, entry.turn))
        self.mortal += not command.survive_reconnect
        if command.lease:
            self._count(command.lease, 1)
        if command.coalesce_key:
            self.keys.setdefault(command.coalesce_key, entry)

    def leave(self, entry: Entry, turn: int, *, first: bool) -> None:
        """One less. When it was the first, the turns of others that are over with it do not come again."""
        client, command = client_of(entry), entry.command
        count, last = self._shares.pop(client)
        if count > 1:
            self._shares[client] = (count - 1, last - (last == turn))
        if first:
            self._now[command.priority] = max(self._now[command.priority], turn)
        self.mortal -= not command.survive_reconnect
        if command.lease:
            self._count(command.lease, -1)
        key = command.coalesce_key
        if key and self.keys.get(key) is entry:
            del self.keys[key]

    def _count(self, lease: str, more: int) -> None:
        left = self.leased.pop(lease, 0) + more
        if left:
            self.leased[lease] = left


class Line:
    """Commands of one priority, by turn, and by age. While one alone stands here, there is nothing to order."""

    __slots__ = ("_ages", "_alone", "_gone", "_roll", "_turns", "changing", "count", "lines", "priority")

    def __init__(self, roll: Roll, lines: "Lines", priority: Priority, *, changing: bool) -> None:
        self._roll = roll
        self.lines = lines
        self.priority = priority
        self.changing = changing  # what stands here changes the device: a latch holds it back
        self._turns: list[Record] = []
        self._ages: list[Record] = []
        self._alone: Entry | None = None
        self.count = 0
        self._gone = 0

    def push(self, entry: Entry) -> None:
        """Where its turn says: one that comes back has its old place."""
        self._roll.enter(entry)
        entry.line = self
        entry.visit += 1
        self.count += 1
        self.lines.count += 1
        if self.count == 1:
            self.lines.open(self)
            self._alone = entry
            return
        if self._alone is not None:
            self._record(self._alone)
            self._alone = None
        self._record(entry)

    def _record(self, entry: Entry) -> None:
        heapq.heappush(self._turns, (*place(entry), entry.visit, entry))
        heapq.heappush(self._ages, (*entry.order, entry.visit, entry))

    def remove(self, entry: Entry) -> None:
        """Take one out, wherever it stands in this line."""
        turn, _ = place(entry)
        self._roll.leave(entry, turn, first=self.first() is entry)
        entry.line = None
        self.count -= 1
        self.lines.count -= 1
        if not self.count:
            self.lines.close(self)
            self._alone = None
            self._turns.clear()
            self._ages.clear()
            self._gone = 0
            return
        self._gone += 1
        if self._gone > self.count + _GONE_MIN:
            for heap in (self._turns, self._ages):
                heap[:] = sorted(filter(self._stands, heap))
            self._gone = 0

    def first(self) -> Entry:
        """Whose turn it is, where anybody stands."""
        return self._alone or self._top(self._turns)

    def oldest(self) -> Entry:
        """Who came first, likewise."""
        return self._alone or self._top(self._ages)

    def _top(self, heap: list[Record]) -> Entry:
        while True:
            _, _, visit, entry = heap[0]
            if entry.visit == visit and entry.line is self:
                return entry
            heapq.heappop(heap)

    def _stands(self, record: Record) -> bool:
        """Whether the record's entry still waits where the record says."""
        return record[3].line is self and record[3].visit == record[2]


class Lines:
    """Two lines for each priority, and in which of them anybody stands: the most urgent first.

    A line is made when somebody comes to stand in it: a stop is in a hurry, and takes all of them away.
    """

    __slots__ = ("_all", "_roll", "count", "standing")

    def __init__(self, roll: Roll) -> None:
        self.count = 0
        self.standing: list[Line] = []
        self._roll = roll
        self._all: list[Line | None] = [None] * (2 * len(Priority))

    def of(self, entry: Entry) -> Line:
        """The line of its priority and kind."""
        priority, changing = entry.command.priority, entry.held_back
        line = self._all[2 * priority + changing]
        if line is None:
            line = self._all[2 * priority + changing] = Line(self._roll, self, priority, changing=changing)
        return line

    def open(self, line: Line) -> None:
        """Somebody stands there now."""
        self.standing.append(line)
        if len(self.standing) > 1:
            self.standing.sort(key=_priority_of)

    def close(self, line: Line) -> None:
        """Nobody does any more."""
        self.standing.remove(line)


def _priority_of(line: Line) -> Priority:
    return line.priority


def place(entry: Entry) -> tuple[int, int]:
    """Where an entry that was in line before stands among those of its priority."""
    return (entry.turn or 0, entry.sequence)


class Waiting:
    """Every entry that waits for one device. `latched`: those that change the device stay where they are."""

    __slots__ = ("latched", "lines", "roll")

    def __init__(self, roll: Roll | None = None) -> None:
        self.roll = roll or Roll()
        self.latched = False
        self.lines = Lines(self.roll)

    def __len__(self) -> int:
        return self.lines.count

    def __contains__(self, entry: Entry) -> bool:
        return any(entry.line is line for line in self.lines.standing)

    def _open(self) -> list[Line]:
        """Those in which somebody stands, and that no latch holds back."""
        standing = self.lines.standing
        return [line for line in standing if not line.changing] if self.latched else standing

    def may_run(self) -> bool:
        """Whether anything stands here that is not held back by the latch."""
        return bool(self._open())

    def push(self, entry: Entry) -> None:
        """Into the line of its priority and kind."""
        self.lines.of(entry).push(entry)

    def detach(self) -> "Waiting":
        """Take all lines out of here, as they are."""
        taken = Waiting(self.roll)
        taken.lines, self.lines = self.lines, taken.lines
        return taken

    def hand_on(self, entry: Entry, to: "Waiting") -> None:
        """Move one to its old place in other lines of the same device."""
        self.lines.of(entry).remove(entry)
        to.push(entry)

    def head(self) -> Entry | None:
        """The next, whether it is ready or not."""
        best: Entry | None = None
        best_age = _NEVER
        for entry, age in self._fronts():
            if age < best_age:
                best, best_age = entry, age
        return best

    def _fronts(self) -> list[tuple[Entry, tuple[int, int]]]:
        """Whose turn it is in each priority in which somebody stands, and that priority's age."""
        fronts: dict[Priority, tuple[Entry, tuple[int, int]]] = {}
        for line in self._open():
            first, age = line.first(), line.oldest().order
            if line.priority in fronts:
                other, its_age = fronts[line.priority]
                first = min(first, other, key=place)
                age = min(age, its_age)
            fronts[line.priority] = first, age
        return list(fronts.values())

    def oldest(self) -> Entry | None:
        """Who came first of all that may run."""
        lines = self._open()
        if len(lines) == 1:
            return lines[0].oldest()
        return min((line.oldest() for line in lines), key=_age, default=None)

    def least(self) -> Entry | None:
        """Of the least urgent, the one that came first."""
        standing = self.lines.standing
        oldest = [line.oldest() for line in standing if line.priority is standing[-1].priority]
        return min(oldest, key=lambda entry: entry.order, default=None)

    def ready(self, now_us: int) -> Entry | None:
        """The next that may start now.

        While one backs off, only a higher priority may overtake it: it keeps its place among its equals.
        """
        lines = self._open()
        if len(lines) == 1:
            first = lines[0].first()
            return first if first.ready_at <= now_us else None
        best: Entry | None = None
        best_age = blocked = _NEVER
        for entry, age in self._fronts() if lines else ():
            if entry.ready_at > now_us:
                blocked = min(blocked, age)
            elif age < blocked and age < best_age:
                best, best_age = entry, age
        return best


def _age(entry: Entry) -> int:
    return entry.accepted_at


_NEVER = (2**63, 0)
