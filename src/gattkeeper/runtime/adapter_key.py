"""One name for one adapter's lock, however the adapter is asked for.

Knows how the kernel tells an adapter's address. Any process may ask: it takes no rights and no Bluetooth service.
"""

import sys
from collections.abc import Callable

_AF_BLUETOOTH, _BTPROTO_HCI = 31, 1
_HCIGETDEVINFO = 0x800448D3
"""_IOR('H', 211, int) of the kernel's hci_sock.h."""

_INFO_BYTES = 92
_ADDRESS_AT = 10
"""`struct hci_dev_info`: the number in two bytes, the name in eight, then the address, its last byte first."""

NO_ADDRESS = "00:00:00:00:00:00"


def lock_name(adapter: str, address_of: "Callable[[int], str] | None" = None) -> str:
    """The lock's name for "hci0", an address, or a transport: by the address where there is one, which stays."""
    number = adapter.removeprefix("hci")
    name = adapter
    if number != adapter and number.isdecimal():
        name = (address_of or address_of_adapter)(int(number)) or adapter
    return "adapter-" + "".join(letter if letter.isalnum() else "-" for letter in name)


def address_of_adapter(number: int) -> str:
    """The address of hci`number`; empty where there is none, or no Bluetooth at all."""
    if not sys.platform.startswith("linux"):
        return ""
    import _socket  # noqa: PLC0415 - the same
    import fcntl  # noqa: PLC0415 - not on every system

    info = bytearray(_INFO_BYTES)
    try:
        info[:2] = number.to_bytes(2, "little")
        asking = _socket.socket(_AF_BLUETOOTH, _socket.SOCK_RAW, _BTPROTO_HCI)
        try:
            fcntl.ioctl(asking.fileno(), _HCIGETDEVINFO, info)
        finally:
            asking.close()
    except (OSError, OverflowError):
        return ""
    return address_in(bytes(info))


def address_in(info: bytes) -> str:
    """The address in a `struct hci_dev_info`; empty while the adapter has none."""
    address = ":".join(f"{byte:02X}" for byte in reversed(info[_ADDRESS_AT : _ADDRESS_AT + 6]))
    return "" if address == NO_ADDRESS else address
