"""A device as library users hold it: sequential code over a radio that is not."""

import asyncio

import pytest
from house import LOST, House, live, now

from gattkeeper.errors import (
    CommandCancelledError,
    CommandNotDeliveredError,
    CommandSupersededError,
    CommandUnknownError,
    ConflictError,
    InvalidCommandError,
    UnsupportedError,
)
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef, Property
from gattkeeper.model.operation import Phy, ReadDescriptor
from gattkeeper.model.outcome import Cause, ConnectionParameters, Phys, Verdict
from gattkeeper.world import Fail, Hang, LinkMoment, LoseLink, LoseResponse, VirtualCharacteristic, VirtualService
from sim.scene import CLOSED, COUNTER, PUSHED, SERVICE, WRITABLE

OPERATION, CONNECT = LinkMoment.OPERATION, LinkMoment.CONNECT


def test_reading_and_writing_reads_like_sequential_code():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        assert repr(lamp) == "Device('lamp')"
        written = await lamp.write(WRITABLE, bytearray(b"\x49"), priority=Priority.INTERACTIVE, timeout=5.0)
        assert (written.verdict, written.cause) == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
        assert await lamp.read(WRITABLE) == await lamp.read((SERVICE, WRITABLE)) == await lamp.read(3) == b"\x49"
        sent = await lamp.write(WRITABLE, b"z", response=False)
        assert (sent.verdict, sent.cause) == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)

    live(story)


def test_every_procedure_of_the_link_is_a_call():
    async def story(house: House) -> None:
        lamp = house.keeper.device(house.lamp.address.value.lower())
        assert lamp.name == "lamp", "an address is the same device"
        await lamp.connect()
        assert await lamp.request_mtu(100) == 100
        assert await lamp.rssi() == -50
        assert [service.uuid[4:8] for service in await lamp.services()] == [SERVICE]
        await lamp.pair()
        await lamp.write(CLOSED, b"x")
        await lamp.disconnect()
        assert house.keeper.status().devices[0].connection == "disconnected"

    live(story)


def test_a_write_that_waits_returns_what_the_device_answers():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        pushed = house.lamp.characteristic(PUSHED)
        house.lamp.characteristic(WRITABLE).on_write = lambda payload: house.lamp.notify(pushed, b"\x02" + payload)
        assert await lamp.write_then_wait(WRITABLE, b"x", answer=PUSHED, response=False) == b"\x02x"
        with pytest.raises(CommandUnknownError) as caught:
            await lamp.write_then_wait(WRITABLE, b"y", answer=PUSHED, starts_with=b"\x03", timeout=0.5)
        assert caught.value.outcome.fault.name == "no_app_ack"
        for wrong in ({"timeout": 0.0}, {"starts_with": bytes(513)}, {"answer": "pulse"}):
            with pytest.raises(InvalidCommandError):
                await lamp.write_then_wait(WRITABLE, b"z", **{"answer": PUSHED, **wrong})
        with pytest.raises(CommandNotDeliveredError):
            await lamp.write_then_wait(WRITABLE, b"z", answer=COUNTER)
        assert house.applied() == [b"x", b"y"], "a characteristic that cannot notify: nothing is written"

    live(story)


def test_an_action_of_the_profile_is_a_command_with_its_label():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        outcome = await lamp.act("set_level", 73, idempotency_key="tap")
        again = await lamp.act("set_level", 73, idempotency_key="tap")
        assert house.keeper.handle(outcome.command_id).command.label == "set_level 73"
        assert outcome == again
        assert house.applied() == [b"\x49"]
        with pytest.raises(UnsupportedError, match="it has set_level"):
            await lamp.act("fly")
        with pytest.raises(InvalidCommandError, match="0 to 100"):
            await lamp.act("set_level", 101)

    live(story)


@pytest.mark.parametrize(
    "call",
    [
        lambda lamp: lamp.write(WRITABLE, b""),
        lambda lamp: lamp.write(WRITABLE, bytes(513)),
        lambda lamp: lamp.write(WRITABLE, b"x", timeout=0),
        lambda lamp: lamp.write(WRITABLE, b"x", deadline=float("nan")),
        lambda lamp: lamp.write(WRITABLE, b"x", queue_timeout=-1),
        lambda lamp: lamp.read("nonsense"),
        lambda lamp: lamp.read(0),
        lambda lamp: lamp.request_mtu(22),
    ],
    ids=["empty", "too long", "no time", "nan", "negative", "no UUID", "no handle", "MTU"],
)
def test_a_wrong_call_is_refused_before_anything_is_queued(call):
    async def story(house: House) -> None:
        with pytest.raises(InvalidCommandError):
            await call(house.keeper.device("lamp"))
        assert house.keeper.status().accepted == 0

    live(story)


def test_a_refusal_of_the_device_is_an_exception_with_the_outcome():
    async def story(house: House) -> None:
        with pytest.raises(CommandNotDeliveredError, match="rejected") as refused:
            await house.keeper.device("lamp").write(COUNTER, b"x")
        assert refused.value.outcome.cause is Cause.REJECTED
        assert refused.value.outcome.fault.code == 0x03

    live(story)


def test_a_write_whose_answer_is_lost_is_unknown_and_the_next_one_works():
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseResponse(), times=1)
        lamp = house.keeper.device("lamp")
        with pytest.raises(CommandUnknownError) as unknown:
            await lamp.write(WRITABLE, b"a", timeout=1.0)
        assert unknown.value.outcome.cause is Cause.TIMED_OUT_IN_FLIGHT
        await lamp.write(WRITABLE, b"b", survive_reconnect=True)  # the stalled link is dropped first
        assert house.applied() == [b"a", b"b"]

    live(story)


def test_an_idempotent_write_is_repeated_and_says_how_often():
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseLink(fault=LOST, applied=True), times=1)
        outcome = await house.keeper.device("lamp").write(WRITABLE, b"a", idempotent=True, survive_reconnect=True)
        assert [attempt.fault for attempt in outcome.attempts] == [LOST, None]
        assert house.applied() == [b"a", b"a"]

    live(story)


def test_cancelling_the_calling_task_takes_a_waiting_command_back():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        call = asyncio.ensure_future(lamp.write(WRITABLE, b"x"))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(5)
        assert house.applied() == []
        assert [end.cause for end in house.watch.ends] == [Cause.CANCELLED]

    live(story)


def test_cancelling_the_calling_task_leaves_a_command_in_flight_unknown():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        await lamp.connect()
        call = asyncio.ensure_future(lamp.write(WRITABLE, b"x"))
        await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await lamp.read(WRITABLE) == b"x", "the bearer was freed by the late answer"
        assert [end.cause for end in house.watch.ends[1:2]] == [Cause.CANCELLED_IN_FLIGHT]

    live(story)


def test_of_waiting_writes_with_one_key_the_newest_stays_and_the_older_is_told():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        older = asyncio.ensure_future(lamp.write(WRITABLE, b"73", coalesce_key="position"))
        await asyncio.sleep(0)
        newer = await lamp.write(WRITABLE, b"55", coalesce_key="position")
        with pytest.raises(CommandSupersededError) as superseded:
            await older
        assert superseded.value.outcome.by == newer.command_id
        assert house.applied() == [b"55"]

    live(story)


def test_disconnecting_cancels_what_waits():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        waiting = asyncio.ensure_future(lamp.write(WRITABLE, b"x"))
        await asyncio.sleep(0)
        await lamp.disconnect()
        with pytest.raises(CommandCancelledError):
            await waiting
        assert house.applied() == []

    live(story)


def test_a_device_out_of_reach_is_told_within_the_deadline_and_the_other_one_works():
    async def story(house: House) -> None:
        house.rule(CONNECT, Hang(), device="lamp")
        lamp = asyncio.ensure_future(house.keeper.device("lamp").read(COUNTER, deadline=3.0))
        with pytest.raises(CommandNotDeliveredError) as late:
            await lamp
        assert now() == pytest.approx(3.0, abs=0.01)
        assert late.value.outcome.cause is Cause.EXPIRED
        assert await house.keeper.device("door").read(COUNTER) == b"\x00\x00\x00\x01"

    live(story)


def test_subscribers_of_one_characteristic_share_a_registration():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        attribute = house.lamp.characteristic(PUSHED)
        async with lamp.subscribe(PUSHED) as first:
            async with lamp.subscribe(PUSHED) as second:
                house.lamp.notify(attribute, b"1")
                assert (await anext(first), await anext(second)) == (b"1", b"1")
            house.lamp.notify(attribute, b"2")
            assert await anext(first) == b"2"
            assert house.keeper.status().devices[0].subscriptions == 1
        await asyncio.sleep(1)
        assert house.keeper.status().devices[0].subscriptions == 0

    live(story)


def test_notifications_of_a_device_are_had_by_its_name_too():
    async def story(house: House) -> None:
        async with house.keeper.notifications("lamp", PUSHED) as values:
            house.lamp.notify(house.lamp.characteristic(PUSHED), b"1")
            assert await anext(values) == b"1"

    live(story)


def test_a_subscription_is_restored_after_the_link_was_lost():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        async with lamp.subscribe(PUSHED) as values:
            house.link.lose("lamp", LOST)
            await asyncio.sleep(5)
            house.lamp.notify(house.lamp.characteristic(PUSHED), b"again")
            assert await asyncio.wait_for(anext(values), 1) == b"again"

    live(story)


def test_a_subscription_that_cannot_be_restored_ends_with_its_fault():
    async def story(house: House) -> None:
        refused = Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="test")
        lamp = house.keeper.device("lamp")
        async with lamp.subscribe(PUSHED) as values:
            house.rule(OPERATION, Fail(fault=refused), kind="subscribe")
            house.link.lose("lamp", LOST)
            assert [payload async for payload in values] == []
            assert values.fault == refused

    live(story)


def test_a_subscription_that_is_refused_leaves_no_reader_behind():
    async def story(house: House) -> None:
        with pytest.raises(CommandNotDeliveredError):
            async with house.keeper.device("lamp").subscribe(COUNTER):
                raise AssertionError("it cannot notify")
        assert not house.keeper.hub._readers["lamp"]

    live(story)


def test_what_lies_below_attributes_is_a_call_too():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        assert await lamp.phy() == Phys(tx=Phy.LE_1M, rx=Phy.LE_1M)
        assert await lamp.set_phy(tx="2m") == Phys(tx=Phy.LE_2M, rx=Phy.LE_1M)
        assert await lamp.set_phy(rx=Phy.LE_CODED) == Phys(tx=Phy.LE_2M, rx=Phy.LE_CODED) == await lamp.phy()
        pace = await lamp.request_connection_parameters(interval_min=0.0075, interval_max=0.02, latency=1)
        assert pace == ConnectionParameters(interval_us=20_000, latency=1, supervision_timeout_us=5_000_000)
        assert (await lamp.request_connection_priority("low_power")).interval_us == 125_000

    live(story)


def test_unpairing_is_delivered_although_the_connection_ends_with_it():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        await lamp.pair()
        await lamp.unpair()
        await asyncio.sleep(1)
        assert [outcome.verdict for outcome in house.watch.ends] == [Verdict.DELIVERED] * 2
        with pytest.raises(UnsupportedError):
            await lamp.run(
                Command(
                    device="lamp", operation=ReadDescriptor(target=CharacteristicRef(handle=3), descriptor="2901")
                )
            )

    live(story)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda lamp: lamp.set_phy(tx="3m"), "tx is 1m or 2m or coded, not '3m'"),
        (lambda lamp: lamp.set_phy(rx="fast"), "rx is 1m or 2m or coded, not 'fast'"),
        (lambda lamp: lamp.request_connection_priority("fast"), "high or balanced or low_power, not 'fast'"),
        (
            lambda lamp: lamp.request_connection_parameters(interval_min=0.03, interval_max=5.0),
            "from 7.5 ms to 4 s",
        ),
        (
            lambda lamp: lamp.request_connection_parameters(interval_min=0, interval_max=1.0),
            "interval_min must be",
        ),
        (lambda lamp: lamp.subscribe(PUSHED, kind="both").__aenter__(), "kind is either or notify or indicate"),
    ],
)
def test_figures_and_names_that_do_not_exist_are_refused_before_anything_is_queued(call, said):
    async def story(house: House) -> None:
        with pytest.raises(InvalidCommandError, match=said):
            await call(house.keeper.device("lamp"))
        assert house.watch.ends == []

    live(story)


def test_a_second_subscriber_with_the_other_kind_is_told_of_the_conflict():
    async def story(house: House) -> None:
        both = VirtualCharacteristic("fe58", Property.NOTIFY | Property.INDICATE)
        house.lamp.services = (VirtualService("fe57", (both,)),)
        lamp = house.keeper.device("lamp")
        async with lamp.subscribe("fe58", kind="indicate") as values:
            with pytest.raises(ConflictError, match="the other way already"):
                async with lamp.subscribe("fe58", kind="notify"):
                    raise AssertionError("the first one has indications")
            house.lamp.notify(both, b"1")
            assert await asyncio.wait_for(anext(values), 1) == b"1"

    live(story)
