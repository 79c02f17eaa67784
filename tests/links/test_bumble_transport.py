"""A controller behind a transport name is opened, and what cannot be opened is said with what to do."""

import asyncio
import errno
import re
import socket
import sys
import tomllib
from pathlib import Path

import pytest
from bumble.hci import HCI_Reset_Command
from bumble.host import Host
from bumble.transport.common import TransportInitError, TransportLostError

from gattkeeper.errors import SettingsError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.links.bumble_transport import CLOSE_S, NamedTransport, lost
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import AdapterLog


def refusal(name):
    with pytest.raises(SettingsError) as caught:
        run_virtual(BumbleLink.on_transport(name).open(AdapterLog()))
    return str(caught.value)


@pytest.mark.parametrize("name", ["", "wifi:0", "tcp-client", "usb:", "tcp-client:127.0.0.1:port"])
def test_a_name_that_leads_to_no_adapter_opens_nothing(name):
    with pytest.raises(SettingsError, match=f"^adapter {re.escape(repr(name))} "):
        NamedTransport(name)


def opening_fails_with(monkeypatch, name, error):
    """What is said when opening a transport raises this. Stands in for hardware that is not here."""

    async def fail(_name):
        raise error

    def fail_at_once(_adapter):
        raise error

    monkeypatch.setattr("gattkeeper.links.bumble_transport.open_transport", fail)
    monkeypatch.setattr("gattkeeper.links.bumble_transport.open_hci_socket", fail_at_once)
    said = refusal(name)
    assert said.startswith(f"adapter {name!r} cannot be opened: {str(error) or type(error).__name__}; ")
    return said


class LibusbError(Exception):
    """As usb1's own: a code of libusb's in `value`, and no number of the system's."""

    def __init__(self, value):
        super().__init__(f"LIBUSB_ERROR [{value}]")
        self.value = value


LIBUSB_MISSING = type("NoBackendError", (ValueError,), {})
"""As pyusb's own."""


USERS_OF_HCI = "sudo systemctl stop bluetooth, sudo hciconfig hci1 down"
WORDS = [
    ("serial:/dev/ttyACM0", OSError(errno.EACCES, "Permission denied"), "a udev rule, or the group dialout"),
    ("serial:/dev/ttyACM0", OSError(errno.EBUSY, "Device or resource busy"), "another program holds it"),
    ("serial:/dev/ttyACM0", OSError(errno.EIO, "Input/output error"), "is it plugged in, and does no other"),
    ("usb:0", LibusbError(-3), "a udev rule"),
    ("usb:0", LibusbError(-4), "is it plugged in?"),
    ("usb:0", LibusbError(-6), "or the kernel does: sudo systemctl stop bluetooth"),
    ("usb:0", TransportInitError("device not found"), "is it plugged in, and does no other program hold it?"),
    ("pyusb:0", OSError(errno.EBUSY, "busy"), "or the kernel does: sudo systemctl stop bluetooth"),
    ("pyusb:0", LIBUSB_MISSING("No backend available"), "libusb is missing: sudo apt install libusb-1.0-0"),
    ("tcp-client:192.0.2.7:1", OSError(errno.EHOSTUNREACH, "No route to host"), "is its machine on"),
    (
        "tcp-client:lab:1",
        socket.gaierror(-2, "Name or service not known"),
        "the name of its machine spelled right?",
    ),
    ("unix:/run/controller", FileNotFoundError(errno.ENOENT, "No such file"), "is the program that serves"),
    (
        "hci-socket:1",
        OSError(errno.EBUSY, "busy"),
        f"BlueZ or another program has it up; it must be down: {USERS_OF_HCI}",
    ),
    ("hci-socket:1", OSError(errno.ENODEV, "No such device"), "/sys/class/bluetooth shows those there are"),
    ("hci-socket:1", OSError(errno.EUSERS, "Too many users"), "another program has taken it over"),
    ("hci-socket:1", OSError(errno.EPERM, "Operation not permitted"), "CAP_NET_ADMIN"),
    ("hci-socket:1", OSError(errno.EAFNOSUPPORT, "not supported"), "sudo modprobe bluetooth"),
    ("usb:0", ModuleNotFoundError("No module named 'usb1'"), "pip install 'gattkeeper[bumble]'"),
    ("android-netsim", ModuleNotFoundError("No module named 'grpc'"), "pip install 'gattkeeper[emulator]'"),
    ("usb:0", RuntimeError(), "is it plugged in, and does no other program hold it?"),
]


@pytest.mark.parametrize(("name", "error", "advice"), WORDS, ids=lambda each: str(each)[:50])
def test_what_cannot_be_opened_is_answered_with_what_to_do(monkeypatch, name, error, advice):
    assert advice in opening_fails_with(monkeypatch, name, error)


def test_a_serial_port_that_is_not_there_is_asked_for():
    said = refusal("serial:/dev/gattkeeper-has-no-such-port")
    assert "serial:/dev/gattkeeper-has-no-such-port" in said
    assert "is it plugged in?" in said


def test_a_driver_that_is_not_installed_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial_asyncio", None)
    monkeypatch.delitem(sys.modules, "bumble.transport.serial", raising=False)
    assert refusal("serial:/dev/ttyACM0").endswith("; pip install 'gattkeeper[bumble]'")


def test_a_socket_that_is_not_there_is_asked_for(tmp_path):
    assert "is the program that serves the controller running?" in refusal(f"unix:{tmp_path / 'none'}")


def test_an_extra_that_is_advised_is_one_of_the_projects():
    extras = tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"bumble", "emulator"} <= extras.keys()


def test_a_way_that_is_lost_with_a_reason_ends_what_waits_for_the_adapter():
    async def main():
        host = Host()
        flushed = []
        host.on("flush", lambda: flushed.append(True))
        ended = asyncio.get_running_loop().create_future()
        ended.set_exception(OSError("the socket of the web broke down"))
        asking = asyncio.create_task(host.send_sync_command(HCI_Reset_Command()))
        await asyncio.sleep(0)
        lost(host, ended)
        with pytest.raises(TransportLostError):
            await asking
        lost(host, ended)
        assert flushed == [True, True]

    asyncio.run(main())


def test_a_program_that_does_not_run_is_asked_for():
    async def main():
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(SettingsError, match="is the program that serves the controller running"):
            await BumbleLink.on_transport(f"tcp-client:127.0.0.1:{port}").open(AdapterLog())

    run_virtual(main())


def test_whoever_answers_no_hci_is_given_up():
    async def main():
        hung_up = asyncio.Event()

        async def say_nothing(reader, writer):
            await reader.read()
            hung_up.set()
            writer.close()

        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SettingsError, match="nothing answered within 10 s"):
            await BumbleLink.on_transport(f"tcp-client:127.0.0.1:{port}").open(AdapterLog())
        await hung_up.wait()
        server.close()

    run_virtual(main())


def test_closing_what_is_not_open_does_nothing():
    asyncio.run(NamedTransport("usb:0").close())


class StubbornTransport:
    """Stands in for hardware that is gone: closing it raises, or never ends."""

    source = sink = None

    def __init__(self, *, hangs):
        self._hangs = hangs

    async def close(self):
        if self._hangs:
            await asyncio.get_running_loop().create_future()
        raise OSError(errno.ENODEV, "No such device")


@pytest.mark.parametrize("hangs", [True, False])
def test_a_transport_that_cannot_be_closed_is_let_go_of(hangs):
    async def main():
        transport = NamedTransport("usb:0")
        transport._transport = StubbornTransport(hangs=hangs)
        await transport.close()
        await transport.close()
        assert asyncio.get_running_loop().time() <= CLOSE_S

    run_virtual(main())
