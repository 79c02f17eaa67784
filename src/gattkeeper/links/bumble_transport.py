"""Opening a controller by Bumble's transport name, and saying what to do when that fails.

Knows transport names, and what the operating system says when a port cannot be opened. Never tries twice.
"""

from bumble.host import Host
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportSpecError

from gattkeeper.errors import SettingsError

_EXAMPLES = "usb:0, serial:/dev/ttyACM0, tcp-client:192.0.2.7:1234 or hci-socket:0"

_SCHEMES_WITH_PLACE = ("usb", "pyusb", "serial", "tcp-client", "unix", "unix-client")

_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (PermissionError, "give this user access to it: a udev rule, the group dialout, or CAP_NET_ADMIN"),
    (FileNotFoundError, "is it plugged in?"),
    (ConnectionRefusedError, "is the program that serves the controller running?"),
    (ImportError, "a library that Bumble needs for it is missing"),
    (ValueError, f"write for example {_EXAMPLES}"),
)


class NamedTransport:
    """One named transport, open or not."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._transport: Transport | None = None

    async def open_host(self) -> Host:
        """A host on the controller behind the name. Raises SettingsError, with what to do."""
        scheme, _, place = self._name.partition(":")
        if scheme in _SCHEMES_WITH_PLACE and not place:
            raise SettingsError(f"adapter {self._name!r} does not say which one; write for example {_EXAMPLES}")
        try:
            self._transport = await open_transport(self._name)
        except TransportSpecError as error:
            raise SettingsError(
                f"adapter {self._name!r}: Bumble has no such transport; write for example {_EXAMPLES}"
            ) from error
        except Exception as error:
            raise SettingsError(f"adapter {self._name!r} cannot be opened: {_advice(scheme, error)}") from error
        host = Host(self._transport.source, self._transport.sink)
        # Not every transport of Bumble's tells its host when it ends; all of them have this future. A flush is
        # what the host makes of the news.
        self._transport.source.terminated.add_done_callback(lambda _ended: host.emit("flush"))
        return host

    async def close(self) -> None:
        """Close the transport, if it is open."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()


def _advice(scheme: str, error: Exception) -> str:
    said = str(error) or type(error).__name__
    if scheme == "hci-socket" and isinstance(error, OSError) and not isinstance(error, PermissionError):
        return (
            f"{said}; the adapter has to be down for that: sudo systemctl stop bluetooth, sudo hciconfig hci0 down"
        )
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return f"{said}; {advice}"
    return f"{said}; is it plugged in, and does no other program hold it?"
