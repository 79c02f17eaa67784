"""A command of its client's own through the socket: one answer, and taken back with its request."""

import base64

import pytest

from fronts.keeper_bench import bench
from gattkeeper.model.gatt import normal_uuid
from gattkeeper.model.outcome import Cause

pytestmark = pytest.mark.asyncio

OPERATION = {
    "type": "write",
    "target": {"uuid": normal_uuid("fe51")},
    "payload": base64.b64encode(b"\1").decode(),
}
OWNED = {"id": 1, "verb": "submit", "command": {"device": "lounge", "operation": OPERATION}, "owned": True}


async def test_it_is_answered_by_its_outcome_alone(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        answer = await client.ask(OWNED)
        assert (answer["id"], answer["outcome"]["verdict"]) == (1, "delivered")
        assert "status" in await client.ask({"id": 2, "verb": "status"})
        assert (await client.ask({"id": 3, "verb": "end", "request": 1}))["error"]["code"] == "usage"


async def test_ending_the_request_takes_it_back(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_connect.clear()
        client.say(OWNED)
        await b.until(lambda: b.keeper.status().accepted)
        assert await client.ask({"id": 2, "verb": "end", "request": 1}) == {"id": 2, "ended": 1}
        [known] = b.timeline.newest(9)
        assert (await b.keeper.handle(known.command.id).wait()).cause is Cause.CANCELLED
        b.link.let_connect.set()


async def test_a_request_that_is_ended_in_the_same_breath_is_taken_back_too(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_connect.clear()
        client.say(OWNED)
        client.say({"id": 2, "verb": "end", "request": 1})
        assert await client.hear() == {"id": 2, "ended": 1}
        [known] = b.timeline.newest(9)
        assert (await b.keeper.handle(known.command.id).wait()).cause is Cause.CANCELLED
        b.link.let_connect.set()


async def test_it_goes_on_without_its_client_as_every_command_does(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_connect.clear()
        async with b.client() as client:
            client.say(OWNED)
            await b.until(lambda: b.keeper.status().accepted)
        b.link.let_connect.set()
        [known] = b.timeline.newest(9)
        assert (await b.keeper.handle(known.command.id).wait()).succeeded


async def test_what_is_refused_is_told_and_a_key_that_others_may_use_is_refused(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        keyed = {**OWNED, "command": {**OWNED["command"], "idempotency_key": "k"}}
        assert (await client.ask(keyed))["error"]["code"] == "invalid_command"
        await client.ask({"verb": "stop", "scope": "lounge", "latch": True, "wait": True})
        await client.hear()
        await client.hear()
        assert (await client.ask(OWNED))["error"]["code"] == "stopped"
