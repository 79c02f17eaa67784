"""Another book under a running keeper: devices go and come, and nobody is left without an answer."""

import asyncio

import pytest
from house import House, live, now, write

from gattkeeper.errors import QueueClosedError, RefusedError, SettingsError, UnknownDeviceError
from gattkeeper.model.identity import parse_address
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.runtime.departures import PATIENCE_S, leaving
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import Hang, LateResponse, LinkMoment
from sim.scene import Book, device

LAMP, DOOR = (device(name, number).address for number, name in enumerate(("lamp", "door"), start=1))


def book(**addresses) -> Book:
    return Book({name: DeviceRules(address=address) for name, address in addresses.items()})


def names(house: House) -> list[str]:
    return [one.name for one in house.keeper.status().devices]


def test_who_leaves_is_who_is_not_named_or_has_another_place():
    old = Book({"lamp": DeviceRules(address=LAMP), "door": DeviceRules(address=DOOR, adapter="a")})
    known = ("lamp", "door", "F0:00:00:00:00:07")
    assert leaving(old, old, known) == ()
    assert leaving(old, Book({"lamp": DeviceRules(address=LAMP, safety=True, linger_us=1)}), known) == ("door",)
    moved = Book({"lamp": DeviceRules(address=DOOR), "door": DeviceRules(address=LAMP, adapter="a")})
    assert leaving(old, moved, known) == ("lamp", "door")
    named = Book({**old._rules, "fan": DeviceRules(address=parse_address("F0:00:00:00:00:07"))})
    assert leaving(old, named, known) == ("F0:00:00:00:00:07",)


def test_a_device_that_is_named_no_more_is_let_go_of_and_others_do_not_notice():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LateResponse(seconds=1.0), device="lamp")
        flying, waiting = [await house.keeper.submit(write(b"a")), await house.keeper.submit(write(b"b"))]
        while not house.applied():
            await asyncio.sleep(0.01)
        changing = asyncio.create_task(house.keeper.use_book(book(door=DOOR)))
        await asyncio.sleep(0.01)
        with pytest.raises(RefusedError, match="lamp is being let go of"):
            await house.keeper.submit(write(b"c"))
        other = await house.keeper.submit(write(b"d", "door"))
        assert (await waiting.wait()).cause is Cause.CANCELLED
        assert (await flying.wait()).verdict is Verdict.DELIVERED
        await changing
        assert names(house) == ["door"]
        assert (await other.wait()).verdict is Verdict.DELIVERED
        with pytest.raises(UnknownDeviceError):
            await house.keeper.submit(write(b"e"))
        with pytest.raises(UnknownDeviceError):
            await house.keeper.stop("lamp")

    live(story)


def test_an_emergency_stop_of_a_device_that_leaves_is_carried_out():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LateResponse(seconds=1.0), device="lamp", times=1)
        await house.keeper.submit(write(b"a"))
        await asyncio.sleep(0.5)
        changing = asyncio.create_task(house.keeper.use_book(book(door=DOOR)))
        await asyncio.sleep(0.01)
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).verdict is Verdict.DELIVERED
        await changing

    live(story)


def test_a_device_under_another_name_is_served_once_the_old_name_is_gone():
    async def story(house: House) -> None:
        await (await house.keeper.submit(write(b"a"))).wait()
        await house.keeper.use_book(book(light=LAMP))
        assert names(house) == ["light"]
        await (await house.keeper.submit(write(b"b", "light"))).wait()
        await house.keeper.use_book(book(lamp=LAMP, door=DOOR))
        await (await house.keeper.submit(write(b"c"))).wait()
        assert house.applied() == [b"a", b"b", b"c"]

    live(story)


def test_a_safety_device_that_comes_back_is_held_by_what_nobody_resolved():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LateResponse(seconds=9.0), times=1)
        unknown = await (await house.keeper.submit(write(b"a"))).wait()
        assert unknown.verdict is Verdict.UNKNOWN
        old = house.keeper.book
        await house.keeper.use_book(book(door=DOOR))
        await house.keeper.use_book(old)
        held = {one.name: one.latched_by for one in house.keeper.status().devices}
        assert held == {"door": "", "lamp": unknown.command_id}

    live(story, safety=True, journal=True)


def test_a_device_is_known_until_its_outcomes_are_on_record():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LateResponse(seconds=9.0), times=1)
        flying = await house.keeper.submit(write(b"a"))
        await asyncio.sleep(1)
        house.journal.failing = True
        old = house.keeper.book
        changing = asyncio.create_task(house.keeper.use_book(book(door=DOOR)))
        assert (await flying.wait()).verdict is Verdict.UNKNOWN
        await asyncio.sleep(10)
        assert names(house) == ["lamp", "door"]
        house.journal.failing = False
        await changing
        assert names(house) == ["door"]
        await house.keeper.use_book(old)
        assert {one.name: one.latched_by for one in house.keeper.status().devices}["lamp"] == flying.id

    live(story, safety=True, journal=True)


def test_a_stop_finds_a_device_that_is_gone_while_another_one_still_leaves():
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, LateResponse(seconds=4.0), device="door")
        flying = await house.keeper.submit(write(b"a", "door"))
        await asyncio.sleep(1)
        changing = asyncio.create_task(house.keeper.use_book(book()))
        await asyncio.sleep(0.01)
        assert names(house) == ["door"]
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).verdict is Verdict.DELIVERED
        assert (await flying.wait()).verdict is Verdict.DELIVERED
        await changing
        assert names(house) == []

    live(story)


def test_what_does_not_end_is_taken_back_after_a_while():
    async def story(house: House) -> None:
        house.link.away.add("lamp")
        waiting = await house.keeper.submit(write(b"a", deadline_us=3_600_000_000))
        house.rule(LinkMoment.CONNECT, Hang(), device="lamp")
        await asyncio.sleep(1)
        await house.keeper.use_book(book(door=DOOR))
        assert (await waiting.wait()).cause is Cause.CANCELLED
        house.link.away.clear()
        house.rule(LinkMoment.OPERATION, LateResponse(seconds=300.0), device="door")
        flying = await house.keeper.submit(
            write(b"b", "door", attempt_timeout_us=200_000_000, deadline_us=200_000_000)
        )
        await asyncio.sleep(1)
        started_s = now()
        await house.keeper.use_book(book())
        assert (await flying.wait()).verdict is Verdict.UNKNOWN
        assert PATIENCE_S <= now() - started_s < 2 * PATIENCE_S

    live(story)


def test_a_device_that_cannot_be_let_go_of_keeps_the_old_book_in_force():
    async def story(house: House) -> None:
        old = house.keeper.book
        old._stop_deadline_us = 100_000_000
        house.link.adapter_down()
        (stop,) = await house.keeper.stop("lamp")
        with pytest.raises(SettingsError, match="lamp cannot be let go of now"):
            await house.keeper.use_book(book(door=DOOR))
        assert house.keeper.book is old
        house.link.adapter_up()
        assert (await stop.wait()).verdict is Verdict.DELIVERED
        assert (await (await house.keeper.submit(write(b"b"))).wait()).verdict is Verdict.DELIVERED

    live(story)


def test_a_book_that_names_an_adapter_that_is_not_here_is_refused_before_anything_ends():
    async def story(house: House) -> None:
        with pytest.raises(SettingsError, match="no adapter 'second'"):
            await house.keeper.use_book(Book({"door": DeviceRules(address=DOOR, adapter="second")}))
        assert names(house) == ["lamp", "door"]

    live(story)


def test_a_keeper_that_closes_takes_no_other_book():
    async def story(house: House) -> None:
        await house.keeper.close()
        with pytest.raises(QueueClosedError):
            await house.keeper.use_book(book())

    live(story)
