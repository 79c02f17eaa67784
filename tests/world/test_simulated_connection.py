"""Operations on a simulated connection, and everything that can happen to them."""

import asyncio

import pytest
from simulated_owner import Scene, fault_of, hangs, play

from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef, Property, characteristic_ref
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    Pair,
    Phy,
    Read,
    ReadDescriptor,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    RequestMtu,
    SetPhy,
    Subscribe,
    SubscriptionKind,
    Unpair,
    Unsubscribe,
    Write,
    WriteMode,
)
from gattkeeper.model.outcome import ConnectionParameters, Phys
from gattkeeper.world import (
    Fail,
    LateRequest,
    LateResponse,
    LinkMoment,
    LoseLink,
    LoseRequest,
    LoseResponse,
    Pretend,
    Raise,
    SeenKind,
    VirtualCharacteristic,
    VirtualService,
)
from gattkeeper.world.simulated_connection import STALE_TABLE
from sim.scene import CLOSED, COUNTER, PUSHED, WRITABLE

WRITE = Write(target=characteristic_ref(WRITABLE), payload=b"x")
COMMAND = Write(target=characteristic_ref(WRITABLE), payload=b"y", mode=WriteMode.WITHOUT_RESPONSE)
READ = Read(target=characteristic_ref(COUNTER))
LOST = Fault(kind=FaultKind.LINK_LOST, stack="test", code=0x08)
BUSY = Fault(kind=FaultKind.BUSY, stack="test")
OPERATION = LinkMoment.OPERATION


def payloads(scene: Scene) -> list[bytes]:
    return [applied.payload for applied in scene.lamp.applied]


def kinds(scene: Scene) -> list[SeenKind]:
    return [entry.kind for entry in scene.link.log.of("lamp")]


def test_a_write_is_applied_and_then_answered_within_two_intervals():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        before = asyncio.get_running_loop().time()
        assert await connection.perform(WRITE) is None
        assert 0.03 < asyncio.get_running_loop().time() - before <= 0.06
        assert payloads(scene) == [b"x"]
        assert kinds(scene)[-3:] == [SeenKind.REQUEST, SeenKind.APPLIED, SeenKind.ANSWERED]

    play(story)


def test_a_write_without_response_returns_at_once_and_is_applied_later():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        await connection.perform(COMMAND)
        assert payloads(scene) == []
        await asyncio.sleep(0.04)
        assert payloads(scene) == [b"y"]

    play(story)


def test_every_operation_brings_back_what_it_is_for():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        assert connection.att_mtu == 23
        assert await connection.perform(RequestMtu(att_mtu=100)) == connection.att_mtu == 100
        assert await connection.perform(READ) == b"\x00\x00\x00\x01"
        assert await connection.perform(ReadRssi()) == -50
        assert await connection.perform(DiscoverServices()) == connection.services
        assert await connection.perform(Connect()) is None

    play(story)


def test_handles_are_numbered_as_a_server_does_and_point_at_characteristics():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        (service,) = connection.services
        assert [one.handle for one in service.characteristics] == [3, 5, 7, 10, 12, 14, 16]  # 8 is a CCCD
        assert await connection.perform(Read(target=CharacteristicRef(handle=5))) == b"\x00\x00\x00\x01"

    play(story)


def test_notifications_come_between_subscribe_and_unsubscribe_only():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        attribute = scene.lamp.characteristic(PUSHED)
        target = characteristic_ref(PUSHED)
        for step, payload in ((None, b"0"), (Subscribe(target=target), b"1"), (Unsubscribe(target=target), b"2")):
            if step is not None:
                await connection.perform(step)
            scene.lamp.notify(attribute, payload)
            await asyncio.sleep(1)
        assert scene.heard.payloads == [b"1"]

    play(story)


@pytest.mark.parametrize(
    ("operation", "code", "kind"),
    [
        (Read(target=characteristic_ref("ffff")), 0x01, FaultKind.REJECTED),
        (Write(target=characteristic_ref(COUNTER), payload=b"x"), 0x03, FaultKind.REJECTED),
        (Write(target=characteristic_ref(CLOSED), payload=b"x"), 0x0F, FaultKind.NEEDS_PAIRING),
        (Subscribe(target=characteristic_ref(COUNTER)), 0x06, FaultKind.REJECTED),
        (ReadDescriptor(target=characteristic_ref(COUNTER), descriptor="2901"), 0x06, FaultKind.REJECTED),
    ],
    ids=["no such characteristic", "not writable", "not paired", "cannot notify", "no descriptors"],
)
def test_a_device_refuses_with_its_att_error(operation, code: int, kind: FaultKind):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        fault = await fault_of(connection.perform(operation))
        assert (fault.kind, fault.ran, fault.code) == (kind, Ran.REFUSED, code)
        assert payloads(scene) == []

    play(story)


def test_pairing_opens_what_was_closed_on_later_connections_too():
    async def story(scene: Scene) -> None:
        closed = Write(target=characteristic_ref(CLOSED), payload=b"x")
        connection = await scene.connect()
        await connection.perform(Pair())
        await connection.perform(closed)
        await connection.disconnect()
        again = await scene.connect()
        await again.perform(closed)
        assert payloads(scene) == [b"x", b"x"]

    play(story)


@pytest.mark.parametrize(
    ("action", "applied"),
    [(LoseRequest(), []), (LoseResponse(), [b"x"])],
)
def test_what_is_lost_on_the_air_never_answers(action, applied: list[bytes]):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, action, times=1)
        assert await hangs(connection.perform(WRITE))
        assert payloads(scene) == applied
        await connection.perform(COMMAND)  # needs no answer
        assert scene.link.log.violations == []
        await connection.perform(READ)
        assert len(scene.link.log.violations) == 1, "the lost one still occupies the connection"

    play(story)


@pytest.mark.parametrize(("action", "applied"), [(LateRequest(seconds=3), []), (LateResponse(seconds=3), [b"x"])])
def test_what_is_late_answers_later_also_when_nobody_waits(action, applied: list[bytes]):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, action, times=1)
        assert await hangs(connection.perform(WRITE), 1.0)
        assert payloads(scene) == applied
        await asyncio.sleep(3)
        assert payloads(scene) == [b"x"]
        await connection.perform(READ)
        assert scene.link.log.violations == []

    play(story)


def test_a_late_request_is_gone_when_the_connection_is():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, LateRequest(seconds=3))
        call = asyncio.ensure_future(fault_of(connection.perform(WRITE)))
        await asyncio.sleep(1)
        await connection.disconnect()
        assert (await call).ran is Ran.MAYBE
        await asyncio.sleep(5)
        assert payloads(scene) == []

    play(story)


@pytest.mark.parametrize(("applied", "there"), [(False, []), (True, [b"x"])])
def test_a_call_may_fail_with_any_fault_and_be_carried_out_all_the_same(applied: bool, there: list[bytes]):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, Fail(fault=BUSY, applied=applied))
        assert await fault_of(connection.perform(WRITE)) == BUSY
        assert payloads(scene) == there

    play(story)


@pytest.mark.parametrize(("applied", "there"), [(False, []), (True, [b"x"])])
def test_the_link_may_break_under_a_request(applied: bool, there: list[bytes]):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, LoseLink(fault=LOST, applied=applied, told=2))
        assert await fault_of(connection.perform(WRITE)) == LOST
        await asyncio.sleep(1)
        assert scene.heard.faults == [LOST, LOST], "told twice, as the rule says"
        assert payloads(scene) == there
        assert (await fault_of(connection.perform(WRITE))).ran is Ran.NO

    play(story)


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyError])
def test_a_link_may_raise_what_no_link_should(error: type[BaseException]):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, Raise(error=error, applied=True))
        with pytest.raises(error):
            await connection.perform(WRITE)
        assert payloads(scene) == [b"x"]

    play(story)


def test_a_device_may_acknowledge_what_it_does_not_do():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, Pretend())
        assert await connection.perform(WRITE) is None
        assert payloads(scene) == []
        assert kinds(scene)[-2:] == [SeenKind.PRETENDED, SeenKind.ANSWERED]

    play(story)


def test_a_refusal_for_an_old_table_stands_in_the_log():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        await connection.perform(WRITE)
        scene.lamp.services = (*scene.lamp.services, VirtualService("fe57", ()))
        assert (await fault_of(connection.perform(WRITE))).kind is FaultKind.STALE
        assert [entry.fault for entry in scene.link.log.seen if entry.fault] == [STALE_TABLE]

    play(story)


def test_disconnecting_takes_its_time_and_tells_the_owner_once():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        before = asyncio.get_running_loop().time()
        await connection.disconnect()
        assert asyncio.get_running_loop().time() - before == pytest.approx(2.0)
        await connection.disconnect()
        await asyncio.sleep(1)
        assert [fault.code for fault in scene.heard.faults] == [0x16]

    play(story, disconnect_s=2.0)


def test_disconnect_as_an_operation_ends_the_connection():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        assert (await fault_of(connection.perform(Disconnect()))).kind is FaultKind.LINK_LOST
        assert kinds(scene)[-1] is SeenKind.DOWN

    play(story)


def test_unpairing_closes_what_was_open_and_ends_the_connection_after_its_answer():
    async def story(scene: Scene) -> None:
        closed = Write(target=characteristic_ref(CLOSED), payload=b"x")
        connection = await scene.connect()
        await connection.perform(Pair())
        assert await connection.perform(Unpair()) is None
        assert scene.heard.faults == []
        await asyncio.sleep(1)
        assert [fault.code for fault in scene.heard.faults] == [0x16]
        again = await scene.connect()
        assert (await fault_of(again.perform(closed))).kind is FaultKind.NEEDS_PAIRING

    play(story)


def test_an_unpairing_that_failed_changes_nothing():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        await connection.perform(Pair())
        scene.rule(OPERATION, Fail(fault=BUSY), times=1)
        assert await fault_of(connection.perform(Unpair())) == BUSY
        await asyncio.sleep(1)
        await connection.perform(Write(target=characteristic_ref(CLOSED), payload=b"x"))
        assert scene.heard.faults == []

    play(story)


def test_phys_are_what_was_asked_for_on_this_connection_only():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        start = Phys(tx=Phy.LE_1M, rx=Phy.LE_1M)
        assert await connection.perform(ReadPhy()) == start
        agreed = Phys(tx=Phy.LE_2M, rx=Phy.LE_1M)
        assert await connection.perform(SetPhy(tx=Phy.LE_2M)) == agreed == await connection.perform(ReadPhy())
        assert await connection.perform(SetPhy(rx=Phy.LE_CODED)) == Phys(tx=Phy.LE_2M, rx=Phy.LE_CODED)
        await connection.disconnect()
        assert await (await scene.connect()).perform(ReadPhy()) == start

    play(story)


def test_another_pace_is_kept_from_then_on():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        slow = RequestConnectionParameters(interval_min_us=500_000, interval_max_us=1_000_000, latency=1)
        assert await connection.perform(slow) == ConnectionParameters(
            interval_us=1_000_000, latency=1, supervision_timeout_us=5_000_000
        )
        before = asyncio.get_running_loop().time()
        await connection.perform(WRITE)
        assert 1.0 < asyncio.get_running_loop().time() - before <= 2.0
        wrong = RequestConnectionParameters(interval_min_us=1, interval_max_us=1)
        fault = await fault_of(connection.perform(wrong))
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "invalid_parameters")

    play(story)


def test_two_kinds_of_one_subscription_are_a_conflict():
    async def story(scene: Scene) -> None:
        both = VirtualCharacteristic("fe58", Property.NOTIFY | Property.INDICATE)
        scene.lamp.services = (VirtualService("fe57", (both,)),)
        connection = await scene.connect()
        target = characteristic_ref("fe58")
        for kind, other in (
            (SubscriptionKind.INDICATE, SubscriptionKind.NOTIFY),
            (SubscriptionKind.NOTIFY, SubscriptionKind.INDICATE),
            (SubscriptionKind.EITHER, SubscriptionKind.INDICATE),
        ):
            for each in (kind, kind, SubscriptionKind.EITHER):
                await connection.perform(Subscribe(target=target, kind=each))
            fault = await fault_of(connection.perform(Subscribe(target=target, kind=other)))
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "subscription_kind")
            scene.lamp.notify(both, b"1")
            await asyncio.sleep(1)
            await connection.perform(Unsubscribe(target=target))
        assert scene.heard.payloads == [b"1"] * 3

    play(story)


def test_a_kind_that_a_characteristic_has_not_is_refused():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        wanted = Subscribe(target=characteristic_ref(PUSHED), kind=SubscriptionKind.INDICATE)
        fault = await fault_of(connection.perform(wanted))
        assert (fault.kind, fault.ran, fault.code) == (FaultKind.REJECTED, Ran.REFUSED, 0x06)

    play(story)
