"""Cases about the emergency stop, leaving and groups, through the whole keeper on either link.

Numbers are those of the conformance list. A stop's payload begins with S (sim.scene.Book).
"""

import asyncio

import pytest

from conformance.stand import READ, Stand, both, live, put
from gattkeeper.core.limits import Limits
from gattkeeper.errors import StoppedError
from gattkeeper.model.command import Priority
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Disconnect, LongWrite, Sequence
from gattkeeper.model.outcome import Cause, Phase, PhaseMark, Verdict
from sim.scene import WRITABLE

ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
UNDONE = Sequence(steps=(put(b"1"), put(b"2"), put(b"3")), undo=put(b"undo"))


@both
def test_c44_after_a_stop_no_other_change_starts_and_those_in_line_say_which_stop_it_was(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        handles = [await stand.submit(bytes([number])) for number in range(50)]
        await asyncio.sleep(0.01)
        (stop,) = await stand.keeper.stop("lamp")
        assert (await stop.wait()).succeeded
        outcomes = [await handle.wait() for handle in handles]
        assert [outcome.cause for outcome in outcomes[1:]] == [Cause.STOPPED] * 49
        assert {outcome.by for outcome in outcomes[1:]} == {stop.id}
        await asyncio.sleep(60)
        first, stopped = stand.lamp.heard
        assert (first, stopped[:1]) == (b"\0", b"S")

    live(world, story)


@both
def test_c47_two_stops_are_one_on_the_wire_and_both_have_an_outcome(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        (first,), (second,) = await stand.keeper.stop("lamp"), await stand.keeper.stop("lamp")
        assert {(await stop.wait()).verdict for stop in (first, second)} == {Verdict.DELIVERED}
        assert len(stand.lamp.heard) == 1
        (third,) = await stand.keeper.stop("lamp")
        assert (await third.wait()).succeeded
        assert len(stand.lamp.heard) == 2, "a stop after a stop is sent again"

    live(world, story)


@pytest.mark.parametrize("latch", [True, False])
@both
def test_c48_changes_are_refused_while_a_stop_runs_and_after_it_when_it_is_latched(
    world: str, *, latch: bool
) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        (stop,) = await stand.keeper.stop("lamp", latch=latch)
        with pytest.raises(StoppedError):
            await stand.submit(b"during")
        assert (await stop.wait()).succeeded
        if latch:
            with pytest.raises(StoppedError):
                await stand.submit(b"after")
            assert (await (await stand.submit(READ)).wait()).succeeded, "what changes nothing may run"
            stand.keeper.resume("lamp")
        assert (await (await stand.submit(b"resumed")).wait()).succeeded
        assert stand.lamp.heard[-1] == b"resumed"
        assert b"during" not in stand.lamp.heard
        assert b"after" not in stand.lamp.heard

    live(world, story)


@both
def test_c50_a_more_urgent_one_runs_between_chunks_and_not_inside_a_group(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        long = LongWrite(target=characteristic_ref(WRITABLE), payload=bytes(3000))
        handles = [await stand.submit(long), await stand.submit(b"urgent", priority=Priority.URGENT)]
        for handle in handles:
            assert (await handle.wait()).succeeded
        assert 0 < stand.lamp.heard.index(b"urgent") < len(stand.lamp.heard) - 1
        stand.lamp.heard.clear()
        handles = [await stand.submit(UNDONE), await stand.submit(b"urgent", priority=Priority.URGENT)]
        for handle in handles:
            assert (await handle.wait()).succeeded
        assert stand.lamp.heard == [b"1", b"2", b"3", b"urgent"]

    live(world, story)


@both
def test_c51_a_stop_ends_a_group_with_its_closing_step(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        group = await stand.submit(UNDONE)
        await asyncio.sleep(0.01)
        (stop,) = await stand.keeper.stop("lamp")
        outcome = await group.wait()
        assert (outcome.verdict, outcome.cause, outcome.by) == (Verdict.UNKNOWN, Cause.PARTLY, stop.id)
        await asyncio.sleep(10)
        assert [heard[:1] for heard in stand.lamp.heard] == [b"1", b"S", b"u"]

    live(world, story)


@pytest.mark.parametrize("waiting", [1, 100])
@both
def test_c52_leaving_cancels_every_older_command_up_to_the_last(world: str, waiting: int) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.unanswered("read")
        handles = [await stand.submit(READ)]
        handles += [await stand.submit(bytes([number])) for number in range(waiting)]
        leave = await stand.submit(Disconnect())
        assert (await leave.wait()).succeeded
        assert {(await handle.wait()).cause for handle in handles} == {Cause.CANCELLED}
        assert stand.keeper.status().devices[0].connection == "disconnected"
        await asyncio.sleep(60)
        assert set(stand.lamp.heard) <= {"read"}

    live(world, story)


@both
def test_c66_leaving_needs_no_place_in_line_and_works_while_the_bearer_is_stuck(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.unanswered("write")
        stuck, waiting = await stand.submit(b"stuck"), await stand.submit(READ)
        leave = await stand.submit(Disconnect())
        assert (await leave.wait()).succeeded
        assert (await stuck.wait()).verdict is Verdict.UNKNOWN
        assert (await waiting.wait()).cause is Cause.CANCELLED

    live(world, story, limits=Limits(queue_per_device_max=2))


@both
def test_c83_a_group_whose_step_fails_ends_there_and_nobody_else_ran_in_between(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        group, following = await stand.submit(UNDONE), await stand.submit(b"next")
        while not stand.lamp.heard:
            await asyncio.sleep(0.001)
        stand.lamp.refusals = [0x80]
        outcome = await group.wait()
        assert (outcome.verdict, outcome.cause, outcome.progress) == (Verdict.UNKNOWN, Cause.PARTLY, 1)
        assert outcome.fault is not None
        assert outcome.fault.code == 0x80
        assert (await following.wait()).succeeded
        assert stand.lamp.heard == [b"1", b"2", b"undo", b"next"]

    live(world, story)


@both
def test_c85_a_group_that_is_cancelled_on_the_news_of_its_own_step_has_one_outcome(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        group = await stand.submit(UNDONE)

        def marked(command: object, mark: PhaseMark) -> None:
            del command
            if mark.phase is Phase.ANSWERED:
                stand.keeper.cancel(group.id)

        stand.watch.marked = marked
        outcome = await group.wait()
        assert outcome.verdict is Verdict.UNKNOWN
        await asyncio.sleep(60)
        assert [one.command_id for one in stand.watch.ends].count(group.id) == 1
        assert stand.lamp.heard in ([b"1", b"undo"], [b"1", b"2", b"undo"])

    live(world, story)
