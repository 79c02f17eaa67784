"""The attribute table of one connection over Bumble: proved by the device's Database Hash, or discovered.

Knows when a table may be used. A table that was remembered is never used before its device has given the same
hash on this connection (Core Specification, Vol 3, Part G, 7.3), and no table after news that it changed.
"""

from bumble.gatt_client import Client

from gattkeeper.links.bumble_discovery import discover
from gattkeeper.links.bumble_reading import read_database_hash
from gattkeeper.links.known_tables import KnownTable, KnownTables
from gattkeeper.links.targets import find_target
from gattkeeper.model.gatt import Characteristic, CharacteristicRef, Service


class BumbleTable:
    """`device` is the name under which `known` has the table of this device."""

    def __init__(self, gatt: Client, known: KnownTables, device: str) -> None:
        self._gatt = gatt
        self._known = known
        self._device = device
        self._targets: dict[CharacteristicRef, Characteristic] = {}  # as many as callers point at
        self._changes = 0  # how often the device said that it changed
        self._discovered = 0  # how many of those the discovery was after
        self._hash: bytes | None = None  # of this table; None: the device has none
        self.services: tuple[Service, ...] = ()

    @property
    def has_changed(self) -> bool:
        """Whether the device has another table than this one: handles may mean something else."""
        return self._changes != self._discovered

    async def load(self) -> bool:
        """Take the table that is known if the device proves it, else discover; whether it was proved.

        Raises what Bumble raises.
        """
        database_hash = await read_database_hash(self._gatt)
        known = self._known.find(self._device)
        if known is not None and known.database_hash == database_hash:
            self.services, self._hash = known.services, database_hash
            return True
        await self._discover(database_hash)
        return False

    async def discover(self) -> bool:
        """Discover anew; whether that brought another table. Raises what Bumble raises."""
        before = self.services
        await self._discover(await read_database_hash(self._gatt))
        return self.services != before

    async def verify(self) -> None:
        """Ask for the hash again: another one is news of a change. Raises what Bumble raises."""
        if self._hash is not None and await read_database_hash(self._gatt) != self._hash:
            self.changed()

    async def _discover(self, database_hash: bytes | None) -> None:
        """`database_hash` is from before: a table that changes meanwhile is remembered under one that is gone."""
        changes = self._changes
        self.services = await discover(self._gatt)
        self._targets.clear()
        self._discovered = changes
        self._hash = database_hash
        if database_hash is not None and not self.has_changed:
            self._known.remember(self._device, KnownTable(database_hash=database_hash, services=self.services))

    def changed(self) -> None:
        """The device says that it has another table now."""
        self._changes += 1
        self.distrust()

    def distrust(self) -> None:
        """Something about the table is not as it should be: the next connection discovers."""
        self._known.forget(self._device)

    def target(self, ref: CharacteristicRef) -> Characteristic:
        """The one characteristic meant. Raises LinkError."""
        target = self._targets.get(ref)
        if target is None:
            target = self._targets[ref] = find_target(self.services, ref)
        return target
