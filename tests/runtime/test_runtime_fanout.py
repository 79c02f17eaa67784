"""One action on many devices, through a keeper: on simulated links, and on a complete stack."""

import asyncio

import pytest
from house import House, live, now, write

from gattkeeper.errors import (
    ConflictError,
    QueueClosedError,
    StoppedError,
    StorageError,
    UnknownDeviceError,
    UnsupportedError,
    UsageError,
)
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.outcome import Cause, Phase, Verdict
from gattkeeper.model.record import Accepted
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules, Link
from gattkeeper.world import Hang, LinkMoment, SimulatedLink, VirtualRadio, run_virtual
from sim.scene import Book, device

BOTH = ("lamp", "door")


def keeper_of(devices: list, link: Link, *, slots: int = 5) -> Keeper:
    book = Book({one.name: DeviceRules(address=one.address) for one in devices})
    return Keeper(links={"adapter": link}, book=book, slots={"adapter": slots})


def test_twenty_devices_go_five_together_and_the_others_as_places_become_free() -> None:
    async def story() -> None:
        devices = [device(f"blind{number}", number) for number in range(1, 21)]
        keeper = keeper_of(devices, SimulatedLink(devices))
        await keeper.start()
        outcome = await (await keeper.act_all("all", "set_level", 50)).wait()
        moments = sorted(
            mark.at_us
            for one in outcome.outcomes.values()
            for mark in one.timeline
            if mark.phase is Phase.DISPATCHED
        )
        assert [one.payload for blind in devices for one in blind.applied] == [bytes([50])] * 20
        assert list(outcome.outcomes) == [blind.name for blind in devices]
        assert moments[0] == moments[4] < moments[5]
        assert outcome.spread_s == (moments[-1] - moments[0]) / 1e6 < outcome.last_s
        await keeper.close()

    run_virtual(story())


def test_four_devices_on_a_complete_stack_get_their_writes_in_one_instant() -> None:
    async def story() -> None:
        radio = VirtualRadio()
        devices = [device(f"blind{number}", number) for number in range(1, 5)]
        for one in devices:
            await radio.add(one)
        keeper = keeper_of(devices, BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="virtual"))
        await keeper.start()
        outcome = await (await keeper.act_all("all", "set_level", 50)).wait()
        assert {one.verdict for one in outcome.outcomes.values()} == {Verdict.DELIVERED}
        assert outcome.spread_s == 0.0
        applied_at = [blind.applied[0].at_s for blind in devices]
        assert max(applied_at) - min(applied_at) <= 0.03 + 1e-6, "further apart than one connection event"
        await keeper.close()
        await radio.close()

    run_virtual(story())


def test_one_that_is_not_there_delays_the_others_by_the_gathering_time() -> None:
    async def story(house: House) -> None:
        house.rule(LinkMoment.CONNECT, Hang(), device="door")
        fanout = await house.keeper.act_all("all", "set_level", 50, gather=3.0)
        lamp = await fanout.handles["lamp"].wait()
        assert lamp.verdict is Verdict.DELIVERED
        assert now() == pytest.approx(3, abs=0.1)
        with pytest.raises(TimeoutError):
            await fanout.wait(1.0)
        assert fanout.outcome is None
        outcome = await fanout.wait()
        assert outcome.outcomes["door"].cause is Cause.NEVER_SENT
        assert (outcome.spread_s, outcome.refused) == (0.0, {})
        assert outcome.last_s == pytest.approx(now(), abs=0.1)

    live(story)


def test_each_device_has_a_command_of_its_own_that_may_be_taken_back() -> None:
    async def story(house: House) -> None:
        house.rule(LinkMoment.CONNECT, Hang(), device="door")
        fanout = await house.keeper.act_all("all", "set_level", 50)
        await asyncio.sleep(1)
        house.keeper.cancel(fanout.handles["door"].id)
        outcome = await fanout.wait()
        assert outcome.outcomes["door"].cause is Cause.CANCELLED
        assert outcome.outcomes["lamp"].verdict is Verdict.DELIVERED
        assert house.applied("lamp") == [bytes([50])]

    live(story)


def test_what_one_device_refuses_does_not_keep_the_others() -> None:
    async def story(house: House) -> None:
        await asyncio.gather(*[one.wait() for one in await house.keeper.stop("door", latch=True)])
        outcome = await (await house.keeper.act_all("all", "set_level", 50)).wait()
        assert list(outcome.outcomes) == ["lamp"]
        assert isinstance(outcome.refused["door"], StoppedError)

    live(story)


def test_nothing_comes_of_one_that_all_devices_refuse() -> None:
    async def story(house: House) -> None:
        await asyncio.gather(*[one.wait() for one in await house.keeper.stop("all", latch=True)])
        outcome = await (await house.keeper.act_all("all", "set_level", 50)).wait()
        assert (outcome.outcomes, outcome.spread_s, outcome.last_s) == ({}, 0.0, 0.0)
        assert set(outcome.refused) == set(BOTH)

    live(story)


def test_what_cannot_be_written_down_is_refused() -> None:
    async def story(house: House) -> None:
        house.journal.failing = True
        outcome = await (await house.keeper.act_all("all", "set_level", 50)).wait()
        assert [type(error) for error in outcome.refused.values()] == [StorageError, StorageError]
        assert house.applied("lamp") == house.applied("door") == []

    live(story, journal=True)


def test_a_wrong_call_is_told_before_anything_is_queued() -> None:
    async def story(house: House) -> None:
        with pytest.raises(UnknownDeviceError):
            await house.keeper.act_all("attic", "set_level", 50)
        with pytest.raises(UnsupportedError):
            await house.keeper.act_all("all", "open", 50)
        with pytest.raises(UsageError, match="no device"):
            await house.keeper.fanout([])
        with pytest.raises(UsageError, match="more for lamp"):
            await house.keeper.fanout([write(), write(device="F0:00:00:00:00:01"), write(device="door")])
        with pytest.raises(UsageError, match="gather"):
            await house.keeper.fanout([write()], gather=0)
        with pytest.raises(ConflictError):
            await house.keeper.fanout([write(device=name, idempotency_key="tap") for name in BOTH])
        assert house.keeper.status().accepted == 0

    live(story)


def test_a_keeper_that_is_shutting_down_takes_none() -> None:
    async def story(house: House) -> None:
        await house.keeper.close()
        with pytest.raises(QueueClosedError):
            await house.keeper.act_all("all", "set_level", 50)

    live(story)


def test_the_same_keys_give_the_same_commands_again() -> None:
    async def story(house: House) -> None:
        commands = [write(device=name, idempotency_key=f"tap {name}") for name in BOTH]
        first = await house.keeper.fanout(commands)
        again = await house.keeper.fanout(commands)
        assert again.handles == first.handles
        assert await again.wait() == await first.wait()
        assert house.applied("lamp") == [b"x"]

    live(story)


def test_the_record_says_which_commands_belong_together() -> None:
    async def story(house: House) -> None:
        await (await house.keeper.act_all("all", "set_level", 50)).wait()
        rows = [row.record for row in house.journal.rows if isinstance(row.record, Accepted)]
        [together] = {row.command.fanout for row in rows}
        assert together
        assert together not in {row.command.id for row in rows}

    live(story, journal=True)


def test_a_caller_that_goes_away_before_it_is_durable_takes_all_of_it_back() -> None:
    async def story(house: House) -> None:
        calling = asyncio.ensure_future(house.keeper.act_all("all", "set_level", 50))
        await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await asyncio.sleep(30)
        assert {one.cause for one in house.watch.ends} == {Cause.CANCELLED}
        assert house.applied("lamp") == house.applied("door") == []

    live(story, journal=True)
