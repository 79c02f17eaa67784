"""Cases on a complete stack: a keeper over Bumble, on a virtual radio, in virtual time.

Numbers are those of the conformance list. What the device did is taken from the device's own log.
"""

import asyncio

from bumble import hci
from bumble.device import Connection

from conformance.air import Air, live
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.operation import Phy, Read
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.world import VirtualCharacteristic, VirtualService
from gattkeeper.world.radio_rules import AttOpcode, Delay, Drop, Match, Moment, Rule
from runtime.house import write
from sim.scene import COUNTER, PUSHED, SERVICE, STOP, WRITABLE

WRITE_RESPONSE = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE, times=1)


def test_c02_equals_reach_the_device_in_the_order_they_came() -> None:
    async def story(air: Air) -> None:
        handles = [await air.keeper.submit(write(bytes([payload]))) for payload in range(20)]
        assert {(await handle.wait()).cause for handle in handles} == {Cause.ACKNOWLEDGED}
        assert air.applied() == [bytes([payload]) for payload in range(20)]

    live(story)


def test_c10_one_device_that_is_out_of_reach_does_not_hold_up_one_that_is_connected() -> None:
    async def story(air: Air) -> None:
        await air.connected("lamp")
        await air.connected("door")
        air.radio.take_away(air.lamp)
        stalled = await air.keeper.submit(write(b"1", idempotent=True))
        assert await air.keeper.device("door").read(COUNTER) == b"\0\0\0\1"
        assert stalled.outcome is None
        air.keeper.cancel(stalled.id)

    live(story)


def test_c10_a_device_that_does_not_tell_its_services_does_not_hold_up_another_that_is_to_be_connected() -> None:
    async def story(air: Air) -> None:
        match = Match(moment=Moment.TO_DEVICE, device="lamp", opcode=AttOpcode.READ_BY_GROUP_TYPE_REQUEST)
        air.radio.rules.append(Rule(match, Drop()))
        stalled = await air.keeper.submit(write(b"1"))
        began = asyncio.get_running_loop().time()
        assert await air.keeper.device("door").read(COUNTER) == b"\0\0\0\1"
        assert asyncio.get_running_loop().time() - began < 2
        outcome = await stalled.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)

    live(story)


def test_c22_a_late_answer_is_nobodys_and_the_next_read_gets_its_own() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        await lamp.write(WRITABLE, b"old")
        match = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.READ_RESPONSE, times=1)
        air.radio.rules.append(Rule(match, Delay(seconds=1.2)))
        late = Read(target=characteristic_ref(WRITABLE))
        first = await air.keeper.submit(
            Command(device="lamp", operation=late, attempt_timeout_us=1_000_000, deadline_us=1_050_000)
        )
        second = await air.keeper.submit(
            Command(device="lamp", operation=Read(target=characteristic_ref(COUNTER)), survive_reconnect=True)
        )
        assert not (await first.wait()).succeeded
        assert (await second.wait()).value == b"\0\0\0\1"

    live(story)


def test_c21_a_write_without_an_answer_is_unknown_after_its_time() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        air.radio.rules.append(Rule(WRITE_RESPONSE, Drop()))
        handle = await air.keeper.submit(write(b"1", attempt_timeout_us=1_000_000))
        following = await air.keeper.submit(write(b"2", survive_reconnect=True))
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        assert (await following.wait()).epoch == 2, "never on the bearer that owes an answer"
        assert air.applied() == [b"1", b"2"]

    live(story)


def of_device(air: Air, name: str = "lamp") -> Connection:
    """The device's own end of its connection, for what a device does by itself."""
    (connection,) = air.radio._devices[name]._bumble.connections.values()
    return connection


def test_c31_an_att_mtu_that_the_device_exchanges_is_in_force_and_answers_nothing() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        match = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.READ_RESPONSE, times=1)
        air.radio.rules.append(Rule(match, Delay(seconds=1)))
        reading = await air.keeper.submit(
            Command(device="lamp", operation=Read(target=characteristic_ref(COUNTER)))
        )
        await asyncio.sleep(0.2)
        await of_device(air).gatt_client.request_mtu(43)
        assert reading.outcome is None
        assert (await reading.wait()).value == b"\0\0\0\1"
        await lamp.long_write(WRITABLE, bytes(60))
        assert [len(payload) for payload in air.applied()] == [40, 20]

    live(story)


def test_c31_phys_and_parameters_that_the_device_changes_answer_nothing() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        match = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.READ_RESPONSE, times=1)
        air.radio.rules.append(Rule(match, Delay(seconds=2)))
        reading = await air.keeper.submit(
            Command(device="lamp", operation=Read(target=characteristic_ref(COUNTER)))
        )
        await asyncio.sleep(0.2)
        await of_device(air).set_phy([hci.Phy.LE_2M], [hci.Phy.LE_2M])
        await of_device(air).update_parameters(60, 60, 0, 4000)
        await asyncio.sleep(1)
        assert reading.outcome is None
        assert (await reading.wait()).value == b"\0\0\0\1"
        assert (await lamp.phy()).tx is Phy.LE_2M
        assert of_device(air).parameters.connection_interval == 60

    live(story)


def test_c45_a_stop_gets_through_while_the_command_in_flight_has_no_answer() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        air.radio.rules.append(Rule(WRITE_RESPONSE, Drop()))
        running = await air.keeper.submit(write(b"1"))
        waiting = await air.keeper.submit(write(b"2"))
        await asyncio.sleep(0.2)
        (stop,) = await air.keeper.stop("lamp")
        async with asyncio.timeout(2):
            assert (await stop.wait()).succeeded
        assert (await running.wait()).verdict is Verdict.UNKNOWN
        assert (await waiting.wait()).by == stop.id
        assert [payload[:1] for payload in air.applied()] == [b"1", b"S"]

    live(story)


def test_c53_a_lost_link_ends_the_one_in_flight_and_those_in_line() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        air.radio.rules.append(Rule(WRITE_RESPONSE, Drop()))
        handles = [await air.keeper.submit(write(bytes([payload]))) for payload in range(4)]
        await asyncio.sleep(0.2)
        air.radio.break_link(air.lamp)
        causes = [(await handle.wait()).cause for handle in handles]
        assert causes == [Cause.LINK_LOST_IN_FLIGHT, *[Cause.LINK_LOST_BEFORE_SEND] * 3]
        assert len({str(handle.outcome.fault.code) for handle in handles if handle.outcome}) == 1

    live(story)


def test_c62_on_the_next_connection_a_command_finds_its_characteristic_on_the_new_table() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        properties = Property.READ | Property.WRITE
        moved = tuple(VirtualCharacteristic(uuid, properties) for uuid in (STOP, PUSHED, WRITABLE))
        await lamp.disconnect()
        air.radio.change_services(air.lamp, (VirtualService(SERVICE, moved),))
        await lamp.write(WRITABLE, b"x")
        assert [one.value for one in moved] == [b"", b"", b"x"]

    live(story)


def test_c62_a_table_that_changes_under_a_connection_is_discovered_before_anything_is_written() -> None:
    """The handle that was the lamp's is the stop's now: a write that trusted it would stop the device."""

    async def story(air: Air) -> None:
        lamp = await air.connected()
        await lamp.write(WRITABLE, b"before")
        properties = Property.READ | Property.WRITE
        moved = tuple(VirtualCharacteristic(uuid, properties) for uuid in (STOP, PUSHED, WRITABLE))
        air.radio.change_services(air.lamp, (VirtualService(SERVICE, moved),))
        await asyncio.sleep(1)
        await lamp.write(WRITABLE, b"x")
        assert [one.value for one in moved] == [b"", b"", b"x"]

    live(story)


def test_c87_a_device_that_answers_with_a_notification_is_heard() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        pushed = air.lamp.characteristic(PUSHED)
        air.lamp.characteristic(WRITABLE).on_write = lambda payload: air.lamp.notify(pushed, b"\x01" + payload)
        for payload in (b"a", b"b"):
            answer = await lamp.write_then_wait(WRITABLE, payload, answer=PUSHED, starts_with=b"\x01")
            assert answer == b"\x01" + payload
        assert air.applied() == [b"a", b"b"]

    live(story)


def test_c87_the_notification_is_enough_when_the_write_response_is_lost() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        pushed = air.lamp.characteristic(PUSHED)
        air.lamp.characteristic(WRITABLE).on_write = lambda _payload: air.lamp.notify(pushed, b"ok")
        await lamp.write_then_wait(WRITABLE, b"a", answer=PUSHED)
        air.radio.rules.append(Rule(WRITE_RESPONSE, Drop()))
        assert await lamp.write_then_wait(WRITABLE, b"b", answer=PUSHED, starts_with=b"ok") == b"ok"

    live(story)


def test_c96_a_value_pushed_during_a_read_of_the_same_characteristic_is_not_the_answer_to_it() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        attribute = air.lamp.characteristic(PUSHED)
        attribute.value = b"stored"
        async with lamp.subscribe(PUSHED) as values:
            match = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.READ_RESPONSE, times=1)
            air.radio.rules.append(Rule(match, Delay(seconds=1)))
            reading = asyncio.ensure_future(lamp.read(PUSHED))
            await asyncio.sleep(0.5)
            air.lamp.notify(attribute, b"pushed")
            assert await anext(values) == b"pushed"
            assert await reading == b"stored"

    live(story)


def test_c98_a_subscription_is_restored_after_the_link_was_lost() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        async with lamp.subscribe(PUSHED) as values:
            air.radio.break_link(air.lamp)
            await asyncio.sleep(5)
            air.lamp.notify(air.lamp.characteristic(PUSHED), b"again")
            async with asyncio.timeout(1):
                assert await anext(values) == b"again"

    live(story)
