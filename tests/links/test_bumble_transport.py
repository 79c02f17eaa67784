"""A controller behind a transport name is opened, and what cannot be opened is said with what to do."""

import asyncio

import pytest
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport.common import StreamPacketSource

from gattkeeper.errors import SettingsError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.links.bumble_transport import NamedTransport
from gattkeeper.model.fault import FaultKind
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import AdapterLog


def refusal(name):
    with pytest.raises(SettingsError) as caught:
        run_virtual(BumbleLink.on_transport(name).open(AdapterLog()))
    return str(caught.value)


@pytest.mark.parametrize("name", ["", "wifi:0", "tcp-client"])
def test_a_name_that_is_none_is_answered_with_examples(name):
    assert repr(name) in refusal(name)
    assert "write for example usb:0, serial:/dev/ttyACM0" in refusal(name)


@pytest.mark.parametrize("name", ["usb:", "usb", "serial", "tcp-client:"])
def test_a_name_without_a_place_says_that_it_is_missing(name):
    assert "does not say which one" in refusal(name)


def test_a_place_that_is_not_well_formed_is_answered_with_examples():
    assert "write for example" in refusal("tcp-client:127.0.0.1:port")


def test_a_serial_port_that_is_not_there_is_asked_for():
    said = refusal("serial:/dev/gattkeeper-has-no-such-port")
    assert "serial:/dev/gattkeeper-has-no-such-port" in said
    assert "is it plugged in" in said


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


class _ServedController(StreamPacketSource):
    """A virtual controller behind one TCP connection."""

    def connection_made(self, transport):
        self.set_packet_sink(Controller("served", link=LocalLink(), public_address="C0:00:00:00:00:02"))
        self.transport = transport
        self.sink.host = self

    def on_packet(self, packet):
        self.transport.write(packet)


def test_a_controller_over_tcp_works_until_its_server_hangs_up():
    async def main():
        served = []

        def serve():
            served.append(_ServedController())
            return served[-1]

        server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        log = AdapterLog()
        link = BumbleLink.on_transport(f"tcp-client:127.0.0.1:{port}")
        await link.open(log)
        assert link.name == "C0:00:00:00:00:02"
        served[0].transport.close()
        up, fault = await log.said.get()
        assert (up, fault.kind) == (False, FaultKind.ADAPTER_GONE)
        assert await log.said.get() == (True, None)  # the server is still there, and was asked again
        await link.close()
        assert log.said.empty()
        server.close()

    asyncio.run(main())


def test_closing_what_is_not_open_does_nothing():
    asyncio.run(NamedTransport("usb:0").close())
