"""Prepared writes at a virtual device, asked for PDU by PDU."""

import pytest
from bumble import att

from gattkeeper.model.gatt import Property
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualRadio, VirtualService, run_virtual
from world.raw_central import connect, on_air

OPEN, READ_ONLY, CLOSED = "fe51", "fe52", "fe53"
CANCEL, WRITE = 0, 1
QUEUE_FULL = 0x09
READ_WRITE = Property.READ | Property.WRITE


def shelf(**settings) -> VirtualDevice:
    characteristics = (
        VirtualCharacteristic(OPEN, READ_WRITE, b"old"),
        VirtualCharacteristic(READ_ONLY, Property.READ),
        VirtualCharacteristic(CLOSED, READ_WRITE, encrypted=True),
    )
    services = (VirtualService("fe50", characteristics),)
    return VirtualDevice("shelf", "F0:00:00:00:00:07", services, **settings)


async def prepare(central, uuid, offset, part):
    """What the device answers: the PDU, or the code of its refusal."""
    handle = uuid if isinstance(uuid, int) else central.characteristic(uuid).handle
    request = att.ATT_Prepare_Write_Request(
        attribute_handle=handle, value_offset=offset, part_attribute_value=part
    )
    return await ask(central, request)


async def execute(central, flags=WRITE):
    return await ask(central, att.ATT_Execute_Write_Request(flags=flags))


async def ask(central, request):
    answer = await central.peer.gatt_client.send_request(request)
    return answer.error_code if isinstance(answer, att.ATT_Error_Response) else answer


def applied(device):
    return [one.payload for one in device.applied]


def on(device, story):
    async def scenario():
        radio = VirtualRadio()
        await story(radio, await on_air(radio, device))

    run_virtual(scenario())


def test_parts_are_repeated_and_written_as_one_value():
    device = shelf()

    async def story(_radio, central):
        echo = await prepare(central, OPEN, 0, b"ab")
        assert (echo.value_offset, echo.part_attribute_value) == (0, b"ab")
        await prepare(central, OPEN, 2, b"cd")
        assert applied(device) == []
        assert isinstance(await execute(central), att.ATT_Execute_Write_Response)
        assert applied(device) == [b"abcd"]
        await execute(central)
        assert applied(device) == [b"abcd"], "the parts are gone"

    on(device, story)


def test_parts_that_are_cancelled_are_never_written():
    device = shelf()

    async def story(_radio, central):
        await prepare(central, OPEN, 0, b"ab")
        assert isinstance(await execute(central, CANCEL), att.ATT_Execute_Write_Response)
        await execute(central)
        assert applied(device) == []

    on(device, story)


def test_a_part_is_refused_when_it_comes_where_nobody_may_write():
    async def story(_radio, central):
        assert await prepare(central, READ_ONLY, 0, b"x") == 0x03
        assert await prepare(central, central.characteristic(OPEN).handle - 1, 0, b"x") == 0x03
        assert await prepare(central, 0x0FFF, 0, b"x") == 0x01
        assert await prepare(central, CLOSED, 0, b"x") == 0x0F
        await central.connection.pair()
        assert isinstance(await prepare(central, CLOSED, 0, b"x"), att.ATT_Prepare_Write_Response)

    on(shelf(), story)


def test_offset_and_length_are_judged_at_the_execution_and_nothing_is_written():
    device = shelf()

    async def story(_radio, central):
        await prepare(central, OPEN, 0, b"ab")
        await prepare(central, OPEN, 3, b"cd")
        assert await execute(central) == 0x07
        for offset in range(0, 600, 200):
            await prepare(central, OPEN, offset, bytes(200))
        assert await execute(central) == 0x0D
        await execute(central)
        assert applied(device) == []

    on(device, story)


def test_a_full_queue_refuses_a_part_and_keeps_the_others():
    device = shelf(prepared_writes_max=2)

    async def story(_radio, central):
        await prepare(central, OPEN, 0, b"ab")
        await prepare(central, OPEN, 2, b"cd")
        assert await prepare(central, OPEN, 4, b"ef") == QUEUE_FULL
        await execute(central)
        assert applied(device) == [b"abcd"]

    on(device, story)


def test_a_device_may_not_know_prepared_writes():
    async def story(_radio, central):
        assert await prepare(central, OPEN, 0, b"ab") == 0x06
        assert await execute(central) == 0x06

    on(shelf(prepared_writes_max=0), story)


def test_parts_end_with_their_connection():
    device = shelf()

    async def story(_radio, central):
        await prepare(central, OPEN, 0, b"ab")
        await central.connection.disconnect()
        central = await connect(central.device, device)
        await execute(central)
        assert applied(device) == []

    on(device, story)


@pytest.mark.parametrize("flags", [CANCEL, WRITE])
def test_parts_for_a_table_that_was_replaced_are_not_written_to_the_new_one(flags):
    device = shelf()

    async def story(radio, central):
        await prepare(central, OPEN, 0, b"ab")
        radio.change_services(device, device.services)
        answer = await execute(central, flags)
        assert answer == 0x12 if flags else isinstance(answer, att.ATT_Execute_Write_Response)
        await execute(central)
        assert applied(device) == []

    on(device, story)


def test_the_att_mtu_is_no_longer_than_the_device_takes():
    async def story(_radio, central):
        assert await central.peer.request_mtu(517) == 60

    on(shelf(att_mtu_max=60), story)
