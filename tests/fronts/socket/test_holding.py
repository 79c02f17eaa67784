"""Leases through the socket: held, renewed, used, ended, and gone with their client."""

import asyncio
import base64

import pytest

from fronts.keeper_bench import FAULT, bench
from gattkeeper.core.limits import Limits
from gattkeeper.fronts.socket import holding
from gattkeeper.model.gatt import normal_uuid

pytestmark = pytest.mark.asyncio

HOLD = {"id": "h", "verb": "hold", "device": "lounge", "holder": "blind.py"}
PULSE = {"id": "p", "verb": "subscribe", "device": "lounge", "characteristic": "2a37"}


def write(lease):
    operation = {"type": "write", "target": {"uuid": normal_uuid("fe51")}, "payload": _base64(b"\1")}
    return {
        "verb": "submit",
        "command": {"device": "lounge", "operation": operation, "lease": lease},
        "wait": True,
    }


def _base64(payload):
    return base64.b64encode(payload).decode()


def leases(b):
    return [lease for device in b.keeper.status().devices for lease in device.leases]


async def hold(client):
    return (await client.ask(HOLD))["held"]["lease"]


async def test_who_holds_a_device_is_told_its_table_and_is_shown_in_status(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        held = (await client.ask(HOLD))["held"]
        assert (held["att_mtu"], held["renew_within"]) == (23, 30.0)
        assert held["services"][0]["characteristics"][0]["uuid"] == normal_uuid("2a19")
        (lease,) = (await client.ask({"verb": "status"}))["status"]["devices"][0]["leases"]
        assert lease["lease"] == held["lease"]
        assert lease["holder"].startswith("blind.py (pid ")
        assert "held by blind.py" in " ".join(await cli(b, "status"))


async def cli(b, *argv):
    async with b.client() as client:
        client.say({"verb": "cli", "argv": argv})
        return (await client.reader.read()).decode().split("\n")


async def test_a_command_of_the_lease_runs_while_it_is_held(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        lease = await hold(client)
        await client.ask(write(lease))
        assert (await client.hear())["outcome"]["verdict"] == "delivered"
        b.link.connections[0].events.lost(FAULT)
        ended = await client.hear()
        assert (ended["id"], ended["ended"]["kind"]) == ("h", "link_lost")
        await client.ask(write(lease))
        assert (await client.hear())["outcome"]["fault"]["name"] == "lease_over"


async def test_a_lease_is_its_own_connections(tmp_path):
    async with bench(tmp_path) as b, b.client() as client, b.client() as other:
        lease = await hold(client)
        assert (await other.ask(write(lease)))["error"]["code"] == "usage"
        assert (await other.ask({"verb": "renew", "lease": lease}))["error"]["code"] == "usage"
        assert (await other.ask({**PULSE, "lease": lease}))["error"]["code"] == "usage"
        assert (await other.ask({"verb": "end", "request": "h"}))["error"]["code"] == "usage"
        assert len(leases(b)) == 1


async def test_it_ends_when_its_request_is_ended_and_with_its_client(tmp_path):
    async with bench(tmp_path) as b:
        async with b.client() as client:
            lease = await hold(client)
            assert await client.ask({"id": 2, "verb": "end", "request": "h"}) == {"id": 2, "ended": "h"}
            assert leases(b) == []
            assert (await client.ask({"verb": "renew", "lease": lease}))["error"]["code"] == "usage"
            assert (await client.ask({"verb": "end", "request": "h"}))["error"]["code"] == "usage"
            await hold(client)
            assert len(leases(b)) == 1
        await b.until(lambda: not leases(b))


async def test_a_client_that_goes_while_it_connects_holds_nothing(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_connect.clear()
        async with b.client() as client:
            client.say(HOLD)
            await b.until(lambda: b.keeper.status().accepted)
        await b.until(lambda: b.keeper.status().ended)
        b.link.let_connect.set()
        assert leases(b) == []


async def test_one_that_is_not_renewed_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(holding, "RENEW_WITHIN_S", 0.2)
    async with bench(tmp_path) as b, b.client() as client:
        lease = await hold(client)
        for _ in range(3):
            await asyncio.sleep(0.1)
            assert (await client.ask({"verb": "renew", "lease": lease}))["renewed"] == lease
        assert (await client.hear())["ended"]["name"] == "lease_silent"


async def test_a_device_that_cannot_be_reached_is_told_by_the_outcome(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_connect.clear()
        outcome = (await client.ask({**HOLD, "deadline": 0.1}))["outcome"]
        assert (outcome["verdict"], outcome["cause"]) == ("not_delivered", "expired")
        assert (await client.ask({**HOLD, "device": "nobody"}))["error"]["code"] == "unknown_device"
        assert (await client.ask({**HOLD, "timeout": 0}))["error"]["code"] == "invalid_command"
        assert (await client.ask({**HOLD, "priority": "first"}))["error"]["code"] == "bad_request"
        b.link.let_connect.set()


async def test_when_too_many_hold_it_the_next_is_refused(tmp_path):
    async with bench(tmp_path, limits=Limits(leases_per_device_max=1)) as b, b.client() as client:
        await hold(client)
        assert (await client.ask({**HOLD, "id": 2}))["error"]["code"] == "refused"


async def test_its_notifications_end_with_it(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        lease = await hold(client)
        assert (await client.ask({**PULSE, "lease": lease, "kind": "notify"}))["subscribed"]
        b.link.connections[0].notify(b"\x2a")
        assert (await client.hear())["notification"] == "2a"
        other = {**PULSE, "id": 3, "device": "kitchen", "lease": lease}
        assert "holds lounge" in (await client.ask(other))["error"]["message"]
        b.link.connections[0].events.lost(FAULT)
        ends = {answer["id"]: answer for answer in [await client.hear(), await client.hear()]}
        assert ends["p"]["done"]
        assert ends["h"]["ended"]["kind"] == "link_lost"


async def test_a_subscription_is_ended_at_the_device_before_that_is_answered(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        assert (await client.ask(PULSE))["subscribed"]
        assert (await client.ask({"id": 2, "verb": "end", "request": "p"}))["ended"] == "p"
        ended = [one.command.operation for one in b.timeline.newest(5)]
        assert type(ended[-1]).__name__ == "Unsubscribe" or type(ended[0]).__name__ == "Unsubscribe"


async def test_news_of_the_table_is_told(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        await hold(client)
        connection = b.link.connections[0]
        connection.att_mtu = 247
        connection.events.updated(att_mtu=247)
        answer = await client.hear()
        assert (answer["id"], answer["updated"]["att_mtu"]) == ("h", 247)
        (stop,) = await b.keeper.stop("lounge")
        assert (await client.hear())["ended"]["name"] == "stopped"
        await stop.wait()
