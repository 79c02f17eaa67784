"""What speaks for a wedged adapter, and what was done about it so far. One for each adapter.

Knows signs, the rungs there are and when each may be tried again. When a rung is climbed is decided in `recovery`.
"""

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct, field

from gattkeeper.core.lifecycle import LadderPhase
from gattkeeper.model.adapter import CUTTING, Rung
from gattkeeper.model.fault import Fault, FaultKind

if TYPE_CHECKING:
    from gattkeeper.core.limits import Limits

HOUR_US = 3_600_000_000

_FAILURES = frozenset(
    {
        FaultKind.BUSY,
        FaultKind.TRANSIENT,
        FaultKind.GENERIC,
        FaultKind.LINK_LOST,
        FaultKind.NOT_FOUND,
        FaultKind.UNREACHABLE,
        FaultKind.TIMED_OUT,
        FaultKind.UNLISTED,
    }
)
"""What a wedged adapter looks like from a device's side. One device alone may have any of them for ever."""


class Ladder(Struct, kw_only=True, eq=False):
    """Without rungs it notes nothing, and nothing follows."""

    rungs: tuple[Rung, ...] = ()
    phase: LadderPhase = LadderPhase.RESTING
    wedged: deque[int] = field(default_factory=deque)  # moments of signs that are the adapter's own
    failures: dict[str, deque[int]] = field(default_factory=dict)  # moments by device, the newest of each
    device: str = ""  # of the latest sign
    fault: Fault | None = None  # that sign
    proven: bool = False  # a connection came up: to be looked at
    place: int = 0  # so many rungs of this climb are behind
    rung: Rung = Rung.DISCONNECT_DEVICE  # chosen last
    why: str = ""
    begun: dict[Rung, deque[int]] = field(default_factory=dict)  # the newest beginnings of each
    until: int = 0  # when a parked adapter is tried again

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is noted and nothing is done: mostly."""
        noted = self.proven or self.wedged or self.failures
        return not noted and self.phase is LadderPhase.RESTING

    @property
    def climbs(self) -> bool:
        """Whether a rung is about to be done, or under way."""
        return self.phase in (LadderPhase.DRAINING, LadderPhase.RUNNING)

    @property
    def parked(self) -> bool:
        """Whether no new connection is tried, because nothing helped."""
        return self.phase is LadderPhase.PARKED

    @property
    def cuts(self) -> bool:
        """Whether the rung under way takes every connection down: then nothing starts before it."""
        return self.phase is not LadderPhase.RESTING and self.climbs and self.rung in CUTTING

    @property
    def told(self) -> str:
        """What `status` says."""
        if self.climbs:
            return self.rung.value
        return "" if self.phase is LadderPhase.RESTING else self.phase.value

    def holds_connect(self, *, stop: bool) -> bool:
        """Whether a connection waits. A stop's waits only while the adapter is being reset."""
        if stop:
            return self.cuts and self.phase is LadderPhase.RUNNING
        return self.climbs or self.parked

    def note(self, limits: "Limits", device: str, fault: Fault, now: int, *, alone: bool = False) -> None:
        """A connection failed, or a device fell silent. `alone`: nothing else of ours held the adapter."""
        if not self.rungs or self.phase not in (LadderPhase.RESTING, LadderPhase.PROBING):
            return
        if fault.kind is FaultKind.WEDGED or (fault.kind is FaultKind.BUSY and alone):
            _append(self.wedged, now, limits.recovery_wedged_min)
        elif fault.kind in _FAILURES:
            _append(self.failures.setdefault(device, deque()), now, limits.recovery_failures_min)
        else:
            return
        self.device, self.fault = device, fault

    def is_suspect(self, limits: "Limits", now: int) -> bool:
        """Whether the signs are enough: never those of one device, unless they are the adapter's own.

        After a rung fewer are, for the next connection is its probe.
        """
        if not self.wedged and not self.failures:
            return False
        probing = self.phase is LadderPhase.PROBING
        since = now - limits.recovery_window_us
        if sum(at > since for at in self.wedged) >= (1 if probing else limits.recovery_wedged_min):
            return True
        counts = [sum(at > since for at in moments) for moments in self.failures.values()]
        failing = sum(count > 0 for count in counts)
        enough = limits.recovery_devices_min if probing else limits.recovery_failures_min
        return failing >= limits.recovery_devices_min and sum(counts) >= enough

    def forget_signs(self) -> None:
        """Count anew."""
        self.wedged.clear()
        self.failures.clear()

    def next_rung(self, limits: "Limits", now: int) -> Rung | None:
        """The lowest rung that this climb has not passed and that may be done now; None when there is none."""
        for place, rung in enumerate(self.rungs[self.place :], self.place + 1):
            if self.may_begin(limits, rung, now):
                self.place = place
                return rung
        return None

    def may_begin(self, limits: "Limits", rung: Rung, now: int) -> bool:
        """Whether its cooldown and its hourly cap allow a rung now."""
        return self._free_at(limits, rung) <= now

    def begin(self, limits: "Limits", rung: Rung, now: int) -> None:
        """Remember when it was done, for its cooldown and its hourly cap."""
        _append(self.begun.setdefault(rung, deque()), now, limits.recovery_per_hour_max)

    def free_from(self, limits: "Limits", now: int) -> int:
        """When the first rung may be done again; never sooner than after a cooldown, so that nothing loops."""
        first = min(self._free_at(limits, rung) for rung in self.rungs)
        return max(first, now + limits.recovery_cooldown_us)

    def _free_at(self, limits: "Limits", rung: Rung) -> int:
        begun = self.begun.get(rung)
        if not begun:
            return 0
        capped = len(begun) >= limits.recovery_per_hour_max
        return max(begun[-1] + limits.recovery_cooldown_us, begun[0] + HOUR_US if capped else 0)


def _append(moments: deque[int], now: int, kept: int) -> None:
    """The newest of them suffice to decide."""
    moments.append(now)
    if len(moments) > kept:
        moments.popleft()
