"""One connection over a real socket: limits, bad lines, vanishing clients. The link is a fake."""

import asyncio
import socket

import pytest

from fronts.keeper_bench import bench
from gattkeeper.fronts.socket import connection

pytestmark = pytest.mark.asyncio

WRITE = {"verb": "write", "device": "lounge", "characteristic": "fe51", "payload": "01"}
PULSE = {"id": 1, "verb": "subscribe", "device": "lounge", "characteristic": "2a37"}


async def test_answers_come_as_requests_finish_not_in_their_order(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        client.say({"id": "slow", **WRITE, "wait": True})
        assert (await client.hear())["id"] == "slow"
        assert (await client.ask({"id": "quick", "verb": "status"}))["id"] == "quick"
        b.link.let_answer.set()
        answer = await client.hear()
        assert (answer["id"], answer["outcome"]["verdict"]) == ("slow", "delivered")


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\n",
        b"[1]\n",
        b"null\n",
        b"{}\n",
        b'{"verb":"fly"}\n',
        b'{"verb":"status","x":1}\n',
        b'{"id":' + b"[" * 10_000 + b"]" * 10_000 + b',"verb":"status"}\n',
        b'{"verb":"read","device":"lounge","characteristic":"2a19","timeout":NaN}\n',
        b'{"verb":"read","device":7,"characteristic":"2a19"}\n',
        b'{"verb":"status"} {"verb":"status"}\n',
    ],
)
async def test_a_bad_line_gets_one_error_and_the_next_line_is_served(tmp_path, line):
    async with bench(tmp_path) as b, b.client() as client:
        client.say_bytes(line)
        assert (await client.hear())["error"]["code"] == "bad_request"
        assert (await client.ask({"id": 2, "verb": "status"}))["status"]["accepted"] == 0


@pytest.mark.parametrize("size", [connection.LINE_BYTES_MAX + 1, 10_000_000])
async def test_an_endless_line_gets_one_error_and_the_end(tmp_path, size):
    async with bench(tmp_path) as b, b.client() as client, b.client() as other:
        client.say_bytes(b"x" * size)
        assert (await client.hear())["error"]["code"] == "line_too_long"
        client.writer.write_eof()
        assert await client.gone()
        assert "status" in await other.ask({"verb": "status"})


async def test_the_request_after_the_last_allowed_one_is_refused_and_a_stop_is_not(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        for number in range(connection.REQUESTS_MAX):
            client.say({"id": number, **WRITE, "wait": True})
            await client.hear()
        assert (await client.ask({"id": "more", "verb": "status"}))["error"]["code"] == "too_many_requests"
        client.say({"id": "stop", "verb": "stop", "scope": "lounge"})
        while (answer := await client.hear())["id"] != "stop":
            assert answer["outcome"]["cause"] == "stopped"
        assert len(answer["accepted"]) == 1


async def test_a_vanishing_client_leaves_its_command_running(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        async with b.client() as client:
            command_id = (await client.ask({**WRITE, "wait": True}))["accepted"]
            await b.link.reached.wait()
        await b.until(lambda: not b.front._served)
        b.link.let_answer.set()
        assert (await b.keeper.handle(command_id).wait()).succeeded
        assert len(b.link.performed) == 1


async def test_a_vanishing_client_ends_its_subscription(tmp_path):
    async with bench(tmp_path) as b:
        async with b.client() as client:
            assert await client.ask(PULSE) == {"id": 1, "subscribed": True}
        await b.until(lambda: not b.front._served)
        await b.until(lambda: len(b.link.performed) == 2)
        assert type(b.link.performed[1]).__name__ == "Unsubscribe"


async def test_a_client_that_only_closes_its_sending_side_gets_its_answers(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        client.say_bytes(b'{"id":1,"verb":"read","device":"lounge","characteristic":"2a19","wait":true}')
        client.writer.write_eof()
        assert "accepted" in await client.hear()
        assert (await client.hear())["outcome"]["text"] == "55 %"
        assert await client.gone()


async def test_a_client_that_never_reads_is_dropped_and_others_are_served(tmp_path):
    async with bench(tmp_path) as b, b.client() as other:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, str(b.path))
        with pytest.raises(ConnectionError):
            while True:
                await loop.sock_sendall(deaf, b'{"verb":"devices"}\n' * 1000)
        deaf.close()
        assert "status" in await other.ask({"verb": "status"})


async def test_a_command_line_shares_its_connection_with_nothing(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        await client.ask({**WRITE, "wait": True})
        answer = await client.ask({"id": 3, "verb": "cli", "argv": ["status"]})
        assert "own" in answer["error"]["message"]


async def test_a_command_line_is_answered_in_frames_and_the_connection_ends(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        client.say({"verb": "cli", "argv": ["devices"]})
        frames = (await client.reader.read()).decode().splitlines()
        assert [frame[0] for frame in frames] == ["o", "o", "x"]
        assert frames[-1] == "x0"


async def test_what_ends_while_the_front_closes_is_still_told(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        await client.ask({**WRITE, "wait": True})
        closing = asyncio.create_task(b.front.close())
        await asyncio.sleep(0)
        b.link.let_answer.set()
        assert (await client.hear())["outcome"]["verdict"] == "delivered"
        assert await client.gone()
        await closing


async def test_a_failure_of_ours_is_an_answer_too(tmp_path, monkeypatch, caplog):
    async with bench(tmp_path) as b, b.client() as client:
        with monkeypatch.context() as broken:
            broken.setattr(b.keeper, "status", lambda: 1 / 0)
            answer = await client.ask({"id": 5, "verb": "status"})
            client.say({"verb": "cli", "argv": ["status"]})
            frames = (await client.reader.read()).decode().splitlines()
        assert (answer["id"], answer["error"]["code"]) == (5, "internal")
        assert frames[0].startswith("egattkeeper: the keeper failed")
        assert frames[1] == "x4"
        assert "ZeroDivisionError" in caplog.text
