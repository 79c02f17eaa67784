"""The client with an event loop, against a real socket; its daemon runs on a fake link."""

import asyncio
import os
import signal
import sys
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from fronts.keeper_bench import FAULT, bench
from gattkeeper.client import async_client
from gattkeeper.client.async_client import AsyncClient
from gattkeeper.errors import (
    DaemonGoneError,
    InvalidCommandError,
    RefusedError,
    StoppedError,
    UnknownDeviceError,
    UsageError,
)
from gattkeeper.fronts.socket import connection, holding

pytestmark = pytest.mark.asyncio

SOURCE = Path(__file__).parents[2] / "src"
READ = {"verb": "read", "device": "lounge", "characteristic": "2a19"}
WRITE = {"verb": "write", "device": "lounge", "characteristic": "fe51", "payload": "01"}
PULSE = {"verb": "subscribe", "device": "lounge", "characteristic": "2a37"}
HOLD = {"verb": "hold", "device": "lounge", "holder": "test"}

HOLDER = """
import asyncio, sys
from gattkeeper.client.async_client import AsyncClient

async def main():
    async with await AsyncClient.open(sys.argv[1]) as client:
        async for answer in client.stream({"verb": "hold", "device": "lounge", "holder": "held.py"}):
            print("held", flush=True)

asyncio.run(main())
"""


def leases(b):
    return [lease for device in b.keeper.status().devices for lease in device.leases]


async def test_many_ask_at_once_and_each_gets_its_own_answer(tmp_path):
    async with bench(tmp_path) as b, await AsyncClient.open(str(b.path)) as client:
        b.link.let_answer.clear()
        slow = asyncio.ensure_future(client.ask({**READ, "wait": True}))
        assert "status" in await client.ask({"verb": "status"})
        assert "accepted" in await client.ask(WRITE)
        assert not slow.done()
        b.link.let_answer.set()
        assert (await slow)["outcome"]["text"] == "55 %"


async def test_what_the_daemon_refuses_is_raised(tmp_path):
    async with bench(tmp_path) as b, await AsyncClient.open(str(b.path)) as client:
        for request, kind in (
            ({**READ, "device": "nobody"}, UnknownDeviceError),
            ({**READ, "timeout": 0}, InvalidCommandError),
            ({"verb": "fly"}, UsageError),
        ):
            with pytest.raises(kind):
                await client.ask(request)
            with pytest.raises(kind):
                await anext(client.stream(request))
        await client.ask({"verb": "stop", "scope": "lounge", "latch": True, "wait": True})
        with pytest.raises(StoppedError):
            await client.ask(WRITE)


async def test_too_many_requests_are_refused_and_those_that_wait_go_on(tmp_path):
    async with bench(tmp_path) as b, await AsyncClient.open(str(b.path)) as client:
        b.link.let_answer.clear()
        asked = [asyncio.ensure_future(client.ask({**READ, "wait": True})) for _ in range(connection.REQUESTS_MAX)]
        await b.link.reached.wait()
        with pytest.raises(RefusedError):
            await client.ask({"verb": "status"})
        b.link.let_answer.set()
        assert all(answer["outcome"]["verdict"] == "delivered" for answer in await asyncio.gather(*asked))


async def test_one_that_gives_up_does_not_get_in_the_way_of_the_next(tmp_path):
    async with bench(tmp_path) as b, await AsyncClient.open(str(b.path)) as client:
        b.link.let_answer.clear()
        asked = asyncio.ensure_future(client.ask({**READ, "wait": True}))
        await b.link.reached.wait()
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        b.link.let_answer.set()
        assert (await client.ask({**READ, "wait": True}))["outcome"]["verdict"] == "delivered"


async def test_a_stream_ends_with_its_last_answer(tmp_path):
    async with bench(tmp_path) as b, await AsyncClient.open(str(b.path)) as client:
        scan = [answer async for answer in client.stream({"verb": "scan", "duration": 0.1})]
        assert [next(iter(answer)) for answer in scan] == ["sighting", "sighting", "done"]
        one = [answer async for answer in client.stream({**READ, "wait": True})]
        assert [next(iter(answer)) for answer in one] == ["accepted", "outcome"]
        act = {"verb": "act", "device": "all", "action": "set_position", "argument": 1, "wait": True}
        assert [next(iter(answer)) for answer in [each async for each in client.stream(act)]] == [
            "accepted",
            "outcome",
            "outcome",
            "refused",
        ]


async def test_a_stream_that_is_closed_is_over_at_the_daemon(tmp_path):
    async with bench(tmp_path) as b, await AsyncClient.open(str(b.path)) as client:
        async with aclosing(client.stream(HOLD)) as held, aclosing(client.stream(PULSE)) as values:
            lease = (await anext(held))["held"]["lease"]
            assert leases(b)[0].lease == lease
            assert (await anext(values))["subscribed"]
            b.link.connections[0].notify(b"\x01")
            assert (await anext(values))["notification"] == "01"
        assert leases(b) == []
        assert "status" in await client.ask({"verb": "status"})


async def test_what_nobody_reads_is_bounded_and_the_end_is_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(async_client, "ANSWERS_MAX", 5)
    async with (
        bench(tmp_path) as b,
        await AsyncClient.open(str(b.path)) as client,
        aclosing(client.stream(HOLD)) as held,
    ):
        lease = (await anext(held))["held"]["lease"]
        values = client.stream({**PULSE, "lease": lease})
        await anext(values)
        for number in range(20):
            b.link.connections[0].notify(bytes([number]))
        b.link.connections[0].events.lost(FAULT)
        assert (await anext(held))["ended"]["kind"] == "link_lost"
        left = [answer async for answer in values]
        assert len(left) <= 5
        assert left[-1] == {"done": True}


async def test_a_lease_is_renewed_as_long_as_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(holding, "RENEW_WITHIN_S", 0.3)
    async with (
        bench(tmp_path) as b,
        await AsyncClient.open(str(b.path)) as client,
        aclosing(client.stream(HOLD)) as held,
    ):
        await anext(held)
        await asyncio.sleep(1)
        assert len(leases(b)) == 1


async def test_a_daemon_that_goes_ends_every_call_at_once(tmp_path):
    async with bench(tmp_path) as b:
        client = await AsyncClient.open(str(b.path))
        b.link.let_answer.clear()
        calls = [asyncio.ensure_future(client.ask({**READ, "wait": True})) for _ in range(3)]
        held = client.stream(HOLD)
        values = asyncio.ensure_future(anext(held))
        await b.link.reached.wait()
        for task in b.front._served:
            task.cancel()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in ends] == [DaemonGoneError] * 3
        with suppress(DaemonGoneError):
            await values
            await anext(held)
        with pytest.raises(DaemonGoneError):
            await client.ask({"verb": "status"})
        with pytest.raises(DaemonGoneError):
            await anext(client.stream(HOLD))
        await client.close()
        await client.close()


async def test_without_a_daemon_it_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setenv("GATTKEEPER_SOCKET", str(tmp_path / "none.sock"))
    with pytest.raises(DaemonGoneError, match="none.sock"):
        await AsyncClient.open()


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[]\n", b"7\n", b'{"id":1}{'])
async def test_what_is_no_daemon_is_told_as_one_that_went_away(tmp_path, said):
    async def answer(reader, writer):
        await reader.readline()
        writer.write(said)
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_unix_server(answer, tmp_path / "s"),
        await AsyncClient.open(str(tmp_path / "s")) as client,
    ):
        with pytest.raises(DaemonGoneError):
            await client.ask({"verb": "status"})


async def test_one_that_does_not_serve_us_says_why(tmp_path):
    async def answer(reader, writer):
        await reader.readline()
        writer.write(b'{"id":null,"error":{"code":"not_allowed","message":"user 7 is not served here"}}\n')
        writer.write(b'{"id":99,"status":{}}\n')
        await writer.drain()
        writer.close()

    async with (
        await asyncio.start_unix_server(answer, tmp_path / "s"),
        await AsyncClient.open(str(tmp_path / "s")) as client,
    ):
        with pytest.raises(UsageError, match="not served"):
            await client.ask({"verb": "status"})


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_program_that_is_killed_or_frozen_holds_nothing_any_more(tmp_path, monkeypatch, how):
    monkeypatch.setattr(holding, "RENEW_WITHIN_S", 30.0 if how is signal.SIGKILL else 2.0)
    async with bench(tmp_path) as b:
        holder = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            HOLDER,
            str(b.path),
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert await holder.stdout.readline() == b"held\n"
            assert leases(b)[0].holder == f"held.py (pid {holder.pid})"
            holder.send_signal(how)
            while leases(b):
                await asyncio.sleep(0.01)
        finally:
            with suppress(ProcessLookupError):
                holder.kill()
            await holder.wait()
