"""Lines over a real socket pair: whole, in parts, too long, and none of ours."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gattkeeper.client import lines
from gattkeeper.client.lines import Lines

pytestmark = pytest.mark.asyncio


class Bench:
    """One end is ours; at the other a socket."""

    def __init__(self, take: Callable[[bytes], None] | None = None) -> None:
        self.taken: list[bytes] = []
        self.news, self.over = asyncio.Event(), asyncio.Event()
        self.lines = Lines(take or self.take, self.over.set)
        ours, self.other = socket.socketpair()
        ours.setblocking(False)
        self.other.setblocking(False)
        self.ours = ours

    def take(self, line: bytes) -> None:
        self.taken.append(line)
        self.news.set()

    async def say(self, said: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.other, said)

    async def heard(self, count: int) -> list[bytes]:
        while len(self.taken) < count:
            self.news.clear()
            await self.news.wait()
        return self.taken


@asynccontextmanager
async def bench(take: Callable[[bytes], None] | None = None) -> AsyncIterator[Bench]:
    made = Bench(take)
    await asyncio.get_running_loop().create_unix_connection(lambda: made.lines, sock=made.ours)
    try:
        yield made
    finally:
        await made.lines.close()
        made.other.close()


async def test_lines_are_taken_whole_however_they_come():
    async with bench() as b:
        await b.say(b"one\ntwo\nth")
        assert await b.heard(2) == [b"one", b"two"]
        await b.say(b"re")
        await b.say(b"e\n\nfive\n")
        assert await b.heard(5) == [b"one", b"two", b"three", b"", b"five"]


async def test_the_other_end_is_heard_of_and_half_a_line_is_none():
    async with bench() as b:
        await b.say(b"one\nhalf")
        b.other.close()
        await b.over.wait()
        assert b.taken == [b"one"]
        b.lines.write(b"nobody hears this")
        await b.lines.room()


async def test_a_line_that_is_too_long_ends_the_connection(monkeypatch):
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 1000)
    async with bench() as b:
        await b.say(b"x" * 1000 + b"\n")
        assert await b.heard(1) == [b"x" * 1000]
        await b.say(b"x" * 1001)
        await b.over.wait()


async def test_a_line_that_cannot_be_ends_the_connection():
    def refuse(line: bytes) -> None:
        raise ValueError(line)

    async with bench(refuse) as b:
        await b.say(b"one\n")
        await b.over.wait()


async def test_there_is_no_room_until_the_other_end_has_read():
    async with bench() as b:
        b.lines.write(b"x" * 4_000_000)
        waiting = asyncio.ensure_future(b.lines.room())
        left = 4_000_001
        while left:
            assert left < 1_000_000 or not waiting.done()
            left -= len(await asyncio.get_running_loop().sock_recv(b.other, 1_000_000))
        await waiting


async def test_who_waits_for_room_goes_on_when_there_is_an_end():
    async with bench() as b:
        b.lines.write(b"x" * 4_000_000)
        waiting = asyncio.ensure_future(b.lines.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        b.other.close()
        await waiting
