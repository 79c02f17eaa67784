"""The bounds of a connection's output, in virtual time, over a real pair of sockets."""

import asyncio
import socket
from contextlib import asynccontextmanager

from gattkeeper.fronts.socket.output import OUTPUT_BYTES_MAX, STALL_S_MAX, Output
from gattkeeper.world.virtual_time import run_virtual

MUCH = b"x" * (OUTPUT_BYTES_MAX // 2)  # more than the kernel takes, less than the bound


@asynccontextmanager
async def deaf_reader():
    """An output, its transport, and the end that nobody reads."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    _, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        yield Output(writer.transport), writer.transport, theirs
    finally:
        theirs.close()
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def read_some(transport, theirs):
    """Read until the transport holds less than before, if it holds anything."""
    held = transport.get_write_buffer_size()
    while held and transport.get_write_buffer_size() == held:
        await asyncio.get_running_loop().sock_recv(theirs, 65536)
        await asyncio.sleep(0)


def test_a_full_buffer_drops_the_connection():
    async def story():
        async with deaf_reader() as (output, transport, _):
            output.write(MUCH)
            assert not transport.is_closing()
            output.write(MUCH * 2)
            assert transport.is_closing()
            output.write(b"swallowed")

    run_virtual(story())


def test_reading_nothing_for_long_drops_the_connection():
    async def story():
        async with deaf_reader() as (output, transport, _):
            output.write(MUCH)
            await asyncio.sleep(STALL_S_MAX - 0.1)
            assert not transport.is_closing()
            await asyncio.sleep(0.2)
            assert transport.is_closing()

    run_virtual(story())


def test_a_slow_reader_has_its_time():
    async def story():
        async with deaf_reader() as (output, transport, theirs):
            output.write(MUCH)
            for _ in range(3):
                await asyncio.sleep(STALL_S_MAX - 1)
                await read_some(transport, theirs)
            assert not transport.is_closing()
            while transport.get_write_buffer_size():
                await read_some(transport, theirs)
            await asyncio.sleep(2 * STALL_S_MAX)
            assert not transport.is_closing()

    run_virtual(story())
