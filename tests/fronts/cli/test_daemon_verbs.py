"""Every verb against a real keeper on a fake link. The socket in between is left out."""

import asyncio
import json
import re

import pytest

from fronts.keeper_bench import FAULT, bench
from gattkeeper.core.limits import Limits
from gattkeeper.fronts.cli import daemon_verbs, progress
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.model.command import Origin
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import WriteMode

pytestmark = pytest.mark.asyncio

WRITE = ("write", "lounge", "fe51", "01")


class Said:
    """What a command line said, sorted by where it goes."""

    def __init__(self, lines):
        self.out = "\n".join(line[1:] for line in lines if line[0] == "o")
        self.err = "\n".join(line[1:] for line in lines if line[0] == "e")
        self.progress = [line[1:] for line in lines if line[0] == "p"]
        self.accepted = [line[1:] for line in lines if line[0] == "i"]
        self.code = int(lines[-1].removeprefix("x"))

    @property
    def json(self):
        return json.loads(self.out)


async def run(b, *argv, **terminal):
    origin = Origin(front="cli", principal="alice", uid=1000, pid=7)
    answer = daemon_verbs.run_daemon_verb(b.service, argv, Terminal(**terminal), origin)
    return Said([line for frame in [frame async for frame in answer] for line in frame.decode().splitlines()])


async def test_an_action_is_carried_out_and_told_in_a_line(tmp_path):
    async with bench(tmp_path) as b:
        said = await run(
            b, "act", "lounge", "target_percent", "73", "--priority", "interactive", "--deadline", "9"
        )
        command = b.timeline.newest(1)[0].command
        assert said.code == 0
        assert said.out.startswith("✓ lounge target_percent 73  delivered  ")
        assert said.accepted == [command.id]
        assert (command.priority.name, command.deadline_us, command.origin.uid) == ("INTERACTIVE", 9_000_000, 1000)


async def test_an_action_on_all_is_told_in_a_line_for_each_device_and_one_for_the_spread(tmp_path):
    async with bench(tmp_path) as b:
        said = await run(b, "act", "all", "target_percent", "73", "--gather", "5")
        one, other, spread = said.out.splitlines()
        assert said.code == 0
        assert {one.split("  ")[0], other.split("  ")[0]} == {
            "✓ lounge target_percent 73",
            "✓ kitchen target_percent 73",
        }
        assert "between the first and the last hand-over; all had ended after" in spread
        assert len(said.accepted[0].split()) == 2


async def test_an_action_on_all_as_json_is_one_line_with_every_outcome(tmp_path):
    async with bench(tmp_path) as b:
        said = await run(b, "act", "all", "target_percent", "73", "--json", "--key", "tap")
        assert [one["device"] for one in said.json["outcomes"]] == ["lounge", "kitchen"]
        assert (said.json["refused"], said.json["going_on"]) == ({}, [])
        assert 0 <= said.json["spread_s"] <= said.json["last_s"]
        again = await run(b, "act", "all", "target_percent", "73", "--json", "--key", "tap")
        assert again.accepted == said.accepted


async def test_an_action_on_all_has_the_exit_code_of_the_worst(tmp_path):
    async with bench(tmp_path) as b:
        await run(b, "stop", "lounge", "--latch")
        said = await run(b, "act", "all", "target_percent", "73")
        assert said.code == 3
        assert said.err.startswith("gattkeeper: lounge: lounge is stopped")
        assert said.out.startswith("✓ kitchen")
        said = await run(b, "act", "all", "target_percent", "73", "--json")
        assert said.json["refused"]["lounge"]["code"] == "stopped"
        await run(b, "stop", "kitchen", "--latch")
        assert (await run(b, "act", "all", "target_percent", "73")).code == 3


async def test_an_action_on_all_that_takes_too_long_goes_on(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        said = await run(b, "act", "all", "target_percent", "73", "--wait", "0.05", "--json")
        assert (said.code, len(said.json["going_on"]), said.json["spread_s"]) == (6, 2, None)
        said = await run(b, "act", "all", "target_percent", "74", "--no-wait")
        assert (said.code, said.out.count("goes on")) == (0, 2)
        b.link.let_answer.set()


async def test_a_read_shows_what_the_value_means(tmp_path):
    async with bench(tmp_path) as b:
        assert (await run(b, "read", "lounge", "2a19")).out.startswith("✓ lounge read 2a19  55 %")
        assert (await run(b, "read", "lounge", "2a19", "--json")).json["value"] == "37"


async def test_a_write_without_response_is_sent(tmp_path):
    async with bench(tmp_path) as b:
        said = await run(b, *WRITE, "--without-response", "--idempotent", "--json")
        assert (said.json["verdict"], said.code) == ("sent", 0)
        assert b.link.performed[0].mode is WriteMode.WITHOUT_RESPONSE


async def test_a_write_may_wait_for_the_notification_that_answers_it(tmp_path):
    async with bench(tmp_path) as b:
        b.link.says = bytes([55])
        said = await run(b, *WRITE, "--answer", "2a37")
        assert said.code == 0
        assert said.out.startswith("✓ lounge write fe51  55 %")
        assert (await run(b, *WRITE, "--answer", "2a37", "--starts-with", "37", "--json")).json["value"] == "37"
        said = await run(
            b, *WRITE, "--answer", "2a37", "--starts-with", "38", "--answer-timeout", "0.05", "--json"
        )
        assert (said.json["verdict"], said.json["fault"]["name"], said.code) == ("unknown", "no_app_ack", 4)


async def test_not_waiting_returns_the_id(tmp_path):
    async with bench(tmp_path) as b:
        said = await run(b, *WRITE, "--no-wait", "--json")
        assert said.json == {"accepted": said.accepted[0]}
        assert said.code == 0


async def test_patience_ends_and_the_command_goes_on(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        said = await run(b, *WRITE, "--wait", "0.05")
        assert said.code == 6
        assert f"gattkeeper outcome {said.accepted[0]}" in said.err
        assert (await run(b, "outcome", said.accepted[0], "--json")).json["gave_up"] is True
        b.link.let_answer.set()
        assert (await run(b, "outcome", said.accepted[0], "--wait", "5", "--json")).json["verdict"] == "delivered"


async def test_an_outcome_outlives_the_keepers_memory_of_its_handle(tmp_path, monkeypatch):
    async with bench(tmp_path) as b:
        said = await run(b, *WRITE)
        monkeypatch.setattr(b.keeper, "handle", lambda _id: None)
        assert (await run(b, "outcome", said.accepted[0])).code == 0
        assert (await run(b, "outcome", "c-99")).code == 2


async def test_a_superseded_tap_is_told_by_whom(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        blocking = asyncio.ensure_future(run(b, *WRITE))
        await b.link.reached.wait()
        first = asyncio.ensure_future(run(b, "act", "lounge", "target_percent", "73"))
        await b.until(lambda: len(b.timeline.newest(9)) == 2)
        second = asyncio.ensure_future(run(b, "act", "lounge", "target_percent", "55"))
        said = await first
        b.link.let_answer.set()
        assert said.code == 5
        assert "superseded" in said.err
        assert "(target_percent 55)" in said.err
        assert [(await task).code for task in (blocking, second)] == [0, 0]


async def test_progress_tells_phase_and_place(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "PROGRESS_S", 0.01)
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        blocking = asyncio.ensure_future(run(b, *WRITE))
        await b.link.reached.wait()
        said = await run(b, "act", "lounge", "target_percent", "73", "--wait", "0.05", tty=True)
        b.link.let_answer.set()
        await blocking
    assert said.progress[0].startswith("lounge target_percent 73: waiting, 1 before it, ")


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("write", "lounge", "fe51", "zz"), "usage", "hex digits"),
        (("write", "lounge", "fe51", "00" * 600), "usage", "600 bytes"),
        ((*WRITE, "--starts-with", "01"), "invalid_command", "without `answer`"),
        (("read", "attic", "2a19"), "unknown_device", "no device 'attic'"),
        (("act", "lounge", "target_percent", "nan"), "invalid_command", "from 0 to 100"),
        (("act", "attic", "target_percent", "1"), "unknown_device", "no device 'attic'"),
        (("act", "all", "open"), "unsupported", "no action 'open'"),
        (("act", "lounge", "target_percent", "1", "--deadline", "1e9"), "invalid_command", "deadline"),
        (("timeline", "c-99"), "usage", "c-99"),
        (("resolve", "c-99", "--applied", "--why", " "), "invalid_command", "--why"),
        (("audit", "accept", "--who", "Ann", "--why", "looked"), "usage", "nothing to accept"),
        (("audit", "key"), "usage", "no verb of the daemon"),
        (("serve",), "usage", "no verb of the daemon"),
        ((), "usage", "no verb of the daemon"),
    ],
)
async def test_bad_input_is_one_sentence_and_queues_nothing(tmp_path, argv, code, words):
    async with bench(tmp_path) as b:
        said = await run(b, *argv)
        assert said.code == 2
        assert said.err.startswith("gattkeeper: ")
        assert words in said.err
        assert "\n" not in said.err
        if argv and argv[0] != "serve":
            assert (await run(b, *argv, "--json")).json["error"]["code"] == code
        assert b.keeper.status().accepted == 0


async def test_stop_tells_about_every_device_and_latch_refuses_until_resume(tmp_path):
    async with bench(tmp_path) as b:
        said = await run(b, "stop", "--latch")
        assert said.code == 0
        assert said.out.count("stop  delivered") == 2
        assert len(said.accepted[0].split()) == 2
        refused = await run(b, *WRITE, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (3, "stopped")
        assert (await run(b, "resume", "lounge", "--json")).json == {"resumed": ["lounge"]}
        assert (await run(b, *WRITE)).code == 0
        assert (await run(b, "resume")).out == "resumed lounge, kitchen"


async def test_stop_tells_each_outcome_as_soon_as_it_is_known(tmp_path):
    async with bench(tmp_path) as b:
        await run(b, "read", "kitchen", "2a19")
        connect, in_reach = b.link.connect, asyncio.Event()

        async def connect_when_in_reach(device, events, _demand):
            await in_reach.wait()
            return await connect(device, events)

        b.link.connect = connect_when_in_reach
        frames = daemon_verbs.run_daemon_verb(b.service, ["stop"], Terminal(), Origin(front="cli"))
        told = ""
        while "delivered" not in told:
            told += (await anext(frames)).decode()
        assert "kitchen stop  delivered" in told
        assert "lounge" not in told
        in_reach.set()
        told = "".join([frame.decode() async for frame in frames])
        assert "lounge stop  delivered" in told
        assert told.endswith("x0\n")


async def test_a_stop_that_failed_says_that_it_is_tried_again(tmp_path):
    async with bench(tmp_path, limits=Limits(stop_persist_us=60_000_000)) as b:
        b.link.refusal = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=0x80)
        said = await run(b, "stop", "lounge")
        assert said.code == 1
        assert "lounge stop  not delivered" in said.err
        assert re.search(r"… lounge: the stop is tried again for .* s, until one succeeds or `gattkeep", said.err)
        assert (await run(b, "stop", "lounge", "--json")).json["tried_again"] == ["lounge"]
        await run(b, "resume", "lounge")
        b.link.refusal = None
        said = await run(b, "stop", "--json")
        assert (said.code, said.json["tried_again"]) == (0, [])


async def test_stop_without_patience_names_what_goes_on(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        said = await run(b, "stop", "lounge", "--wait", "0.05", "--json")
        assert (said.code, len(said.json["going_on"])) == (6, 1)
        b.link.let_answer.set()
        assert (await run(b, "stop", "lounge", "--no-wait")).code == 0


async def test_cancel_takes_a_waiting_command_back(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        blocking = asyncio.ensure_future(run(b, *WRITE))
        await b.link.reached.wait()
        waiting = await run(b, *WRITE, "--no-wait")
        assert (await run(b, "cancel", waiting.accepted[0])).code == 0
        assert (await run(b, "outcome", waiting.accepted[0])).code == 5
        assert (await run(b, "cancel", waiting.accepted[0], "--json")).json == {"cancelled": False}
        assert (await run(b, "cancel", waiting.accepted[0])).code == 1
        b.link.let_answer.set()
        await blocking


async def test_an_unknown_outcome_gives_advice_and_can_be_resolved(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        sending = asyncio.ensure_future(run(b, *WRITE))
        await b.link.reached.wait()
        await b.link.connections[0].disconnect()
        said = await sending
        assert said.code == 4
        assert "Look at lounge itself: did it do this or not?" in said.err
        assert f"gattkeeper resolve {said.accepted[0]}" in said.err
        b.link.let_answer.set()
        resolved = await run(b, "resolve", said.accepted[0], "--not-applied", "--why", "looked", "--who", "Ann")
        assert resolved.out == f"recorded: {said.accepted[0]} was not applied"
        resolution = b.keeper.handle(said.accepted[0]).resolution
        assert (resolution.who, resolution.origin.front, resolution.origin.principal) == ("Ann", "cli", "alice")
        asked = await run(b, "outcome", said.accepted[0])
        assert "resolved: not applied, looked (Ann)" in asked.err
        assert "Look at lounge" not in asked.err
        assert (await run(b, "outcome", said.accepted[0], "--json")).json["resolution"]["applied"] is False
        assert "resolved: not applied, looked (" in (await run(b, "timeline", said.accepted[0])).out


async def test_status_devices_scan_and_timeline_have_text_and_json(tmp_path):
    async with bench(tmp_path) as b:
        sent = await run(b, *WRITE)
        assert "adapter fake  up  1 of 5 slots" in (await run(b, "status")).out
        assert (await run(b, "status", "--json")).json["accepted"] == 1
        assert (await run(b, "devices")).out.startswith("lounge   F0:00:00:00:00:01  set_position")
        assert len((await run(b, "devices", "--json")).json["devices"]) == 2
        heard = await run(b, "scan", "--for", "0.1", tty=True)
        assert heard.out == "F0:00:00:00:00:02  -48 dBm\nF0:00:00:00:00:01  -61 dBm  Blind?[2J"
        assert heard.progress[-1] == "scanning: 2 devices heard"
        assert len((await run(b, "scan", "--json")).json["sightings"]) == 2
        assert len((await run(b, "scan", "--adapter", "fake", "--json")).json["sightings"]) == 2
        assert (await run(b, "scan", "--adapter", "nowhere")).code == 2
        assert "write fe51" in (await run(b, "timeline")).out
        assert "dispatched" in (await run(b, "timeline", sent.accepted[0])).out
        assert (await run(b, "timeline", "--json")).json["timeline"][0]["command_id"] == sent.accepted[0]


async def test_command_that_only_the_journal_knows_has_an_outcome_and_no_timeline(tmp_path):
    async with bench(tmp_path) as b:
        sent = await run(b, *WRITE)
        b.timeline._commands.clear()  # as after a restart; the keeper still finds it
        said = await run(b, "timeline", sent.accepted[0])
        assert said.code == 2
        assert f"gattkeeper outcome {sent.accepted[0]}" in said.err
        assert (await run(b, "outcome", sent.accepted[0])).code == 0


async def test_help_is_no_failure(tmp_path):
    async with bench(tmp_path) as b:
        said = await run(b, "act", "--help")
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("usage: gattkeeper act")


async def test_notifications_come_as_lines_until_there_are_enough(tmp_path):
    async with bench(tmp_path) as b:
        listening = asyncio.ensure_future(run(b, "subscribe", "lounge", "2a37", "--count", "2"))
        await b.link.subscribed.wait()
        for payload in (b"\x01", b"\x02\x03"):
            b.link.connections[0].notify(payload)
        said = await listening
        assert (said.out, said.code) == ("01\n0203", 0)


@pytest.mark.parametrize("words", [(), ("--json",)])
async def test_subscription_that_cannot_be_had_is_told_like_any_outcome(tmp_path, words):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        blocking = asyncio.ensure_future(run(b, *WRITE))
        await b.link.reached.wait()
        listening = asyncio.ensure_future(run(b, "subscribe", "lounge", "2a37", *words))
        await b.until(lambda: len(b.timeline.newest(9)) == 2)
        b.keeper.cancel(b.timeline.newest(1)[0].command.id)
        said = await listening
        b.link.let_answer.set()
        await blocking
    assert said.code == 5
    assert said.json["cause"] == "cancelled" if words else said.err.startswith("- lounge subscribe  cancelled")


async def test_subscription_that_ends_by_itself_says_why(tmp_path):
    async with bench(tmp_path) as b:
        listening = asyncio.ensure_future(run(b, "subscribe", "lounge", "2a37"))
        await b.link.subscribed.wait()
        await run(b, "read", "lounge", "2a19")  # by then the subscriber has its reader
        b.keeper.hub.end("lounge", characteristic_ref("2a37"), FAULT)
        said = await listening
        assert said.code == 1
        assert said.err.startswith("gattkeeper: the subscription ended: link_lost")


async def test_too_few_notifications_in_time_is_giving_up(tmp_path):
    async with bench(tmp_path) as b:
        assert (await run(b, "subscribe", "lounge", "2a37", "--count", "2", "--for", "0.1")).code == 6
        assert (await run(b, "subscribe", "lounge", "2a37", "--for", "0.1", "--json")).code == 0
