"""Leases as their holders see them, on a simulated link and on Bumble's whole stack, in virtual time."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from conformance.stand import Stand, both, live, put
from gattkeeper.core.limits import Limits
from gattkeeper.errors import (
    CommandNotDeliveredError,
    CommandUnknownError,
    InvalidCommandError,
    QueueClosedError,
    RefusedError,
    UnknownDeviceError,
)
from gattkeeper.model.command import Origin
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read
from gattkeeper.model.outcome import Cause, Phase, Verdict
from gattkeeper.runtime.leases import Lease
from sim.scene import COUNTER, PUSHED, WRITABLE

LINGER_S = 8


async def hold(stand: Stand, name: str = "lamp", **how: object) -> tuple[Lease, list[Fault]]:
    """A lease of the device, and the faults its holder is told."""
    lease = await stand.keeper.lease(name, holder="blind.py", **how)
    told: list[Fault] = []
    lease.on_end = told.append
    return lease, told


def connection(stand: Stand, name: str = "lamp") -> str:
    return next(one.connection for one in stand.keeper.status().devices if one.name == name)


def dispatched(stand: Stand) -> int:
    """How many operations were handed over."""
    return [mark.phase for mark in stand.watch.marks].count(Phase.DISPATCHED)


@both
def test_a_held_connection_stays_until_it_is_closed_and_lingers_out_then(world):
    async def story(stand: Stand) -> None:
        async with await stand.keeper.lease("lamp", holder="blind.py") as lease:
            await asyncio.sleep(120)
            assert lease.active
            assert connection(stand) == "connected"
            (status,) = next(one.leases for one in stand.keeper.status().devices if one.name == "lamp")
            assert (status.lease, status.holder) == (lease.id, "blind.py")
        assert not lease.active
        await asyncio.sleep(LINGER_S + 3)
        assert connection(stand) == "disconnected"
        lease.close()
        lease.renew()

    live(world, story)


@both
def test_it_knows_the_services_and_the_mtu_without_asking_the_device(world):
    async def story(stand: Stand) -> None:
        lease, _ = await hold(stand)
        uuids = {each.uuid for service in lease.services for each in service.characteristics}
        assert characteristic_ref(WRITABLE).uuid in uuids
        assert lease.att_mtu >= 23
        assert stand.lamp.heard == []

    live(world, story)


@both
def test_its_commands_run_and_say_who_asked(world):
    async def story(stand: Stand) -> None:
        lease, _ = await hold(stand, origin=Origin(front="socket", principal="blind.py"))
        handle = await lease.submit(put(b"one"))
        assert (await handle.wait()).verdict is Verdict.DELIVERED
        assert (handle.command.lease, handle.command.origin.principal) == (lease.id, "blind.py")
        assert len(await lease.device.read(COUNTER)) == 4
        await lease.device.write(WRITABLE, b"two", survive_reconnect=True)
        assert [one for one in stand.lamp.heard if isinstance(one, bytes)] == [b"one", b"two"]

    live(world, story)


@both
def test_a_lost_link_is_told_once_and_nothing_of_the_lease_runs_again(world):
    async def story(stand: Stand) -> None:
        lease, told = await hold(stand)
        stand.world.unanswered("write")
        flying = await lease.submit(put(b"flying"))
        waiting = await lease.submit(put(b"waiting"))
        await asyncio.sleep(0.5)
        stand.world.lose(stand.lamp)
        assert (await flying.wait()).verdict is Verdict.UNKNOWN
        assert (await waiting.wait()).verdict is Verdict.NOT_DELIVERED
        await asyncio.sleep(0.1)
        assert [one.kind for one in told] == [FaultKind.LINK_LOST]
        assert lease.fault == told[0]
        with pytest.raises(CommandNotDeliveredError):
            await lease.device.read(COUNTER)
        await asyncio.sleep(60)
        assert connection(stand) == "disconnected"
        assert b"waiting" not in stand.lamp.heard
        assert len(told) == 1

    live(world, story)


@both
def test_two_hold_one_connection_and_the_last_lets_it_go(world):
    async def story(stand: Stand) -> None:
        first, _ = await hold(stand)
        second, _ = await hold(stand)
        first.close()
        await asyncio.sleep(60)
        assert await second.device.read(COUNTER)
        second.close()
        await asyncio.sleep(LINGER_S + 3)
        assert connection(stand) == "disconnected"
        states = [state for name, state in stand.watch.connections if name == "lamp"]
        assert states.count("connected") == 1

    live(world, story)


@both
def test_an_emergency_stop_ends_it(world):
    async def story(stand: Stand) -> None:
        lease, told = await hold(stand)
        (stop,) = await stand.keeper.stop("lamp")
        assert (await stop.wait()).verdict in (Verdict.DELIVERED, Verdict.SENT)
        assert [one.name for one in told] == ["stopped"]
        with pytest.raises(CommandNotDeliveredError):
            await lease.device.write(WRITABLE, b"late")

    live(world, story)


@both
def test_what_is_not_renewed_ends(world):
    async def story(stand: Stand) -> None:
        lease, told = await hold(stand, renew_within=30)
        for _ in range(3):
            await asyncio.sleep(20)
            lease.renew()
        assert lease.active
        await asyncio.sleep(31)
        assert [one.name for one in told] == ["lease_silent"]
        await asyncio.sleep(LINGER_S + 3)
        assert connection(stand) == "disconnected"

    live(world, story)


@both
def test_an_idle_place_goes_to_another_device(world):
    async def story(stand: Stand) -> None:
        _, told = await hold(stand)
        await asyncio.sleep(11)
        assert await stand.keeper.device("door").read(COUNTER)
        assert [one.name for one in told] == ["place_taken"]

    live(world, story, slots=1)


@both
def test_its_notifications_end_with_it_and_not_before(world):
    async def story(stand: Stand) -> None:
        lease, _ = await hold(stand)
        async with lease.device.subscribe(PUSHED) as values:
            stand.lamp.notify(stand.lamp.characteristic(PUSHED), b"one")
            assert await anext(values) == b"one"
            stand.world.lose(stand.lamp)
            with pytest.raises(StopAsyncIteration):
                await anext(values)
            assert values.fault is not None
            assert values.fault.kind is FaultKind.LINK_LOST
        await asyncio.sleep(60)
        assert connection(stand) == "disconnected", "nobody else wants it"

    live(world, story)


@both
def test_its_subscription_is_undone_also_when_it_ends_before_its_connection(world):
    async def story(stand: Stand) -> None:
        await hold(stand)
        lease, _ = await hold(stand)
        async with lease.device.subscribe(PUSHED) as values:
            before = dispatched(stand)
            lease.close()
            with pytest.raises(StopAsyncIteration):
                await anext(values)
            assert values.fault is None
        await asyncio.sleep(1)
        assert dispatched(stand) == before + 1, "the device is told"

    live(world, story)


@both
def test_a_device_that_is_not_there_is_told_as_by_connect_and_nothing_is_left(world):
    async def story(stand: Stand) -> None:
        stand.world.take_away(stand.lamp)
        with pytest.raises(CommandNotDeliveredError):
            await stand.keeper.lease("lamp", holder="blind.py", timeout=3)
        stand.world.bring_back(stand.lamp)
        await asyncio.sleep(40)
        await stand.connected()
        assert [one.leases for one in stand.keeper.status().devices if one.leases] == []

    live(world, story)


@both
def test_who_gives_up_while_it_connects_holds_nothing(world):
    async def story(stand: Stand) -> None:
        task = asyncio.ensure_future(stand.keeper.lease("lamp", holder="blind.py"))
        await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(LINGER_S + 5)
        assert connection(stand) == "disconnected"
        assert [one.leases for one in stand.keeper.status().devices if one.leases] == []

    live(world, story)


def test_one_that_ends_as_soon_as_it_has_come_is_told_by_an_error():
    async def story(stand: Stand) -> None:
        def lose(device: str, state: str, _at_us: int) -> None:
            if state == "connected":
                asyncio.get_running_loop().call_soon(stand.world.lose, stand.lamp)

        stand.watch.connection = lose
        with pytest.raises(CommandNotDeliveredError) as raised:
            await stand.keeper.lease("lamp", holder="blind.py")
        assert raised.value.outcome.cause is Cause.NEVER_SENT
        assert raised.value.outcome.fault.kind is FaultKind.LINK_LOST

    live("simulated", story)


def test_the_holder_is_told_of_another_table():
    async def story(stand: Stand) -> None:
        lease, _ = await hold(stand)
        news: list[int] = []
        lease.on_update = lambda: news.append(len(lease.services))
        await hold(stand, "door")
        before = lease.services
        stand.world.link.change_services("lamp", ())
        await asyncio.sleep(5)
        assert news
        assert lease.services != before

    live("simulated", story)


def test_bad_calls_are_refused_before_anything_is_held():
    async def story(stand: Stand) -> None:
        for how in ({"renew_within": -1.0}, {"timeout": 0.0}, {"deadline": float("nan")}):
            with pytest.raises(InvalidCommandError):
                await stand.keeper.lease("lamp", holder="blind.py", **how)
        with pytest.raises(UnknownDeviceError):
            await stand.keeper.lease("nobody", holder="blind.py")
        await hold(stand)
        with pytest.raises(RefusedError, match="as many programs"):
            await stand.keeper.lease("lamp", holder="second.py")
        await stand.keeper.close()
        with pytest.raises(QueueClosedError):
            await stand.keeper.lease("door", holder="late.py")

    live("simulated", story, limits=Limits(leases_per_device_max=1))


def test_what_the_device_reads_beside_its_commands_is_the_keepers():
    async def story(stand: Stand) -> None:
        lease, _ = await hold(stand)
        with pytest.raises(InvalidCommandError, match="closes it"):
            await lease.device.disconnect()
        async with aclosing(stand.keeper.scan(0.5)) as sightings:
            async for _ in sightings:
                pass
        assert lease.device.advertised_rssi == stand.keeper.advertised_rssi("lamp")
        await lease.device.act("set_level", 5)
        reading = asyncio.ensure_future(lease.device.read(COUNTER))
        await asyncio.sleep(0)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        handle = await lease.submit(Read(target=characteristic_ref(COUNTER)), timeout=1, idempotent=True)
        assert (await handle.wait()).succeeded

    live("simulated", story)


def test_the_keeper_that_closes_ends_it():
    async def story(stand: Stand) -> None:
        lease, told = await hold(stand)
        stand.world.unanswered("write")
        writing = asyncio.ensure_future(lease.device.write(WRITABLE, b"x"))
        await asyncio.sleep(0.1)
        await stand.keeper.close()
        with pytest.raises(CommandUnknownError):
            await writing
        assert [one.name for one in told] == ["closing"]

    live("simulated", story)
