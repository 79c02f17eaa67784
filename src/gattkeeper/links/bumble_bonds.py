"""Bonds: the keys that pairing leaves behind, in memory or in one file of their owner's.

Knows Bumble's key stores. The keys are secrets: nothing here logs them, puts them into a message, or shows them
to other users of the machine. Bumble's own debug log does contain them.
"""

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from bumble import hci
from bumble.device import Connection, Device
from bumble.keys import JsonKeyStore, MemoryKeyStore

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links.bumble_pairing import Pairings, advising
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.asking import Asking

_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


_NO_IRK = bytes(16)
"""Distributed by a device that never hides its address (Core Specification, Vol 3, Part H, 3.6.4)."""

ResolvingKeys = list[tuple[bytes, hci.Address]]


def telling(keys: ResolvingKeys) -> ResolvingKeys:
    """The keys that tell whose an address is: those of zeros, which many have, take strangers for a device."""
    return [(key, address) for key, address in keys if key != _NO_IRK]


class BondMemory(MemoryKeyStore):  # type: ignore[misc]  # Bumble is not typed strictly
    """The bonds of one adapter for as long as it is open."""

    async def get_resolving_keys(self) -> ResolvingKeys:
        """By which devices are known that hide their addresses."""
        return telling(await super().get_resolving_keys())


class BondFile(JsonKeyStore):  # type: ignore[misc]  # Bumble is not typed strictly
    """The bonds of one adapter in a JSON file: by adapter address, then by device address.

    Bumble's own file is as readable as the process's umask lets it be. This one belongs to its owner alone and is
    replaced in one step, so that a crash leaves the old one or the new one. Bumble logs what `update` raises and
    goes on: `unsaved` says what is not in the file.
    """

    def __init__(self, adapter: str, path: Path) -> None:
        super().__init__(adapter, str(path))
        self.unsaved = ""

    @classmethod
    async def open(cls, adapter: str, path: Path) -> "BondFile":
        """The bonds in a file, which need not be there yet. Raises SettingsError, with what to do."""
        bonds = cls(adapter, path)
        try:
            if _is_shared(path):
                raise SettingsError(f"other users may read the keys in {path}: chmod 600 {path}")
            await bonds.get_all()
        except OSError as error:
            raise SettingsError(f"the bonds in {path} cannot be read: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, AttributeError):
            # without the cause, which might quote a key
            raise SettingsError(f"{path} is not a file of bonds: move it away, then pair again") from None
        return bonds

    async def get_resolving_keys(self) -> ResolvingKeys:
        """By which devices are known that hide their addresses."""
        return telling(await super().get_resolving_keys())

    async def save(self, db: dict[str, Any]) -> None:
        """Replace the file. Raises OSError."""
        try:
            _replace(self.filename, json.dumps(db, sort_keys=True, indent=4))
        except OSError as error:
            self.unsaved = f"{self.filename}: {error.strerror}"
            raise
        self.unsaved = ""


def _is_shared(path: Path) -> bool:
    return path.exists() and bool(stat.S_IMODE(path.stat().st_mode) & _FOR_OTHERS)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as output:
            output.write(text)
            output.flush()
            os.fsync(output.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name is on the disk as well
    finally:
        os.close(folder)


async def pair(connection: Connection, asking: Asking | None) -> None:
    """Encrypt with the bond there is, or pair and keep the bond. Raises LinkError, and what Bumble raises.

    A device that has lost its half of the bond ends it with key_missing: it is never paired anew unasked, because
    anybody could pretend to be a device without its keys. `asking` answers what a new pairing asks.
    """
    bonds = connection.device.keystore
    with advising(asking):
        if await bonds.get(identity(connection)) is not None:
            if not connection.is_encrypted:
                await connection.encrypt()
            return
        pairings: Pairings = connection.device.pairing_config_factory
        await pairings.pair(connection, asking)
    unsaved = getattr(bonds, "unsaved", "")
    if unsaved:
        text = f"paired, but the bond could not be written to {unsaved}"
        raise LinkError(
            Fault(kind=FaultKind.PAIRING_FAILED, ran=Ran.MAYBE, stack="keeper", name="unsaved", text=text)
        )


async def names(adapter: Device, device: DeviceAddress) -> list[str]:
    """Under what the adapter keeps keys of a device, by the address that it paired with."""
    return [name for name, _ in await adapter.keystore.get_all() if name.startswith(device.value)]


async def forget(adapter: Device, *names: str) -> None:
    """Delete our half of the bond with a device, if there is one. Raises LinkError."""
    bonds = adapter.keystore
    try:
        for name in names:
            if await bonds.get(name) is not None:
                await bonds.delete(name)
    except OSError as error:
        text = f"the bond is still there: {error.strerror}"
        raise LinkError(
            Fault(kind=FaultKind.REJECTED, ran=Ran.NO, stack="keeper", name="unsaved", text=text)
        ) from error
    await adapter.refresh_resolving_list()


def identity(connection: Connection) -> str:
    """The address to know a device by, under which Bumble keeps its bond.

    A device that hides its own has the one it paired with.
    """
    address: hci.Address = connection.peer_address
    resolver = connection.device.address_resolver
    if address.is_resolvable and resolver is not None:
        address = resolver.resolve(address) or address
    return str(address)
