"""Every verb of the socket against a real keeper on a fake link."""

import base64

import pytest

from fronts.keeper_bench import ADDRESSES, bench
from gattkeeper.errors import ConflictError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import normal_uuid
from sim.memory_journal import MemoryJournal

pytestmark = pytest.mark.asyncio

READ = {"verb": "read", "device": "lounge", "characteristic": "2a19"}
WRITE = {"verb": "write", "device": "lounge", "characteristic": ["fe50", "fe51"], "payload": "9a0d"}


async def outcome(client, **request):
    """Submit, wait, and give the outcome back."""
    accepted = await client.ask({**request, "wait": True})
    answer = await client.hear()
    assert answer["outcome"]["command_id"] == accepted["accepted"]
    return answer["outcome"]


async def test_actions_reads_and_writes_end_with_an_outcome(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        acted = await outcome(client, verb="act", device="lounge", action="set_position", argument=73)
        assert (acted["verdict"], acted["label"]) == ("delivered", "set_position 73")
        assert (await outcome(client, **READ))["text"] == "55 %"
        assert (await outcome(client, **WRITE))["cause"] == "acknowledged"
        assert (await outcome(client, **WRITE, response=False))["verdict"] == "sent"
        operation = {
            "type": "write",
            "target": {"uuid": normal_uuid("fe51")},
            "payload": base64.b64encode(b"\1").decode(),
        }
        submitted = await outcome(client, verb="submit", command={"device": "lounge", "operation": operation})
        assert submitted["verdict"] == "delivered"


async def test_a_write_may_wait_for_the_notification_that_answers_it(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.says = b"\x02ok"
        ended = await outcome(client, **WRITE, answer="2a37", starts_with="02", answer_timeout=9)
        assert (ended["verdict"], ended["cause"], ended["value"]) == ("delivered", "app_ack", "026f6b")
        assert (await client.ask({**WRITE, "answer_timeout": 1}))["error"]["code"] == "invalid_command"
        assert (await client.ask({**WRITE, "answer": "pulse"}))["error"]["code"] == "invalid_command"


async def test_an_action_on_all_ends_with_an_outcome_for_each_device_and_the_spread(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        act = {"verb": "act", "device": "all", "action": "set_position", "argument": 73, "gather": 5}
        assert len((await client.ask({**act, "wait": True}))["accepted"]) == 2
        outcomes = [(await client.hear())["outcome"] for _ in range(2)]
        assert {one["verdict"] for one in outcomes} == {"delivered"}
        assert len({one["command_id"] for one in outcomes}) == 2
        end = await client.hear()
        assert end["done"] is True
        assert 0 <= end["spread_s"] <= end["last_s"]
        b.link.let_answer.clear()
        assert len((await client.ask(act))["accepted"]) == 2
        assert (await client.hear())["spread_s"] is None


async def test_without_waiting_there_is_one_answer(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        accepted = await client.ask({"id": 1, **READ})
        assert list(accepted) == ["id", "accepted"]
        assert "status" in await client.ask({"id": 2, "verb": "status"})
        asked = await client.ask({"id": 3, "verb": "outcome", "command": accepted["accepted"], "wait": True})
        assert asked["outcome"]["value"] == "37"


async def test_patience_ends_and_the_command_goes_on(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        command_id = (await client.ask({"id": 1, **WRITE, "wait": 0.05}))["accepted"]
        assert await client.hear() == {"id": 1, "command": command_id, "gave_up": True}
        ask = {"id": 2, "verb": "outcome", "command": command_id}
        assert (await client.ask(ask))["gave_up"] is True
        b.link.let_answer.set()
        assert (await client.ask({**ask, "wait": True}))["outcome"]["verdict"] == "delivered"


async def test_an_outcome_outlives_the_keepers_memory_of_its_handle(tmp_path, monkeypatch):
    async with bench(tmp_path) as b, b.client() as client:
        ended = await outcome(client, **READ)
        monkeypatch.setattr(b.keeper, "handle", lambda _id: None)
        answer = await client.ask({"verb": "outcome", "command": ended["command_id"]})
        assert answer["outcome"]["verdict"] == "delivered"
        assert (await client.ask({"verb": "outcome", "command": "c-99"}))["error"]["code"] == "usage"


async def test_one_key_is_one_command(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        first = await client.ask({**WRITE, "idempotency_key": "k"})
        assert (await client.ask({**WRITE, "idempotency_key": "k"}))["accepted"] == first["accepted"]
        other = await client.ask({**WRITE, "payload": "00", "idempotency_key": "k"})
        assert other["error"]["code"] == "conflict"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({**READ, "device": "attic"}, "unknown_device"),
        ({**READ, "characteristic": 0}, "invalid_command"),
        ({**READ, "wait": -1}, "invalid_command"),
        ({**READ, "deadline": 1e9}, "invalid_command"),
        ({**WRITE, "payload": "abc"}, "invalid_command"),
        ({**WRITE, "payload": ""}, "invalid_command"),
        ({"verb": "act", "device": "lounge", "action": "fly"}, "unsupported"),
        ({"verb": "stop", "scope": "attic"}, "unknown_device"),
        ({"verb": "timeline", "command": "c-99"}, "usage"),
        ({"verb": "timeline", "last": 0}, "invalid_command"),
        ({"verb": "timeline", "device": "attic"}, "unknown_device"),
        ({"verb": "scan", "duration": 0}, "invalid_command"),
        ({"verb": "scan", "adapter": "nowhere"}, "settings"),
        ({"verb": "resolve", "command": "c-99", "applied": True, "why": " "}, "invalid_command"),
        ({"verb": "resolve", "command": "c-99", "applied": True, "why": "looked"}, "usage"),
        ({"verb": "accept_flaws", "who": "Ann", "why": "looked"}, "usage"),
        ({"verb": "subscribe", "device": "attic", "characteristic": "2a37"}, "unknown_device"),
    ],
)
async def test_what_is_wrong_is_an_error_and_queues_nothing(tmp_path, request_, code):
    async with bench(tmp_path) as b, b.client() as client:
        answer = await client.ask({"id": 1, **request_})
        assert (answer["id"], answer["error"]["code"]) == (1, code)
        assert answer["error"]["message"]
        assert b.keeper.status().accepted == 0


async def test_stop_latches_until_resume(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        assert len((await client.ask({"verb": "stop", "latch": True, "wait": 5}))["accepted"]) == 2
        for _ in range(2):
            assert (await client.hear())["outcome"]["verdict"] == "delivered"
        assert (await client.hear())["done"] is True
        assert (await client.ask(WRITE))["error"]["code"] == "stopped"
        assert (await client.ask({"verb": "resume"}))["resumed"] == ["lounge", "kitchen"]
        assert "accepted" in await client.ask(WRITE)


async def test_a_waiting_command_is_cancelled_an_ended_one_is_not(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        await client.ask(WRITE)
        waiting = (await client.ask(READ))["accepted"]
        assert (await client.ask({"verb": "cancel", "command": waiting}))["cancelled"] is True
        assert (await client.ask({"verb": "cancel", "command": waiting}))["cancelled"] is False


async def test_devices_scan_and_timeline(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        devices = (await client.ask({"verb": "devices"}))["devices"]
        assert devices[0] == {
            "name": "lounge",
            "address": ADDRESSES["lounge"],
            "actions": ["set_position", "target_percent"],
            "adapter": "fake",
            "adapter_why": "the settings",
            "advertised": None,
        }
        assert (await client.ask({"id": 4, "verb": "scan", "duration": 0.1}))["sighting"]["rssi_dbm"] == -61
        assert (await client.hear())["id"] == 4
        assert (await client.hear())["done"] is True
        ended = await outcome(client, **READ)
        [known] = (await client.ask({"verb": "timeline", "device": ADDRESSES["lounge"]}))["timeline"]
        assert known["command_id"] == ended["command_id"]
        assert known["phases"][0] == {"phase": "accepted", "offset_us": 0}
        one = await client.ask({"verb": "timeline", "command": ended["command_id"]})
        assert one["timeline"] == [known]


async def test_notifications_come_in_order_until_the_subscription_ends(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        assert (await client.ask({"id": 1, "verb": "subscribe", "device": "lounge", "characteristic": "2a37"}))[
            "subscribed"
        ]
        for payload in (b"\x01", b"\x02"):
            b.link.connections[0].notify(payload)
        assert [(await client.hear())["notification"] for _ in range(2)] == ["01", "02"]


async def test_a_refused_subscription_is_told_by_its_outcome(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.refusal = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=0x80)
        request = {"id": 1, "verb": "subscribe", "device": "lounge", "characteristic": "2a37"}
        outcome = (await client.ask(request))["outcome"]
        assert (outcome["verdict"], outcome["cause"], outcome["device"]) == ("not_delivered", "rejected", "lounge")
        assert outcome["fault"]["code"] == 0x80
        b.link.refusal = None
        assert (await client.ask(request))["subscribed"]


async def test_an_unknown_outcome_is_resolved_by_the_user_behind_the_socket(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        command_id = (await client.ask({**WRITE, "wait": True}))["accepted"]
        await b.link.reached.wait()
        await b.link.connections[0].disconnect()
        assert (await client.hear())["outcome"]["verdict"] == "unknown"
        b.link.let_answer.set()
        answer = await client.ask({"verb": "resolve", "command": command_id, "applied": True, "why": "looked"})
        assert answer["resolved"] is True


async def test_a_journal_is_taken_as_it_is_by_whoever_says_so_on_the_socket(tmp_path):
    journal = MemoryJournal()
    journal.flaws, journal.holds = ("rows are missing",), True
    async with bench(tmp_path, journal=journal) as b, b.client() as client:
        refused = await client.ask({**WRITE, "wait": True})
        assert refused["error"]["code"] == "storage"
        accepted = await client.ask({"verb": "accept_flaws", "who": "Ann", "why": "looked"})
        assert accepted["flaws_accepted"] == ["rows are missing"]
        assert "accepted" in await client.ask({**WRITE, "wait": False})


async def test_a_key_is_the_same_request_whichever_way_it_comes_in(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        first = await client.ask({**WRITE, "idempotency_key": "tap", "wait": True})
        assert (await client.hear())["outcome"]["verdict"] == "delivered"
        again = await b.keeper.device("lounge").write(("fe50", "fe51"), b"\x9a\x0d", idempotency_key="tap")
        assert again.command_id == first["accepted"]
        with pytest.raises(ConflictError, match="'tap' belongs to"):
            await b.keeper.device("lounge").write(("fe50", "fe51"), b"\x9a\x0e", idempotency_key="tap")
        refused = await client.ask({**WRITE, "payload": "9a0e", "idempotency_key": "tap"})
        assert refused["error"]["code"] == "conflict"
        assert len(b.link.performed) == 1
