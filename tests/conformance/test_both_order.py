"""Cases about order, through the whole keeper on either link. Numbers are those of the conformance list."""

import asyncio

import pytest

from conformance.stand import READ, Stand, both, live, put
from gattkeeper.errors import UsageError
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.operation import Sequence
from gattkeeper.model.outcome import Cause, Outcome, Phase, Verdict
from gattkeeper.model.record import Accepted
from gattkeeper.runtime.handle import Handle

ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


async def ends(*handles: Handle) -> list[tuple[Verdict, Cause]]:
    outcomes = [await handle.wait() for handle in handles]
    return [(outcome.verdict, outcome.cause) for outcome in outcomes]


@both
def test_c01_on_an_idle_connection_a_command_is_on_the_air_at_once_and_once(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        handle = await stand.submit(READ)
        dispatched = next(mark for mark in stand.watch.marks[::-1] if mark.phase is Phase.DISPATCHED)
        assert dispatched.at_us == next(m for m in stand.watch.marks[::-1] if m.phase is Phase.ACCEPTED).at_us
        assert (await handle.wait()).value == b"\0\0\0\1"
        await asyncio.sleep(60)
        assert stand.lamp.heard == ["read"]

    live(world, story)


@both
def test_c03_the_more_urgent_reach_the_device_first(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        handles = [await stand.submit(b"running")]
        for priority in (Priority.BACKGROUND, Priority.NORMAL, Priority.INTERACTIVE, Priority.URGENT):
            handles += [await stand.submit(priority.name.encode(), priority=priority)]
        assert set(await ends(*handles)) == {ACKNOWLEDGED}
        assert stand.lamp.heard == [b"running", b"URGENT", b"INTERACTIVE", b"NORMAL", b"BACKGROUND"]

    live(world, story)


@both
def test_c04_equals_of_several_tasks_reach_the_device_in_the_order_of_the_journal(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()

        async def caller(number: int) -> None:
            for turn in range(5):
                await stand.submit(bytes([number, turn]))
                await asyncio.sleep(0.001 * number)

        await asyncio.gather(*map(caller, range(4)))
        await stand.keeper.device("lamp").read(READ.target)
        accepted = [row.record.command.operation for row in stand.journal.rows if isinstance(row.record, Accepted)]
        written = [operation.payload for operation in accepted if hasattr(operation, "payload")]
        assert stand.lamp.heard == [*written, "read"]

    live(world, story, journal=True)


@both
def test_c05_a_stream_of_more_urgent_ones_holds_a_low_one_up_no_longer_than_its_ageing(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stream = [await stand.submit(bytes([number])) for number in range(3)]
        low = await stand.submit(b"low", priority=Priority.BACKGROUND)
        while low.outcome is None:
            stream.append(await stand.submit(b"more urgent"))  # there are always some of these in line
            await stream.pop(0).wait()
        waited_us = low.outcome.timeline[-1].at_us - low.outcome.timeline[0].at_us
        assert 10_000_000 <= waited_us <= 10_500_000, "it is one priority lower, and that is worth ten seconds"

    live(world, story)


@both
def test_c06_a_command_that_the_device_refuses_does_not_hold_the_next_up(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.lamp.refusals = [0x80]
        first, second = await stand.submit(b"1"), await stand.submit(b"2")
        assert await ends(first, second) == [(Verdict.NOT_DELIVERED, Cause.REJECTED), ACKNOWLEDGED]
        assert stand.lamp.heard == [b"1", b"2"]

    live(world, story)


@both
def test_c07_behind_one_without_an_answer_nothing_is_on_the_air(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.unanswered("write")
        first = await stand.submit(b"1")
        await stand.submit(b"2")
        await asyncio.sleep(4.9)
        assert first.outcome is None
        assert stand.lamp.heard == [b"1"]

    live(world, story)


@both
def test_c08_what_waits_can_be_given_another_priority_and_what_runs_cannot(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        running, one, two = [await stand.submit(payload) for payload in (b"running", b"1", b"2")]
        stand.keeper.reprioritise(two.id, Priority.URGENT)
        with pytest.raises(UsageError, match="does not wait"):
            stand.keeper.reprioritise(running.id, Priority.BACKGROUND)
        await ends(running, one, two)
        assert stand.lamp.heard == [b"running", b"2", b"1"]

    live(world, story)


@both
def test_c09_a_command_submitted_on_hearing_of_an_outcome_comes_behind_those_in_line(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        late: list[asyncio.Task[Handle]] = []

        def ended(command: Command, outcome: Outcome, at_us: int) -> None:
            if command.operation == put(b"1"):
                late.append(asyncio.get_running_loop().create_task(stand.submit(b"3")))

        stand.watch.ended = ended
        handles = [await stand.submit(payload) for payload in (b"1", b"2")]
        await ends(*handles)
        await ends(await late[0])
        assert stand.lamp.heard == [b"1", b"2", b"3"]

    live(world, story)


@both
def test_c12_each_command_of_a_mixed_script_ends_exactly_once(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.lamp.refusals = [0x80]
        handles = [await stand.submit(payload) for payload in (b"refused", b"lost", b"cancelled")]
        handles.append(await stand.submit(READ, deadline_us=1))
        handles.append(await stand.submit(READ, survive_reconnect=True))
        stand.keeper.cancel(handles[2].id)
        await handles[0].wait()
        stand.world.lose(stand.lamp)
        await ends(*handles)
        await stand.keeper.stop("lamp")
        await asyncio.sleep(120)
        ids = [outcome.command_id for outcome in stand.watch.ends]
        assert sorted(ids) == sorted(set(ids))
        assert {handle.id for handle in handles} <= set(ids)
        status = stand.keeper.status()
        assert status.accepted == status.ended == len(ids)

    live(world, story)


@both
def test_c19_an_error_uses_up_its_own_request_and_the_next_answer_is_the_next_commands(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.lamp.refusals = [0x80]
        refused, read = await stand.submit(b"1"), await stand.submit(READ)
        assert await ends(refused) == [(Verdict.NOT_DELIVERED, Cause.REJECTED)]
        assert (await read.wait()).value == b"\0\0\0\1"

    live(world, story)


@both
def test_c109_clients_take_turns_and_a_group_of_steps_stays_together(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        flood, guest = Origin(principal="flood"), Origin(principal="guest")
        handles = [await stand.submit(b"running")]
        handles += [await stand.submit(bytes([number]), origin=flood) for number in range(1, 4)]
        steps = Sequence(steps=(put(b"step 1"), put(b"step 2")))
        handles += [await stand.submit(steps, origin=guest), await stand.submit(b"guest", origin=guest)]
        await ends(*handles)
        assert stand.lamp.heard == [b"running", b"\1", b"step 1", b"step 2", b"\2", b"guest", b"\3"]

    live(world, story)
