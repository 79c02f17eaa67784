"""An adapter of the kernel's, taken over whole: its HCI user channel as a transport for Bumble.

Knows the kernel's socket (net/bluetooth/hci_sock.c): a packet with each call, and only while the adapter is down
for everybody else. Bumble's own needs a Python that was built with Bluetooth, and does not notice that the adapter
is gone.
"""

import asyncio
import ctypes
import os
import socket
import struct
from collections import deque

from bumble.transport.common import ParserSource, Transport

PACKET_BYTES_MAX = 65_544
"""The longest packet: a byte for its kind, a header of four, 65 535 bytes of data (Vol 4, Part E, 5.4.2)."""

_AF_BLUETOOTH, _BTPROTO_HCI, _CHANNEL_USER = 31, 1, 1


def open_hci_socket(adapter: int) -> Transport:
    """The user channel of the adapter with this number. Raises OSError.

    ENODEV: there is none. EBUSY: it is up. EUSERS: another program has its user channel. EPERM: without
    CAP_NET_ADMIN nobody may. EAFNOSUPPORT: the kernel has no Bluetooth.
    """
    opened = socket.socket(_AF_BLUETOOTH, socket.SOCK_RAW, _BTPROTO_HCI)
    opened.setblocking(False)
    # Python knows no address with a channel in it, so that this goes past it.
    address = struct.pack("<HHH", _AF_BLUETOOTH, adapter, _CHANNEL_USER)
    if ctypes.CDLL(None, use_errno=True).bind(opened.fileno(), address, len(address)) != 0:
        code = ctypes.get_errno()
        opened.close()
        raise OSError(code, os.strerror(code))
    return packet_transport(opened)


def packet_transport(opened: socket.socket) -> Transport:
    """A transport over a socket that does not block and has one HCI packet for each call."""
    channel = _Channel(opened)
    return Transport(channel, channel)


class _Channel(ParserSource):  # type: ignore[misc]  # Bumble is not typed strictly
    """Both ways of one socket; when one is over, both are."""

    def __init__(self, opened: socket.socket) -> None:
        super().__init__()
        self._socket = opened
        self._unsent: deque[bytes] = deque()  # while the kernel takes no more; Bumble bounds what it sends
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(opened, self._readable)

    def on_packet(self, packet: bytes) -> None:
        """Send a packet, when those before it are gone; nowhere once the socket is closed."""
        if self._socket.fileno() < 0:
            return
        self._unsent.append(packet)
        if len(self._unsent) == 1:
            self._writable()

    def close(self) -> None:
        """Let go of the adapter; may be called more than once."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        try:
            packet = self._socket.recv(PACKET_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:  # the adapter was unplugged, or reset by somebody who may
            packet = b""
        if packet:
            self.parser.feed_data(packet)
        else:
            self._end()

    def _writable(self) -> None:
        try:
            while self._unsent:
                self._socket.send(self._unsent[0])
                self._unsent.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._writable)
            return
        except OSError:
            self._end()
            return
        self._loop.remove_writer(self._socket)

    def _end(self) -> None:
        self._unsent.clear()
        self.close()
        # Not from inside of a call that sends: its own caller would be in the middle of it.
        self._loop.call_soon(self.on_transport_lost)
