"""One owner per adapter across processes.

Knows a link that takes hold of its adapter only while nobody else has it. The lock goes by the adapter's
address, which stays when adapters are renumbered, and is the one that `gattkeeper lock` waits for.
"""

import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from gattkeeper.errors import SettingsError, StorageError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.adapter_key import lock_name
from gattkeeper.runtime.file_lock import hold
from gattkeeper.runtime.lock_holder import SCRIPT, written
from gattkeeper.runtime.ports import ConnectionEvents, Link, LinkConnection, LinkTraits, Sighting


class OwnedLink:
    """A `ports.Link` that is one process's at a time; otherwise the link it is given. The `folder` exists.

    `role` is told to those who wait for the adapter (see `lock_holder`).
    """

    def __init__(self, link: Link, folder: Path, role: str = SCRIPT) -> None:
        self._link = link
        self._folder = folder
        self._role = role
        self._locks: dict[str, int] = {}

    @property
    def name(self) -> str:
        """See `ports.Link`."""
        return self._link.name

    @property
    def traits(self) -> LinkTraits:
        """See `ports.Link`."""
        return self._link.traits

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        """See `ports.Link`; raises SettingsError, naming the owner, when another process has the adapter."""
        asked_for = self._link.name
        self._hold(asked_for)  # before it is touched: opening resets it, whoever else is using it
        try:
            await self._link.open(on_adapter)
        except BaseException:
            self._let_go()
            raise
        if self._link.name != asked_for:
            try:
                self._hold(self._link.name)  # its address: the same adapter may have been asked for otherwise
            except SettingsError:
                await self.close()
                raise

    def _hold(self, name: str) -> None:
        key = lock_name(name)
        if key in self._locks:
            return
        remedy = (
            "two owners of one adapter destroy each other's connections; stop one of them, or take one of two"
            " entries out of the settings that mean it"
        )
        try:
            path = self._folder / f"{key}.lock"
            self._locks[key] = hold(path, remedy=remedy, text=written(self._role))
        except StorageError as error:
            raise SettingsError(f"adapter {name}: {error}") from error

    def _let_go(self) -> None:
        while self._locks:
            os.close(self._locks.popitem()[1])

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        """See `ports.Link`."""
        return await self._link.connect(device, events, demand)

    def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """See `ports.Link`."""
        return self._link.scan(duration_s)

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """See `ports.Link`."""
        await self._link.recover(rung, device)

    async def bonded(self, device: DeviceAddress) -> bool:
        """See `ports.Link`."""
        return await self._link.bonded(device)

    async def forget(self, device: DeviceAddress) -> None:
        """See `ports.Link`."""
        await self._link.forget(device)

    async def close(self) -> None:
        """See `ports.Link`."""
        await self._link.close()
        self._let_go()
