"""One owner per adapter across processes.

Knows a link that takes hold of its adapter only while nobody else has it. The lock goes by the adapter's
address, which stays when adapters are renumbered, in the service's own folder.
"""

import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from gattkeeper.errors import SettingsError, StorageError
from gattkeeper.model.fault import Fault
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.file_lock import hold
from gattkeeper.runtime.ports import ConnectionEvents, Link, LinkConnection, LinkTraits, Sighting


class OwnedLink:
    """A `ports.Link` that is one process's at a time; otherwise the link it is given. The `folder` exists."""

    def __init__(self, link: Link, folder: Path) -> None:
        self._link = link
        self._folder = folder
        self._lock: int | None = None

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
        await self._link.open(on_adapter)
        try:
            key = "".join(letter if letter.isalnum() else "-" for letter in self._link.name)
            self._lock = hold(
                self._folder / f"adapter-{key}.lock",
                remedy="two owners of one adapter destroy each other's connections; stop one of them",
            )
        except StorageError as error:
            await self._link.close()
            raise SettingsError(f"adapter {self._link.name}: {error}") from error

    async def connect(self, device: DeviceAddress, events: ConnectionEvents) -> LinkConnection:
        """See `ports.Link`."""
        return await self._link.connect(device, events)

    def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """See `ports.Link`."""
        return self._link.scan(duration_s)

    async def close(self) -> None:
        """See `ports.Link`."""
        await self._link.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
