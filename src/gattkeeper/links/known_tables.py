"""Attribute tables that a device can prove to be still in force, by its Database Hash.

Knows hashes and ceilings. How a hash is read, and what is done without one, is its link's business.
"""

from msgspec import Struct

from gattkeeper.model.gatt import Service

TABLES_MAX = 256
"""Devices whose table is remembered; beyond that, the one that was used longest ago is forgotten."""


class KnownTable(Struct, frozen=True, kw_only=True):
    """A table, and the hash that the device gave before it was discovered: 16 bytes."""

    database_hash: bytes
    services: tuple[Service, ...]


class KnownTables:
    """Tables by device, in memory. Only a table that came with a hash is ever put here."""

    def __init__(self) -> None:
        self._tables: dict[str, KnownTable] = {}  # the one used last stands last

    def find(self, device: str) -> KnownTable | None:
        """The table of a device, to be used when its hash is the same now."""
        table = self._tables.pop(device, None)
        if table is not None:
            self._tables[device] = table
        return table

    def remember(self, device: str, table: KnownTable) -> None:
        """Put a table in the place of what was known of the device."""
        self._tables.pop(device, None)
        self._tables[device] = table
        if len(self._tables) > TABLES_MAX:
            del self._tables[next(iter(self._tables))]

    def forget(self, device: str) -> None:
        """The device has another table now, or seems to."""
        self._tables.pop(device, None)
