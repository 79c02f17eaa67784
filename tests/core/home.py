"""Several adapters, and devices that may use all of them, driven by hand.

Knows a drive with more than its one adapter "hci". What happens on them is the tests' business.
"""

from typing import Any

from core.drive import A_READ, Drive, S, fault
from gattkeeper.core import events
from gattkeeper.core.effects import StartConnect
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.status import AdapterStatus

FIRST, SECOND, THIRD = "hci", "two", "three"


def home(
    *devices: str,
    adapters: tuple[str, ...] = (FIRST, SECOND),
    by_signal: bool = False,
    slots: int = 5,
    rungs: tuple[Any, ...] = (),
    linger_us: int = 8 * S,
    **settings: Any,
) -> Drive:
    """Adapters alike; every device may use all of them, in their order."""
    drive = Drive(slots=slots, rungs=rungs, **settings)
    for adapter in adapters[1:]:
        drive.feed(events.AdapterAdded(adapter=adapter, slots=slots, rungs=rungs))
    for device in devices or ("a",):
        first, *others = adapters
        drive.feed(
            events.DeviceAdded(
                device=device, adapter=first, others=tuple(others), by_signal=by_signal, linger_us=linger_us
            )
        )
    return drive


def routes(drive: Drive) -> list[tuple[str, str]]:
    """Every connection attempt: device and adapter."""
    return [(one.device, one.adapter) for one in drive.of(StartConnect)]


def down(drive: Drive, adapter: str, kind: FaultKind = FaultKind.ADAPTER_GONE) -> None:
    drive.feed(events.AdapterDown(adapter=adapter, fault=fault(kind)))


def up(drive: Drive, adapter: str) -> None:
    drive.feed(events.AdapterUp(adapter=adapter))


def hear(drive: Drive, device: str, **rssi_dbm: int) -> None:
    """Advertisements of a device, by adapter."""
    for adapter, value in rssi_dbm.items():
        drive.feed(events.Sighted(device=device, adapter=adapter, rssi_dbm=value))


def bond(drive: Drive, device: str, adapter: str, *, bonded: bool = True) -> None:
    drive.feed(events.Bonded(device=device, adapter=adapter, bonded=bonded))


def read(drive: Drive, device: str = "a", **fields: Any) -> str:
    """A read of a device; its command."""
    command = f"read-{device}-{len(drive.fed)}"
    drive.submit(command, A_READ, device, **fields)
    return command


def visit(drive: Drive, device: str = "a") -> str:
    """Read once over a connection that is taken down again; the adapter that was used."""
    read(drive, device)
    if drive.device(device).connection == "connecting":
        drive.connected(device)
    drive.answer(b"x", device)
    used = drive.device(device).adapter
    drive.lost(device)
    drive.gone(device)
    return used


def adapter(drive: Drive, name: str) -> AdapterStatus:
    return next(one for one in drive.scheduler.status(drive.now).adapters if one.name == name)
