"""A reset of the USB device that an adapter is: as if it were pulled out and plugged in again.

Knows where Linux shows it. An adapter on a UART, as a Raspberry Pi's own, has no such thing.
"""

import fcntl
import os
from pathlib import Path

from gattkeeper.privileged.wire import RefusedError

SYSFS = Path("/sys/class/bluetooth")
NODES = Path("/dev/bus/usb")

_USBDEVFS_RESET = 0x5514  # _IO('U', 20), linux/include/uapi/linux/usbdevice_fs.h


def node_of(index: int, *, sysfs: Path = SYSFS, nodes: Path = NODES) -> Path:
    """The device file of the adapter with this number. Raises RefusedError."""
    usb = (
        (sysfs / f"hci{index}" / "device").resolve().parent
    )  # its device is a USB interface, below the USB device
    try:
        bus, number = (int((usb / name).read_text(encoding="ascii")) for name in ("busnum", "devnum"))
    except (OSError, ValueError):
        raise RefusedError(f"hci{index} is no USB adapter: there is nothing to reset this way") from None
    return nodes / f"{bus:03d}" / f"{number:03d}"


def reset(node: Path) -> None:
    """Reset the USB device behind a device file. Raises RefusedError."""
    try:
        descriptor = os.open(node, os.O_WRONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, _USBDEVFS_RESET, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RefusedError(f"{node} cannot be reset: {error.strerror}") from None
