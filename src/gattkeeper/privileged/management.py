"""The kernel's Bluetooth management interface: packets, and the few commands that are needed of it.

Layout, opcodes and status codes from BlueZ's doc/mgmt-api.txt: each packet begins with opcode (or event code),
controller index and length of the rest, 16 bits each, little endian. Knows nothing of who asks.
"""

import ctypes
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Protocol

from gattkeeper.privileged.wire import KINDS, RefusedError

ANSWER_S = 8.0
"""How long the kernel may take for one command, in seconds. A controller that hangs costs 2 s per HCI command."""

NO_INDEX = 0xFFFF  # of commands that are about no controller

READ_INDEX_LIST = 0x0003
READ_INFO = 0x0004
SET_POWERED = 0x0005
DISCONNECT = 0x0014

COMMAND_COMPLETE = 0x0001
COMMAND_STATUS = 0x0002

# numbers of the kernel's own (include/net/bluetooth); not every Python is built with names for them
AF_BLUETOOTH = 31
BTPROTO_HCI = 1
_HCI_CHANNEL_CONTROL = 3
_PACKET_MAX = 1024

STATUS = {
    0x01: "the kernel does not know the command",
    0x02: "there is no such link",
    0x03: "it failed",
    0x05: "the adapter did not answer in time",  # the kernel's own ETIMEDOUT; by its name, a failed authentication
    0x0A: "the controller is busy",
    0x0D: "the parameters are wrong",
    0x0E: "it disconnected meanwhile",
    0x0F: "the adapter is off",
    0x10: "it was cancelled",
    0x11: "there is no such adapter",
    0x12: "rfkill holds it off: rfkill unblock bluetooth",
    0x14: "the program lacks CAP_NET_ADMIN",
}


class Channel(Protocol):
    """What is needed of a socket: packets out, packets in."""

    def send(self, data: bytes, /) -> int:
        """One packet to the kernel."""

    def recv(self, size: int, /) -> bytes:
        """One packet from it; TimeoutError when none comes in time."""

    def settimeout(self, seconds: float, /) -> None:
        """How long `recv` waits."""

    def close(self) -> None:
        """Let go of it."""


def open_channel() -> Channel:
    """The management socket of this kernel. Raises RefusedError, with what to do."""
    try:
        opened = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW, BTPROTO_HCI)
    except OSError as error:
        raise RefusedError(f"no Bluetooth in this kernel ({error})") from None
    # Python's own bind knows no channel: struct sockaddr_hci is family, device and channel, 16 bits each
    address = struct.pack("<HHH", AF_BLUETOOTH, NO_INDEX, _HCI_CHANNEL_CONTROL)
    if ctypes.CDLL(None, use_errno=True).bind(opened.fileno(), address, len(address)) != 0:
        said = os.strerror(ctypes.get_errno())
        opened.close()
        raise RefusedError(f"the management socket cannot be had ({said}); the program needs CAP_NET_ADMIN")
    return opened


def packet(opcode: int, index: int, parameters: bytes = b"") -> bytes:
    """A command as it goes to the kernel."""
    return struct.pack("<HHH", opcode, index, len(parameters)) + parameters


def address_bytes(address: str) -> bytes:
    """An address as the kernel has it: the last octet first."""
    return bytes.fromhex(address.replace(":", ""))[::-1]


class Management:
    """One conversation with the kernel. `now` is a monotonic clock in seconds."""

    def __init__(self, channel: Channel, now: Callable[[], float] = time.monotonic) -> None:
        self._channel = channel
        self._now = now

    def index_of(self, address: str) -> int:
        """The number of the adapter with this address. Raises RefusedError."""
        listed = self._ask(READ_INDEX_LIST, NO_INDEX)
        (count,) = struct.unpack_from("<H", listed)
        for index in struct.unpack_from(f"<{count}H", listed, 2):
            if self._ask(READ_INFO, index)[:6] == address_bytes(address):
                return int(index)
        raise RefusedError(f"there is no adapter {address}")

    def reset(self, index: int, switch_off: Callable[[int], None]) -> None:
        """Off and on; by `switch_off` where the adapter does not let itself be switched off in good order.

        On also when it could not be switched off at all. Raises RefusedError.
        """
        try:
            self._ask(SET_POWERED, index, b"\x00")
        except RefusedError:
            switch_off(index)
        finally:
            self._ask(SET_POWERED, index, b"\x01")

    def cut_link(self, index: int, device: str, kind: str) -> None:
        """End the link to a device now, where bluetoothd would wait for 2 s. Raises RefusedError."""
        self._ask(DISCONNECT, index, address_bytes(device) + bytes([KINDS[kind]]))

    def _ask(self, opcode: int, index: int, parameters: bytes = b"") -> bytes:
        """What a command gives, after its status. Other programs' events come in between."""
        ends_at = self._now() + ANSWER_S
        self._channel.send(packet(opcode, index, parameters))
        while (left_s := ends_at - self._now()) > 0:
            self._channel.settimeout(left_s)
            try:
                received = self._channel.recv(_PACKET_MAX)
            except TimeoutError:
                break
            code, about, _ = struct.unpack_from("<HHH", received)
            if code not in (COMMAND_COMPLETE, COMMAND_STATUS) or about != index:
                continue
            answered, status = struct.unpack_from("<HB", received, 6)
            if answered != opcode:
                continue
            if status:
                raise RefusedError(STATUS.get(status, f"the kernel says {status:#04x}"))
            return received[9:]
        raise RefusedError(f"the kernel did not answer within {ANSWER_S:g} s")
