"""Programs that hold devices, in a test: what they ask for, and what they are told.

Knows events and effects only.
"""

from core.drive import Drive
from gattkeeper.core import effects, events
from gattkeeper.model.operation import Connect

STOPPED, PLACE_TAKEN = "stopped", "place_taken"


def hold(drive: Drive, lease: str = "mine", device: str = "blind", renew_within_us: int = 0) -> None:
    """Open a lease, and ask for the connection it is about."""
    opened(drive, lease, device, renew_within_us)
    drive.submit(f"connect-{lease}", Connect(), device, lease=lease)


def opened(drive: Drive, lease: str = "mine", device: str = "blind", renew_within_us: int = 0) -> None:
    drive.feed(
        events.LeaseOpened(device=device, lease=lease, holder=f"{lease}.py", renew_within_us=renew_within_us)
    )


def held(lease: str = "mine", device: str = "blind", renew_within_us: int = 0, **fields: object) -> Drive:
    """A device that a program holds."""
    drive = Drive(**fields)  # type: ignore[arg-type]
    hold(drive, lease, device, renew_within_us)
    drive.connected(device)
    return drive


def closed(drive: Drive, lease: str = "mine") -> None:
    drive.feed(events.LeaseClosed(lease=lease))


def renewed(drive: Drive, lease: str = "mine") -> None:
    drive.feed(events.LeaseRenewed(lease=lease))


def told(drive: Drive) -> list[tuple[str, str]]:
    """Leases that ended, and by which fault, in their order."""
    return [(one.lease, one.fault.name) for one in drive.of(effects.LeaseEnded)]


def holders(drive: Drive, device: str = "blind") -> list[str]:
    """Who holds the device's connection."""
    return [one.holder for one in drive.device(device).leases]
