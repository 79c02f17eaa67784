"""What each fault does to a central that knows nothing of it, and that it is counted."""

import asyncio
from typing import Self

import pytest
from bumble import att, core, hci

from gattkeeper.world import (
    Action,
    AnswerError,
    AttOpcode,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    Garble,
    Keep,
    Match,
    Moment,
    Replace,
    Rule,
    SilenceAdapter,
    UnplugAdapter,
    VirtualRadio,
    run_virtual,
)
from gattkeeper.world.virtual_blind import BLIND_MOTOR, BLIND_POSITION, BLIND_TARGET, MOTOR_STOP
from world.raw_central import ADAPTER, connect, lounge, now, on_air, power_on

REQUEST = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_REQUEST, times=1)
RESPONSE = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE, times=1)


class Faulty:
    """A connected blind, with one rule in force."""

    def __init__(self, match: Match, action: Action) -> None:
        self.radio = VirtualRadio()
        self.blind = lounge()
        self.rule = Rule(match, action)

    async def __aenter__(self) -> Self:
        self.central = await on_air(self.radio, self.blind.device)
        self.radio.rules.append(self.rule)
        self.started_at = now()
        return self

    async def __aexit__(self, *_error) -> None:
        assert self.rule.fired == 1
        await self.radio.close()

    @property
    def applied(self) -> list[bytes]:
        return [applied.payload for applied in self.blind.device.applied]

    @property
    def took(self) -> float:
        return now() - self.started_at


def test_a_delayed_response_comes_late():
    async def scenario():
        async with Faulty(RESPONSE, Delay(seconds=5.0)) as faulty:
            await faulty.central.write(BLIND_TARGET, b"\x01")
        assert 5.0 < faulty.took < 5.1

    run_virtual(scenario())


def test_a_dropped_response_times_out_though_the_device_did_it():
    async def scenario():
        async with Faulty(RESPONSE, Drop()) as faulty:
            with pytest.raises(core.TimeoutError):
                await faulty.central.write(BLIND_TARGET, b"\x01")
            assert faulty.took == pytest.approx(30.0, abs=0.1)
            assert faulty.applied == [b"\x01"]

    run_virtual(scenario())


def test_a_dropped_request_never_reaches_the_device():
    async def scenario():
        async with Faulty(REQUEST, Drop()) as faulty:
            with pytest.raises(core.TimeoutError):
                await faulty.central.write(BLIND_TARGET, b"\x01")
            assert faulty.applied == []

    run_virtual(scenario())


@pytest.mark.parametrize("code", [0x05, 0x0E, 0x80])
def test_an_att_error_is_answered_in_the_place_of_the_device(code):
    async def scenario():
        async with Faulty(REQUEST, AnswerError(code=code)) as faulty:
            with pytest.raises(core.ProtocolError) as refused:
                await faulty.central.write(BLIND_TARGET, b"\x01")
            assert refused.value.error_code == code
            assert faulty.took == pytest.approx(0.06)
            assert faulty.applied == []
            await faulty.central.write(BLIND_TARGET, b"\x02")

    run_virtual(scenario())


@pytest.mark.parametrize("reason", [0x08, 0x13, 0x16, 0x22])
@pytest.mark.parametrize(("match", "applied"), [(REQUEST, []), (RESPONSE, [b"\x01"])], ids=["request", "response"])
def test_a_disconnection_hits_the_request_or_the_response(match, applied, reason):
    async def scenario():
        async with Faulty(match, Disconnect(reason=reason)) as faulty:
            with pytest.raises(asyncio.CancelledError):  # Bumble's way to say that the link is lost
                await faulty.central.write(BLIND_TARGET, b"\x01")
            await asyncio.sleep(1)
            assert (faulty.applied, faulty.central.lost) == (applied, [reason])
            await connect(faulty.central.device, faulty.blind.device)

    run_virtual(scenario())


@pytest.mark.parametrize(("index", "applied"), [(-1, b"\x3e"), (3, b"\x3e"), (4, b"\xc1"), (-5, b"\xc1")])
def test_a_garbled_request_has_one_byte_turned_over_if_it_has_that_byte(index, applied):
    async def scenario():
        async with Faulty(REQUEST, Garble(index=index)) as faulty:
            faulty.blind.device.characteristic(BLIND_TARGET).on_write = None
            await faulty.central.write(BLIND_TARGET, b"\xc1")
            assert faulty.applied == [applied]

    run_virtual(scenario())


def test_a_duplicated_response_arrives_twice():
    async def scenario():
        async with Faulty(RESPONSE, Duplicate()) as faulty:
            client = faulty.central.connection.gatt_client
            arrived = []
            receive = client.on_gatt_pdu
            client.on_gatt_pdu = lambda pdu: (arrived.append(pdu.op_code), receive(pdu))
            await faulty.central.write(BLIND_TARGET, b"\x01")
            await asyncio.sleep(1)
            assert arrived == [AttOpcode.WRITE_RESPONSE, AttOpcode.WRITE_RESPONSE]

    run_virtual(scenario())


def test_a_duplicated_request_is_carried_out_twice():
    async def scenario():
        async with Faulty(REQUEST, Duplicate()) as faulty:
            await faulty.central.write(BLIND_TARGET, b"\x01")
            await asyncio.sleep(1)
            assert faulty.applied == [b"\x01", b"\x01"]

    run_virtual(scenario())


def test_another_pdu_may_arrive_in_the_place_of_a_response():
    async def scenario():
        async with Faulty(RESPONSE, Replace(pdu=b"\x0b\x07")) as faulty:
            arrived = []
            faulty.central.connection.gatt_client.on_gatt_pdu = arrived.append
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(faulty.central.write(BLIND_TARGET, b"\x01"), 5)
            assert [bytes(pdu) for pdu in arrived] == [b"\x0b\x07"]
            assert faulty.applied == [b"\x01"]

    run_virtual(scenario())


def test_an_adapter_can_fall_silent_in_the_middle_of_an_operation():
    async def scenario():
        async with Faulty(REQUEST, SilenceAdapter()) as faulty:
            with pytest.raises(core.TimeoutError):
                await faulty.central.write(BLIND_TARGET, b"\x01")
            assert (faulty.applied, faulty.central.lost) == ([], [])

    run_virtual(scenario())


def test_an_adapter_can_be_pulled_out_in_the_middle_of_an_operation():
    async def scenario():
        async with Faulty(RESPONSE, UnplugAdapter()) as faulty:
            with pytest.raises(asyncio.CancelledError):  # Bumble's way to say that the link is lost
                await faulty.central.write(BLIND_TARGET, b"\x01")
            assert (faulty.applied, faulty.took < 0.1) == ([b"\x01"], True)
            assert not faulty.central.device.connections

    run_virtual(scenario())


def test_a_lost_connect_request_is_reported_as_connected_and_then_as_0x3e():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        await radio.add(blind.device)
        rule = Rule(Match(moment=Moment.CONNECT_REQUEST, device="lounge", times=1), Drop())
        radio.rules.append(rule)
        central = await power_on(radio)
        connection = await central.connect(hci.Address(blind.device.address.value))
        lost, started_at = asyncio.get_running_loop().create_future(), now()
        connection.on("disconnection", lost.set_result)
        assert await lost == 0x3E
        assert now() - started_at == pytest.approx(6 * 0.03)
        assert (rule.fired, blind.device.connections) == (1, 0)
        await connect(central, blind.device)

    run_virtual(scenario())


@pytest.mark.parametrize("action", [SilenceAdapter(), UnplugAdapter()], ids=["silent", "unplugged"])
def test_an_adapter_can_fail_while_it_connects(action):
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        await radio.add(blind.device)
        rule = Rule(Match(moment=Moment.CONNECT_REQUEST), action)
        radio.rules.append(rule)
        central = await power_on(radio)
        with pytest.raises((TimeoutError, asyncio.CancelledError)):
            async with asyncio.timeout(5):
                await central.connect(hci.Address(blind.device.address.value), timeout=None)
        assert (rule.fired, blind.device.connections) == (1, 0)
        radio.rules.clear()
        radio.plug_adapter(ADAPTER)
        await connect(await power_on(radio), blind.device)

    run_virtual(scenario())


def test_an_advertising_gap_makes_connecting_wait():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        rule = Rule(Match(moment=Moment.ADVERTISEMENT, until_s=7.0), Drop())
        radio.rules.append(rule)
        await radio.add(blind.device)
        central = await power_on(radio)
        await central.connect(hci.Address(blind.device.address.value))
        assert 7.0 <= now() < 7.2
        assert rule.fired > 60

    run_virtual(scenario())


def test_advertisements_reach_only_those_that_listen():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        rule = Rule(Match(moment=Moment.ADVERTISEMENT, probability=0.0), Drop())
        radio.rules.append(rule)
        await radio.add(blind.device)
        central = await power_on(radio)
        await asyncio.sleep(10)
        assert rule.seen == 0
        heard = []
        central.on("advertisement", heard.append)
        await central.start_scanning()
        await asyncio.sleep(1.05)
        await central.stop_scanning()
        await asyncio.sleep(10)
        assert rule.seen in (10, 11)
        assert {str(one.address) for one in heard} == {"F0:00:00:00:00:01"}

    run_virtual(scenario())


def test_loss_takes_advertisements_too():
    async def scenario(loss: float) -> int:
        radio, heard = VirtualRadio(loss=loss), []
        await radio.add(lounge().device)
        central = await power_on(radio)
        central.on("advertisement", heard.append)
        await central.start_scanning()
        await asyncio.sleep(10)
        return len(heard)

    assert run_virtual(scenario(0.5)) == pytest.approx(run_virtual(scenario(0.0)) / 2, rel=0.3)


def test_a_streak_of_loss_longer_than_the_supervision_timeout_ends_the_connection():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await on_air(radio, blind.device)
        radio.loss = 0.999
        with pytest.raises(asyncio.CancelledError):
            await central.write(BLIND_TARGET, b"\x01")
        assert (central.lost, blind.device.applied) == ([0x08], [])

    run_virtual(scenario())


def test_pdus_keep_their_order_and_a_connection_event_takes_only_so_many():
    async def scenario():
        radio, blind = VirtualRadio(pdus_per_event=2), lounge()
        central = await on_air(radio, blind.device)
        started_at = now()
        levels = [bytes([level]) for level in range(7)]
        for level in levels:
            await central.write(BLIND_TARGET, level, with_response=False)
        await asyncio.sleep(1)
        applied = blind.device.applied
        assert [one.payload for one in applied] == levels
        events = [round((one.at_s - started_at) / 0.03) for one in applied]
        assert events == [1, 1, 2, 2, 3, 3, 4]

    run_virtual(scenario())


def test_a_late_answer_does_not_cross_into_the_next_connection():
    async def scenario():
        async with Faulty(RESPONSE, Delay(seconds=2.0)) as faulty:
            write = asyncio.create_task(faulty.central.write(BLIND_TARGET, b"\x01"))
            await asyncio.sleep(0.1)
            faulty.radio.break_link(faulty.blind.device)
            with pytest.raises(asyncio.CancelledError):
                await write
            again = await connect(faulty.central.device, faulty.blind.device)
            arrived = []
            again.connection.gatt_client.on_gatt_pdu = arrived.append
            await asyncio.sleep(5)
            assert arrived == []

    run_virtual(scenario())


def test_a_write_without_response_overtakes_a_request_that_waits():
    async def scenario():
        async with Faulty(RESPONSE, Drop()) as faulty:
            pending = asyncio.create_task(faulty.central.write(BLIND_TARGET, b"\x01"))
            await asyncio.sleep(1)
            await faulty.central.write(BLIND_MOTOR, MOTOR_STOP, with_response=False)
            await asyncio.sleep(0.05)
            assert faulty.applied == [b"\x01", MOTOR_STOP]
            pending.cancel()

    run_virtual(scenario())


def test_notifications_can_be_lost():
    async def scenario():
        notification = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.NOTIFICATION, times=1)
        async with Faulty(notification, Drop()) as faulty:
            positions = []
            await faulty.central.characteristic(BLIND_POSITION).subscribe(lambda value: positions.append(value[0]))
            await faulty.central.write(BLIND_TARGET, b"\x5f")
            await asyncio.sleep(5)
            assert positions == [96, 95]

    run_virtual(scenario())


def test_a_refused_write_without_response_is_lost_and_not_answered():
    async def scenario():
        command = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_COMMAND, times=1)
        async with Faulty(command, AnswerError(code=0x80)) as faulty:
            arrived = []
            faulty.central.connection.gatt_client.on_gatt_pdu = arrived.append
            await faulty.central.write(BLIND_TARGET, b"\x01", with_response=False)
            await asyncio.sleep(1)
            assert (faulty.applied, arrived) == ([], [])

    run_virtual(scenario())


def test_an_error_answer_names_the_request_and_its_handle():
    async def scenario():
        async with Faulty(REQUEST, AnswerError(code=0x11)) as faulty:
            answers = []
            client = faulty.central.connection.gatt_client
            receive = client.on_gatt_pdu
            client.on_gatt_pdu = lambda pdu: (answers.append(pdu), receive(pdu))
            with pytest.raises(core.ProtocolError):
                await faulty.central.write(BLIND_TARGET, b"\x01")
            (answer,) = answers
            assert isinstance(answer, att.ATT_Error_Response)
            handle = faulty.central.characteristic(BLIND_TARGET).handle
            assert (answer.request_opcode_in_error, answer.attribute_handle_in_error) == (0x12, handle)

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("action", "left", "arrived"),
    [
        (Keep(), 1, []),
        (Drop(), 0, []),
        (AnswerError(code=0x05), 0, []),
        (Delay(seconds=1.0), 0, [b"\x01"]),
        (Duplicate(), 0, [b"\x01", b"\x01"]),
    ],
    ids=["kept", "dropped", "refused", "delayed", "doubled"],
)
def test_only_what_a_controller_keeps_takes_its_place_for_good(action, left, arrived):
    async def scenario():
        match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_COMMAND, times=1)
        async with Faulty(match, action) as faulty:
            queue = faulty.central.connection.data_packet_queue
            await asyncio.sleep(1)
            assert queue.pending == 0
            await faulty.central.write(BLIND_TARGET, b"\x01", with_response=False)
            await asyncio.sleep(2)
            assert queue.pending == left
            assert faulty.applied == arrived

    run_virtual(scenario())
