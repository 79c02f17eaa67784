"""A socket with one HCI packet for each call: both ways, in order, and its end is told once.

What the kernel itself does with such a socket is looked at in the guest of `bluez_vm`.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bumble.transport.common import Transport

from gattkeeper.links.bumble_hci_socket import open_hci_socket, packet_transport

RESET_DONE = bytes.fromhex("04 0e 04 01 03 0c 00")


class Host:
    """What hears packets, and of the end."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.losses = 0

    def on_packet(self, packet: bytes) -> None:
        self.heard.put_nowait(packet)

    def on_transport_lost(self) -> None:
        self.losses += 1
        self.lost.set()


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Host, Transport, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.setblocking(False)
    host, transport = Host(), packet_transport(ours)
    transport.source.set_packet_sink(host)
    try:
        yield host, transport, theirs
    finally:
        await transport.close()
        theirs.close()


def test_packets_come_one_by_one() -> None:
    async def main() -> None:
        async with opened() as (host, _, theirs):
            for length in (7, 1000, 65_539):
                body = bytes(length - 5)
                packet = b"\x02\x01\x00" + len(body).to_bytes(2, "little") + body
                theirs.send(packet)
                assert await host.heard.get() == packet
            theirs.send(RESET_DONE)
            theirs.send(RESET_DONE)
            assert [await host.heard.get() for _ in range(2)] == [RESET_DONE] * 2

    asyncio.run(main())


def test_packets_go_in_order_also_when_the_kernel_takes_no_more_for_a_while() -> None:
    async def main() -> None:
        async with opened() as (_, transport, theirs):
            sent = [number.to_bytes(4, "big") + bytes(996) for number in range(2000)]
            for packet in sent:
                transport.sink.on_packet(packet)
            loop = asyncio.get_running_loop()
            assert [await loop.sock_recv(theirs, 2000) for _ in sent] == sent

    asyncio.run(main())


def test_the_end_is_told_once_and_nothing_is_read_after_it() -> None:
    async def main() -> None:
        async with opened() as (host, transport, theirs):
            theirs.close()
            await host.lost.wait()
            assert transport.source.terminated.done()
            transport.sink.on_packet(RESET_DONE)
            await asyncio.sleep(0)
            assert host.losses == 1
            await transport.close()

    asyncio.run(main())


def test_the_end_is_told_to_who_sends_as_well_but_not_in_the_middle_of_it() -> None:
    async def main() -> None:
        async with opened() as (host, transport, theirs):
            theirs.close()
            transport.sink.on_packet(RESET_DONE)
            assert host.losses == 0
            await host.lost.wait()

    asyncio.run(main())


def test_an_adapter_that_cannot_be_had_is_an_error_with_the_systems_number() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match=r"\[Errno \d+\]"):
            open_hci_socket(9999)

    asyncio.run(main())
