"""Devices that are let go of while the keeper runs, because another book does not name them as before.

Knows when nothing of a device is left. What ends with it the core decides.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec.structs import replace

from gattkeeper.core import events
from gattkeeper.errors import RefusedError, SettingsError, UnknownDeviceError
from gattkeeper.model.status import KeeperStatus
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.runtime.ports import DeviceBook, DeviceRules
from gattkeeper.runtime.pump import Pump

PATIENCE_S = 30.0
"""How long what is in flight may take to end by itself; as long again after it was taken back."""

LOOK_AGAIN_S = 1.0
"""How long after the last news of an end: not every end is news."""


_CHANGES_IN_USE = {"safety": False, "linger_us": 0, "journal_payloads": False}


def leaving(old: DeviceBook, new: DeviceBook, known: Iterable[str]) -> tuple[str, ...]:
    """The devices that `new` does not name, or not with the same rules, but for those that may change in use."""
    return tuple(device for device in known if _place(old, device) != _place(new, device))


def _place(book: DeviceBook, device: str) -> DeviceRules | None:
    try:
        named_so = book.name_of(device) == device
        return replace(book.rules(device), **_CHANGES_IN_USE) if named_so else None
    except UnknownDeviceError:
        return None


class Departures:
    """`gone` are devices that the core does not know any more. `moved` is set when something may be over."""

    def __init__(
        self,
        pump: Pump,
        ledger: Ledger,
        status: Callable[[], KeeperStatus],
        moved: asyncio.Event,
    ) -> None:
        self.gone: set[str] = set()
        self._leaving: tuple[str, ...] = ()
        self._pump = pump
        self._ledger = ledger
        self._status = status
        self._moved = moved

    def check(self, device: str) -> None:
        """Raises RefusedError for a device that is being let go of."""
        if device in self._leaving:
            raise RefusedError(f"{device} is being let go of, because the settings change: try again in a moment")

    async def change(self, old: DeviceBook, new: DeviceBook, known: Iterable[str]) -> None:
        """End what waits for those that leave, let what is in flight end, take connections down, forget.

        Raises SettingsError for what does not end; the others are gone all the same.
        """
        self._leaving = leaving(old, new, (device for device in known if device not in self.gone))
        try:
            for end in (self._ask, self._take_back):
                end()
                left = await self._wait()
                if not left:
                    return
            raise SettingsError(f"{', '.join(left)} cannot be let go of now: something of it does not end")
        finally:
            self._leaving = ()

    def _ask(self) -> None:
        for device in self._leaving:
            self._pump.feed(events.DeviceLeaving(device=device))

    def _take_back(self) -> None:
        """What has not ended by itself is taken back; what came of it meanwhile, such as a look, ends too."""
        for command_id in self._ledger.live_ids():
            handle = self._ledger.live(command_id)
            if handle is not None and handle.command.device in self._leaving:
                self._pump.feed(events.CancelRequested(command_id=command_id))
        self._ask()

    async def _wait(self) -> list[str]:
        """Until nothing is left of them, or long enough; those of whom something is left."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + PATIENCE_S
        while (left := self._left()) and loop.time() < give_up_at:
            self._moved.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), LOOK_AGAIN_S)
        return left

    def _left(self) -> list[str]:
        """Those that the core still knows, after those of which nothing is left were forgotten.

        An end has to be on record first: the latch of a device that comes back is read there.
        """
        live = {handle.command.device for handle in map(self._ledger.live, self._ledger.live_ids()) if handle}
        for device in self._leaving if not self._pump.owes else ():
            if device not in live:
                self._pump.feed(events.DeviceRemoved(device=device))
        known = {one.name for one in self._status().devices}
        self.gone.update(device for device in self._leaving if device not in known)
        return [device for device in self._leaving if device in known]
