"""An emergency stop in every state of a device: true, before everything else that changes it, and in its bound.

Knows a keeper on a simulated link in virtual time. What the core alone shows of stops stands in `test_cases_stop`,
what a complete stack shows in `test_stop_on_bumble`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import Struct

from gattkeeper.core.limits import Limits
from gattkeeper.errors import RefusedError
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import (
    Composite,
    Disconnect,
    LongWrite,
    Operation,
    Read,
    Sequence,
    Subscribe,
    Write,
    changes_state,
)
from gattkeeper.model.outcome import Outcome, Phase, Verdict
from gattkeeper.runtime.handle import Handle
from gattkeeper.world import Fail, Hang, LinkMoment, LoseRequest, LoseResponse, SeenKind
from runtime.house import LOST, House, live, now, write
from sim.scene import CLOSED, COUNTER, PUSHED, STOP, WRITABLE

OPERATION, CONNECT = LinkMoment.OPERATION, LinkMoment.CONNECT
READ = Read(target=characteristic_ref(COUNTER))
LONG = LongWrite(target=characteristic_ref(WRITABLE), payload=b"x" * 60)

# What the simulated link takes at most, in seconds; the grace and what follows it are the keeper's.
ROUND_TRIP = 2 * 0.03
CONNECTING = 0.1 + 5 * 0.03  # an advertisement, the connection, and four round trips of discovery
GRACE, CONNECT_TIMEOUT, CONNECT_PAUSE, DEADLINE = 0.1, 10.0, 0.25, 30.0
DISCONNECTING = 0.06
SYNC = 2 * 0.01  # rows of the journal that are there

AT_ONCE = ROUND_TRIP
AFTER_AN_ANSWER = 2 * ROUND_TRIP
AFTER_CONNECTING = CONNECTING + ROUND_TRIP
AFTER_A_DROP = GRACE + DISCONNECTING + AFTER_CONNECTING
AFTER_LEAVING = DISCONNECTING + AFTER_CONNECTING
OUTAGE = 3.0
ROUNDING = 0.001


async def connected(house: House) -> None:
    await house.keeper.device("lamp").connect()


async def start(house: House, operation: Operation | Composite, **fields: Any) -> Handle:
    """Submit on a connection that is up, and see it handed over."""
    await connected(house)
    handle = await house.keeper.submit(Command(device="lamp", operation=operation, **fields))
    await asyncio.sleep(0.005)
    assert house.keeper.status().devices[0].in_flight == handle.id
    return handle


async def until_marked(house: House, phase: Phase) -> None:
    while all(mark.phase is not phase for mark in house.watch.marks):
        await asyncio.sleep(0.001)


async def disconnected(house: House) -> None:
    """Nothing was ever asked of it."""


async def idle(house: House) -> None:
    await connected(house)


async def connecting(house: House) -> None:
    await house.keeper.submit(write())
    await until_marked(house, Phase.SCAN)


async def discovering(house: House) -> None:
    await house.keeper.submit(write())
    await until_marked(house, Phase.CONNECTED)


async def behind_a_discovery(house: House) -> None:
    """The one place belongs to another device, whose services are being discovered."""
    await house.keeper.submit(write(device="door"))
    await until_marked(house, Phase.CONNECTED)
    assert house.keeper.status().devices[1].connection == "discovering"


async def connecting_in_vain(house: House) -> None:
    house.rule(CONNECT, Hang(), times=1)
    house.rule(CONNECT, Fail(fault=Fault(kind=FaultKind.TRANSIENT, ran=Ran.NO, stack="test")), times=2)
    await house.keeper.submit(write())
    await until_marked(house, Phase.SCAN)


async def reading(house: House) -> None:
    await start(house, READ)


async def writing_the_same(house: House) -> None:
    await start(house, Write(target=characteristic_ref(STOP), payload=b"x"))


async def writing_another(house: House) -> None:
    await start(house, write().operation)


async def writing_before_many(house: House) -> None:
    await start(house, write().operation)
    for number in range(50):
        await house.keeper.submit(write(bytes([number])))


async def silent(house: House) -> None:
    house.rule(OPERATION, LoseResponse(), kind="write", times=1)
    await start(house, write().operation)


async def in_a_chunk(house: House) -> None:
    await start(house, LONG)


async def between_chunks(house: House) -> None:
    await start(house, LONG)
    await house.keeper.submit(Command(device="lamp", operation=READ, priority=Priority.URGENT))
    while house.keeper.status().devices[0].waiting or not house.applied():
        await asyncio.sleep(0.001)


async def in_a_sequence(house: House) -> None:
    steps = tuple(Write(target=characteristic_ref(WRITABLE), payload=payload) for payload in (b"1", b"2", b"3"))
    await start(house, Sequence(steps=steps, undo=Write(target=characteristic_ref(WRITABLE), payload=b"undo")))
    while len(house.applied()) < 2:
        await asyncio.sleep(0.001)


async def backing_off(house: House) -> None:
    house.rule(OPERATION, Fail(fault=Fault(kind=FaultKind.BUSY, ran=Ran.NO, stack="test")), kind="write", times=1)
    await start(house, write().operation)
    await until_marked(house, Phase.BACKOFF)


async def releasing(house: House) -> None:
    await silent(house)
    house.keeper.cancel(house.watch.accepts[-1])


async def parked(house: House) -> None:
    await connected(house)
    await house.keeper.submit(write(survive_reconnect=True))
    house.link.adapter_down()
    asyncio.get_running_loop().call_later(OUTAGE, house.link.adapter_up)


async def latched(house: House) -> None:
    await silent(house)
    house.link.lose("lamp", LOST)
    await asyncio.sleep(0.2)
    assert house.keeper.status().devices[0].latched_by


async def given_up(house: House) -> None:
    house.rule(CONNECT, Fail(fault=Fault(kind=FaultKind.UNREACHABLE, ran=Ran.NO, stack="test")), times=1)
    await (await house.keeper.submit(write())).wait()
    assert house.keeper.status().devices[0].availability == "unavailable"


async def full(house: House) -> None:
    await writing_another(house)
    for number in range(3):
        await house.keeper.submit(write(bytes([number])))


async def journal_failing(house: House) -> None:
    await connected(house)
    house.journal.failing = True


async def being_recorded(house: House) -> None:
    await connected(house)
    handing_over = asyncio.ensure_future(house.keeper.submit(write()))
    await asyncio.sleep(0)
    assert house.keeper.status().devices[0].in_flight, "its intent is on the way to the disk"
    assert not handing_over.done()


async def restoring(house: House) -> None:
    handle = await start(house, Subscribe(target=characteristic_ref(PUSHED)))
    await handle.wait()
    rule = house.rule(OPERATION, LoseRequest(), kind="subscribe", times=1)
    house.link.lose("lamp", LOST)
    while not rule.fired:
        await asyncio.sleep(0.001)


async def left_alone(house: House) -> None:
    """Only a subscription wants it, and it was not there: the next connection is half a minute away."""
    await (await start(house, Subscribe(target=characteristic_ref(PUSHED)))).wait()
    rule = house.rule(CONNECT, Fail(fault=Fault(kind=FaultKind.UNREACHABLE, ran=Ran.NO, stack="test")), times=1)
    house.link.lose("lamp", LOST)
    while not rule.fired:
        await asyncio.sleep(0.001)
    await asyncio.sleep(1)


async def pairing(house: House) -> None:
    rule = house.rule(OPERATION, LoseRequest(), kind="pair", times=1)
    await start(house, Write(target=characteristic_ref(CLOSED), payload=b"x"))
    while not rule.fired:
        await asyncio.sleep(0.001)


async def leaving(house: House) -> None:
    await connected(house)
    await house.keeper.submit(Command(device="lamp", operation=Disconnect()))


async def stopping(house: House) -> None:
    await connected(house)
    await house.keeper.stop("lamp")


class Situation(Struct, frozen=True, kw_only=True):
    """A state, how long a stop may take from there, and what the house has for it."""

    arrive: Callable[[House], Awaitable[None]]
    bound_s: float
    house: dict[str, Any] = {}


SITUATIONS = (
    Situation(arrive=disconnected, bound_s=AFTER_CONNECTING),
    Situation(arrive=idle, bound_s=AT_ONCE),
    Situation(arrive=connecting, bound_s=AFTER_CONNECTING),
    Situation(arrive=discovering, bound_s=AFTER_CONNECTING),
    Situation(arrive=behind_a_discovery, bound_s=AFTER_CONNECTING, house={"slots": 1}),
    Situation(arrive=connecting_in_vain, bound_s=CONNECT_TIMEOUT + 3 * (CONNECT_PAUSE + AFTER_CONNECTING)),
    Situation(arrive=reading, bound_s=AFTER_AN_ANSWER),
    Situation(arrive=writing_the_same, bound_s=AFTER_AN_ANSWER),
    Situation(arrive=writing_another, bound_s=AFTER_AN_ANSWER),
    Situation(arrive=writing_before_many, bound_s=AFTER_AN_ANSWER),
    Situation(arrive=silent, bound_s=AFTER_A_DROP),
    Situation(arrive=in_a_chunk, bound_s=AFTER_AN_ANSWER),
    Situation(arrive=between_chunks, bound_s=AFTER_AN_ANSWER),
    Situation(arrive=in_a_sequence, bound_s=AFTER_AN_ANSWER),
    Situation(arrive=backing_off, bound_s=AT_ONCE),
    Situation(arrive=releasing, bound_s=AFTER_A_DROP),
    Situation(arrive=parked, bound_s=OUTAGE + DISCONNECTING + AFTER_CONNECTING),
    Situation(arrive=latched, bound_s=AFTER_CONNECTING, house={"safety": True, "journal": True}),
    Situation(arrive=given_up, bound_s=AFTER_CONNECTING, house={"limits": Limits(breaker_failures_max=1)}),
    Situation(arrive=full, bound_s=AFTER_AN_ANSWER, house={"limits": Limits(queue_per_device_max=3)}),
    Situation(arrive=journal_failing, bound_s=AT_ONCE, house={"journal": True}),
    Situation(arrive=being_recorded, bound_s=AT_ONCE + SYNC, house={"journal": True}),
    Situation(arrive=restoring, bound_s=AFTER_A_DROP + ROUND_TRIP),
    Situation(arrive=left_alone, bound_s=AFTER_CONNECTING + ROUND_TRIP),
    Situation(arrive=pairing, bound_s=AFTER_A_DROP),
    Situation(arrive=leaving, bound_s=AFTER_LEAVING),
    Situation(arrive=stopping, bound_s=AT_ONCE),
)


def begun(house: House, since_s: float, until_s: float) -> list[bytes]:
    """The payloads of what began to change the lamp between those moments, in order."""
    return [
        one.operation.payload
        for one in house.link.log.of("lamp")
        if one.kind is SeenKind.REQUEST and since_s < one.at_s < until_s and changes_state(one.operation)
    ]


async def stop(house: House, bound_s: float) -> Outcome:
    """Stop the lamp; the verdict is true, nothing else began before it, and it came in its bound."""
    asked_at = now()
    (handle,) = await house.keeper.stop("lamp")
    with pytest.raises(RefusedError):
        await house.keeper.submit(write(b"late"))
    outcome = await handle.wait()
    took_s = now() - asked_at
    assert took_s <= bound_s + ROUNDING
    began = begun(house, asked_at, now())
    assert all(payload.startswith(b"S") for payload in began), began
    arrived = any(payload.startswith(b"S") for payload in house.applied())
    assert (outcome.verdict is Verdict.DELIVERED) is arrived
    return outcome


async def is_usable(house: House) -> None:
    """Once faults stop, and what a latch is about is resolved."""
    house.link.rules.clear()
    if house.journal is not None:
        house.journal.failing = False
    latched_by = house.keeper.status().devices[0].latched_by
    if latched_by:
        await house.keeper.resolve(latched_by, applied=True, who="a person", why="looked")
    await asyncio.sleep(60)
    assert (await (await house.keeper.submit(write(b"after"))).wait()).succeeded
    assert house.applied()[-1] == b"after"


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.arrive.__name__)
def test_f65_a_stop_is_true_first_and_in_its_bound_and_the_device_is_usable_afterwards(
    situation: Situation,
) -> None:
    async def story(house: House) -> None:
        await situation.arrive(house)
        assert (await stop(house, situation.bound_s)).verdict is Verdict.DELIVERED
        assert sum(payload.startswith(b"S") for payload in house.applied()) == 1
        await is_usable(house)

    live(story, **situation.house)


def test_f65_the_undo_of_a_sequence_is_written_after_the_stop_and_nothing_else_is() -> None:
    async def story(house: House) -> None:
        await in_a_sequence(house)
        await stop(house, AFTER_AN_ANSWER)
        await asyncio.sleep(1)
        assert [payload[:1] for payload in house.applied()] == [b"1", b"2", b"S", b"u"]

    live(story)


def test_f65_a_stop_while_the_keeper_shuts_down_is_the_last_thing_it_does() -> None:
    async def story(house: House) -> None:
        await writing_before_many(house)
        closing = asyncio.ensure_future(house.keeper.close())
        await asyncio.sleep(0)
        assert (await stop(house, AFTER_AN_ANSWER)).verdict is Verdict.DELIVERED
        await closing
        assert [payload[:1] for payload in house.applied()] == [b"x", b"S"]

    live(story)


@pytest.mark.parametrize("gone", ["out of reach", "adapter off"])
def test_f66_a_stop_of_a_device_that_is_gone_tells_so_in_its_bound(gone: str) -> None:
    async def story(house: House) -> None:
        await connected(house)
        if gone == "adapter off":
            house.link.adapter_down()
        else:
            house.rule(CONNECT, Hang())
            house.link.lose("lamp", LOST)
        assert (await stop(house, DEADLINE)).verdict is Verdict.NOT_DELIVERED
        house.link.adapter_up()
        await asyncio.sleep(120)
        assert house.applied() == [], "not later either"
        await is_usable(house)

    live(story)
