"""Figures over commands, gathered one at a time: counts, latencies, outcomes over time.

Knows how to count in bounded memory: a latency is kept as one of a few hundred classes, each 1 % wide, so
percentiles are right to 1 %; moments are kept in bins that grow with the period.
"""

import math
from collections import Counter

from gattkeeper.model.outcome import Verdict
from gattkeeper.storage.query import OPEN, Found

VERDICTS = (*(verdict.value for verdict in Verdict), OPEN)
"""In the order in which they are shown."""

DEVICES_MAX = 200
"""Devices with figures of their own; further ones are counted together."""

OTHERS = "all other devices"

UNKNOWN_MAX = 500
"""Unknown outcomes that are listed, the newest; further ones are counted."""

BINS_MAX = 60
"""Bins of the period: as many bars as a page has room for."""

_CLASS = math.log(1.01)

# Seconds; each divides the next but for the last few.
_BIN_LENGTHS_S = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 28 * 86_400, 364 * 86_400, 3640 * 86_400)


class Latencies:
    """Lengths of time in microseconds."""

    def __init__(self) -> None:
        self.classes: Counter[int] = Counter()

    def add(self, length_us: int) -> None:
        """One more."""
        self.classes[int(math.log(max(1, length_us)) / _CLASS)] += 1

    def percentile_us(self, percent: int) -> int | None:
        """The length that so many of a hundred stay within, right to 1 %; None when there is none."""
        wanted = math.ceil(self.classes.total() * percent / 100)
        for number in sorted(self.classes):
            wanted -= self.classes[number]
            if wanted <= 0:
                return round(class_us(number))
        return None


def class_us(number: int) -> float:
    """The middle of a class of latencies."""
    return math.exp((number + 0.5) * _CLASS)


class OverTime:
    """Verdicts by the moment of acceptance."""

    def __init__(self) -> None:
        self._length = iter(_BIN_LENGTHS_S)
        self.bin_s = next(self._length)
        self.bins: dict[int, Counter[str]] = {}  # by seconds since 1970 of their beginning

    def add(self, utc_us: int, verdict: str) -> None:
        """One more."""
        self._count(utc_us // 1_000_000, verdict, 1)
        while (max(self.bins) - min(self.bins)) // self.bin_s >= BINS_MAX:
            self.bin_s = next(self._length, self.bin_s * 10)
            finer, self.bins = self.bins, {}
            for at_s, counts in finer.items():
                for each, count in counts.items():
                    self._count(at_s, each, count)

    def _count(self, at_s: int, verdict: str, count: int) -> None:
        self.bins.setdefault(at_s - at_s % self.bin_s, Counter())[verdict] += count


class DeviceFigures:
    """What became of the commands for one device."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.attempts = 0
        self.latencies = Latencies()  # of what was delivered or sent

    def add(self, found: Found, verdict: str) -> None:
        """One more."""
        self.verdicts[verdict] += 1
        self.attempts += found.attempts
        if found.outcome is not None and found.outcome.succeeded and found.latency_us is not None:
            self.latencies.add(found.latency_us)


class Figures:
    """Everything that a report says in numbers."""

    def __init__(self) -> None:
        self.total = DeviceFigures()
        self.devices: dict[str, DeviceFigures] = {}
        self.over_time = OverTime()
        self.unknown: list[Found] = []  # newest first, like what is added
        self.first_utc_us: int | None = None
        self.last_utc_us: int | None = None

    def add(self, found: Found) -> None:
        """One more."""
        verdict = found.outcome.verdict.value if found.outcome else OPEN
        name = found.command.device
        if name not in self.devices and len(self.devices) >= DEVICES_MAX:
            name = OTHERS
        self.devices.setdefault(name, DeviceFigures()).add(found, verdict)
        self.total.add(found, verdict)
        self.over_time.add(found.utc_us, verdict)
        if verdict == Verdict.UNKNOWN.value and len(self.unknown) < UNKNOWN_MAX:
            self.unknown.append(found)
        self.first_utc_us = min(found.utc_us, self.first_utc_us or found.utc_us)
        self.last_utc_us = max(found.utc_us, self.last_utc_us or found.utc_us)
