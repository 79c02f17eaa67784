"""What a caller holds of a command."""

import asyncio

import pytest
from msgspec.structs import replace

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.operation import Connect
from gattkeeper.model.outcome import Cause, Outcome, Verdict
from gattkeeper.runtime.handle import Handle
from gattkeeper.world import run_virtual

COMMAND = Command(device="lamp", operation=Connect(), id="c-1")
OUTCOME = Outcome(command_id="c-1", verdict=Verdict.DELIVERED, cause=Cause.ACKNOWLEDGED)
OTHER = Outcome(command_id="c-1", verdict=Verdict.UNKNOWN, cause=Cause.UNCLEAR_ANSWER)


def test_everybody_who_waits_gets_the_first_outcome():
    async def story() -> None:
        handle = Handle(COMMAND)
        assert (handle.id, handle.outcome) == ("c-1", None)
        waiting = [asyncio.ensure_future(handle.wait()) for _ in range(2)]
        await asyncio.sleep(1)
        handle.end(OUTCOME)
        handle.end(OTHER)
        assert await asyncio.gather(*waiting) == [OUTCOME, OUTCOME]
        assert handle.outcome == await handle.wait(0.0) == OUTCOME

    run_virtual(story())


def test_a_wait_may_time_out_or_be_cancelled_and_the_command_goes_on():
    async def story() -> None:
        handle = Handle(COMMAND)
        with pytest.raises(TimeoutError):
            await handle.wait(1.0)
        waiting = asyncio.ensure_future(handle.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        handle.end(OUTCOME)
        assert await handle.wait() == OUTCOME

    run_virtual(story())


def test_acceptance_is_settled_once():
    async def story() -> None:
        taken, refused = Handle(COMMAND), Handle(COMMAND)
        taken.settle(None)
        taken.settle(StorageError("too late"))
        await taken.taken_on()
        assert taken.error is None
        waiting = asyncio.ensure_future(refused.taken_on())
        await asyncio.sleep(1)
        refused.settle(StorageError("the disk is full"))
        for late in (waiting, refused.taken_on()):
            with pytest.raises(StorageError, match="full"):
                await late
        assert isinstance(refused.error, StorageError)

    run_virtual(story())


def test_who_gives_up_waiting_for_the_acceptance_takes_it_from_nobody_else():
    async def story() -> None:
        handle = Handle(COMMAND)
        first, second = (asyncio.ensure_future(handle.taken_on()) for _ in range(2))
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.wait([first])
        handle.settle(None)
        await second

    run_virtual(story())


def test_who_waits_for_what_is_not_taken_on_hears_why_but_a_stop_always_ends():
    async def story() -> None:
        refused = Handle(COMMAND)
        waiting = asyncio.ensure_future(refused.wait())
        await asyncio.sleep(1)
        refused.settle(StorageError("the disk is full"))
        for wait in (waiting, refused.wait()):
            with pytest.raises(StorageError, match="full"):
                await wait
        stop = Handle(replace(COMMAND, stop=True))
        waiting = asyncio.ensure_future(stop.wait())
        await asyncio.sleep(1)
        stop.settle(StorageError("the disk is full"))
        late = asyncio.ensure_future(stop.wait())
        await asyncio.sleep(1)
        stop.end(OUTCOME)
        assert await asyncio.gather(waiting, late) == [OUTCOME, OUTCOME]

    run_virtual(story())
