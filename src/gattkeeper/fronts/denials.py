"""Who was not let in, on record: at once, and no more than a row a minute for each user who tries again.

Knows how many rows strangers may cause. Who is let in is for each front to say.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.model.command import Origin
from gattkeeper.model.record import Denied

ROW_EVERY_US = 60_000_000
"""How long further denials of the same user are counted only; what was counted when the keeper ends is lost."""

USERS_MAX = 100
"""Users who are told apart within that time; of further ones nothing is recorded."""


class _Counted(Struct):
    row: Denied  # the next one for this user
    since_us: int  # when the last one was written


class Denials:
    """`note` puts a row on record, `now_us` is the keeper's monotonic clock in microseconds."""

    def __init__(self, note: Callable[[Denied], None], now_us: Callable[[], int]) -> None:
        self._note = note
        self._now_us = now_us
        self._by_user: dict[tuple[str, int | None], _Counted] = {}

    def add(self, origin: Origin, why: str) -> None:
        """Somebody was not let in."""
        now_us = self._now_us()
        self._write_due(now_us)
        user = (origin.principal, origin.uid)
        counted = self._by_user.get(user)
        if counted is not None:
            counted.row = replace(counted.row, origin=origin, why=why, times=counted.row.times + 1, at_us=now_us)
        elif len(self._by_user) < USERS_MAX:
            row = Denied(origin=origin, why=why, times=1, at_us=now_us)
            self._note(row)
            self._by_user[user] = _Counted(row=replace(row, times=0), since_us=now_us)

    def _write_due(self, now_us: int) -> None:
        for user, counted in list(self._by_user.items()):
            if now_us - counted.since_us >= ROW_EVERY_US:
                if counted.row.times:
                    self._note(counted.row)
                del self._by_user[user]
