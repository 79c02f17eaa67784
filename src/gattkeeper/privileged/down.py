"""Switches an adapter off without asking it: what helps when it answers no command any more.

Knows one ioctl of the kernel's Bluetooth sockets, as `hciconfig hci0 down` has it. The management interface tidies
up first (ends scans and connections), waits 2 s for each command, and gives up when the adapter does not answer.
"""

import fcntl
import socket
from collections.abc import Callable

from gattkeeper.privileged.management import AF_BLUETOOTH, BTPROTO_HCI
from gattkeeper.privileged.wire import RefusedError

_HCIDEVDOWN = 0x400448CA  # _IOW('H', 202, int), linux/include/net/bluetooth/hci_sock.h


def switch_off(index: int, ioctl: Callable[[int, int, int], int] = fcntl.ioctl) -> None:
    """Let the kernel drop whatever it has on the adapter with this number, and close it. Raises RefusedError."""
    try:
        with socket.socket(AF_BLUETOOTH, socket.SOCK_RAW, BTPROTO_HCI) as opened:
            ioctl(opened.fileno(), _HCIDEVDOWN, index)
    except OSError as error:
        raise RefusedError(f"hci{index} cannot be switched off: {error.strerror}") from None
