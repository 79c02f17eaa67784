"""Names of transports: which of Bumble's lead to an adapter, and what to write instead of one that does not.

Knows spellings only. Opens nothing, and needs no Bumble.
"""

import re

from msgspec import Struct

EXAMPLES = "usb:0, serial:/dev/ttyACM0, tcp-client:192.0.2.7:1234 or hci-socket:0"

_METADATA = re.compile(r"\[\w+=[^,\]]+(,\w+=[^,\]]+)*,?\]")
"""What Bumble takes for a driver's settings, anywhere in a name: `usb:[driver=rtk]0`."""


class _Scheme(Struct, frozen=True, kw_only=True):
    """How a name goes on after its colon."""

    place: re.Pattern[str]
    expected: str


def _scheme(place: str, expected: str) -> _Scheme:
    return _Scheme(place=re.compile(place), expected=expected)


_PORT = r"0*(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"

_USB = _scheme(
    r"(\d+|\d+-\d+(\.\d+)*|[0-9a-fA-F]{1,4}:[0-9a-fA-F]{1,4}(/[^/#]+|#\d+)?)(\+sco=\d+)?!?",
    "a number (usb:0 is the first adapter), vendor and product in hex as lsusb shows them (usb:0a12:0001), "
    "or bus and ports (usb:1-1.4)",
)
_ANY = _scheme(r".*", "")
_SOCKET = _scheme(r".+", "the path of a socket, as in unix:/run/controller.sock")

_SCHEMES = {
    "usb": _USB,
    "pyusb": _USB,
    "serial": _scheme(
        r"[^,]+(,(\d+|rtscts|dsrdtr|delay|resync))*",
        "a port, then a speed and words among rtscts, dsrdtr, delay and resync, as in "
        "serial:/dev/ttyACM0,1000000,rtscts",
    ),
    "tcp-client": _scheme(
        rf"[^\[\]]+:{_PORT}",
        "a host and a port, as in tcp-client:192.0.2.7:1234 or, without brackets, tcp-client:::1:1234",
    ),
    "unix": _SOCKET,
    "unix-client": _SOCKET,
    "ws-client": _scheme(r"wss?://.+", "an address, as in ws-client:ws://192.0.2.7:7681/v1/websocket/bt"),
    "hci-socket": _scheme(r"\d{0,4}", "the number of an adapter, as in hci-socket:0 for hci0"),
    "android-emulator": _ANY,
    "android-netsim": _ANY,
}

_NO_ADAPTER = {
    "tcp-server": "let the program with the controller listen, and write tcp-client:HOST:PORT",
    "ws-server": "let the program with the controller listen, and write ws-client:ws://HOST:PORT",
    "unix-server": "let the program with the controller listen, and write unix:PATH",
    "pty": "let the program with the controller make it, and write serial:/dev/pts/NUMBER",
    "udp": "HCI bears no loss: write tcp-client:HOST:PORT",
    "file": "write serial:PATH",
    "vhci": "it is the way in for controllers: for an adapter that the kernel has, write hci-socket:0",
}
"""What Bumble can open as well, with what to do instead: none of them leads to a controller by itself."""

_MEANT = ((r"hci(\d+)", "hci-socket:{}"), (r"(/dev/.+|COM\d+)", "serial:{}"), (r"(\d+)", "usb:{}"))
"""What people write where a name is asked for."""


def transport_problem(name: str) -> str:
    """What is wrong with the name of a transport, and what to write; empty when nothing is."""
    scheme, colon, rest = name.partition(":")
    place = rest if scheme == "hci-socket" else _METADATA.sub("", rest, count=1)
    if scheme in _NO_ADAPTER:
        return f"{name!r} is the way to no adapter: {_NO_ADAPTER[scheme]}"
    if scheme not in _SCHEMES:
        return f"{name!r} is no transport: {_hint(name, scheme)}"
    if _SCHEMES[scheme].place.fullmatch(place):
        return ""
    wrong = f"{name!r} does not say which one" if not place else f"{name!r} cannot be read"
    return f"{wrong}: after {scheme}{colon or ':'} comes {_SCHEMES[scheme].expected}"


def _hint(name: str, scheme: str) -> str:
    for pattern, meant in _MEANT:
        if found := re.fullmatch(pattern, name):
            return f"write {meant.format(found[1])}"
    import difflib  # noqa: PLC0415 - only after a mistake

    near = [each for each in _SCHEMES if scheme and each.startswith(scheme)]
    near = near or difflib.get_close_matches(scheme, _SCHEMES, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}write for example {EXAMPLES}"
