"""Opening a controller by Bumble's transport name, and saying what to do when that fails.

Knows what the operating system says when a port cannot be opened. Never tries twice.
"""

import asyncio
import errno
import socket
from contextlib import suppress

from bumble.host import Host
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportLostError

from gattkeeper.errors import SettingsError
from gattkeeper.links.bumble_hci_socket import open_hci_socket
from gattkeeper.links.bumble_names import transport_problem

CLOSE_S = 5.0
"""How long a transport may take to close."""

_UNPLUGGED = "is it plugged in?"
_REFUSED = "give this user access to it: a udev rule, or the group dialout"
_HELD = "another program holds it"
_NOT_RUNNING = "is the program that serves the controller running?"
_UNREACHABLE = "is its machine on, and in this network?"
_USERS_OF_HCI = "sudo systemctl stop bluetooth, sudo hciconfig hci{0} down"

_ADVICE: dict[int, str] = {
    errno.ENOENT: _UNPLUGGED,
    errno.ENODEV: _UNPLUGGED,
    errno.ENXIO: _UNPLUGGED,
    errno.EACCES: _REFUSED,
    errno.EPERM: _REFUSED,
    errno.EBUSY: _HELD,
    errno.EAGAIN: _HELD,
    errno.ECONNREFUSED: _NOT_RUNNING,
    errno.ETIMEDOUT: _UNREACHABLE,
    errno.EHOSTUNREACH: _UNREACHABLE,
    errno.ENETUNREACH: _UNREACHABLE,
}

_ADVICE_FOR: dict[tuple[str, int], str] = {
    ("unix", errno.ENOENT): _NOT_RUNNING,
    ("unix-client", errno.ENOENT): _NOT_RUNNING,
    ("hci-socket", errno.ENODEV): "the kernel has no such adapter: /sys/class/bluetooth shows those there are",
    ("hci-socket", errno.EBUSY): f"BlueZ or another program has it up; it must be down: {_USERS_OF_HCI}",
    ("hci-socket", errno.EUSERS): "another program has taken it over, as this one wants to",
    ("hci-socket", errno.EPERM): "that takes CAP_NET_ADMIN: in a systemd unit as CapabilityBoundingSet= and"
    " as AmbientCapabilities=",
    ("hci-socket", errno.EAFNOSUPPORT): "this kernel has no Bluetooth: sudo modprobe bluetooth",
    ("usb", errno.EBUSY): "another program holds it, or the kernel does: sudo systemctl stop bluetooth",
}

_ERRNO_OF_LIBUSB = {-3: errno.EACCES, -4: errno.ENODEV, -5: errno.ENOENT, -6: errno.EBUSY}
"""libusb's codes (its enum libusb_error) for what the system has a number for."""


class NamedTransport:
    """One named transport, open or not. Raises SettingsError for a name that is none."""

    def __init__(self, name: str) -> None:
        problem = transport_problem(name)
        if problem:
            raise SettingsError(f"adapter {problem}")
        self._name = name
        self._transport: Transport | None = None

    async def open_host(self) -> Host:
        """A host on the controller behind the name. Raises SettingsError, with what to do."""
        scheme, _, place = self._name.partition(":")
        try:
            if scheme == "hci-socket":
                self._transport = open_hci_socket(int(place or 0))
            else:
                self._transport = await open_transport(self._name)
                _hold_alone(self._transport)
        except Exception as error:
            await self.close()
            advice = _advice(scheme, place, error)
            raise SettingsError(f"adapter {self._name!r} cannot be opened: {advice}") from error
        host = Host(self._transport.source, self._transport.sink)
        # Not every transport of Bumble's tells its host when it ends; all of them have this future.
        self._transport.source.terminated.add_done_callback(lambda ended: lost(host, ended))
        return host

    async def close(self) -> None:
        """Close the transport, if it is open. Never raises, and takes `CLOSE_S` at most.

        What is behind it may be gone already, and Bumble's transports say so, or wait for it.
        """
        transport, self._transport = self._transport, None
        if transport is not None:
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_S):
                    await transport.close()


def _hold_alone(transport: Transport) -> None:
    """Lock a serial port against other programs that do the same. Raises OSError."""
    port = getattr(getattr(transport.sink, "transport", None), "serial", None)
    if port is not None:
        port.exclusive = True


def lost(host: Host, ended: "asyncio.Future[None]") -> None:
    """The host's way to the controller is over: what it waits for ends, and a flush says so."""
    if not ended.cancelled():
        ended.exception()  # some say why, all at the same moment as a driver that cannot go on
    if host.pending_response is not None and not host.pending_response.done():
        host.pending_response.set_exception(TransportLostError())
    host.emit("flush")


def _advice(scheme: str, place: str, error: Exception) -> str:
    said = str(error) or type(error).__name__
    if isinstance(error, ImportError):
        extra = "emulator" if scheme.startswith("android") else "bumble"
        return f"{said}; pip install 'gattkeeper[{extra}]'"
    if type(error).__name__ == "NoBackendError":  # pyusb's; it need not be installed
        return f"{said}; libusb is missing: sudo apt install libusb-1.0-0"
    if isinstance(error, socket.gaierror):
        return f"{said}; is the name of its machine spelled right?"
    code = getattr(error, "errno", None) or _ERRNO_OF_LIBUSB.get(getattr(error, "value", 0), 0)
    advice = _ADVICE_FOR.get((scheme.removeprefix("py"), code)) or _ADVICE.get(code)
    if advice is None:
        advice = "is it plugged in, and does no other program hold it?"
    return f"{said}; {advice.format(place or 0)}"
