"""The agent that stands on the scripted BlueZ as long as the link is open: whom it lets BlueZ pair by itself."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from fake_bluez.device import FakeDevice, Question
from fake_bluez.fixtures import VALUE
from fake_bluez.stack import BLUEZ_ERROR, HCI0, FakeBluez, Step
from gattkeeper.links.bleak_connection import BleakConnection
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.links.bluez_agent import AGENT
from gattkeeper.links.bluez_consent import PATH
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Read
from gattkeeper.runtime.ports import LinkConnection
from link_contract.bench import AdapterLog, ConnectionLog
from link_contract.checks_pairing import Person

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0
MAY_I = Question(member="RequestAuthorization")
Connected = tuple[LinkConnection, ConnectionLog]


@pytest_asyncio.fixture
async def connection(device: FakeDevice, link: BleakLink) -> AsyncIterator[Connected]:
    log = ConnectionLog()
    yield await link.connect(DeviceAddress(value=device.address), log), log


async def said(bluez: FakeBluez, path: str, question: Question = MAY_I) -> str:
    """What our agent answers: an error, or nothing where it agrees."""
    [owner] = bluez.agents.registered
    async with asyncio.timeout(LIMIT_S):
        answer = await bluez.agents.ask(owner, question, path)
    return str(answer.error_name or "")


async def said_while_reading(
    bluez: FakeBluez, device: FakeDevice, connection: LinkConnection, question: Question = MAY_I
) -> str:
    """The same, while the device has a request of ours that it does not answer."""
    device.silent = True
    reading = asyncio.create_task(connection.perform(Read(target=CharacteristicRef(uuid=VALUE))))
    async with asyncio.timeout(LIMIT_S):
        await bluez.asked.get()
    answer = await said(bluez, device.path(HCI0), question)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return answer


async def test_a_device_that_we_wait_for_may_be_paired(
    bluez: FakeBluez, device: FakeDevice, connection: Connected
) -> None:
    assert await said_while_reading(bluez, device, connection[0]) == ""
    assert bluez.agents.capabilities == ["NoInputNoOutput"]


async def test_one_that_is_being_connected_may_be_paired(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    device.delay_s = 3600.0
    connecting = asyncio.create_task(link.connect(DeviceAddress(value=device.address), ConnectionLog()))
    await bluez.until_link(device, up=True)
    assert await said(bluez, device.path(HCI0)) == ""
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)


async def test_one_that_nothing_of_ours_waits_for_is_not_ours_to_pair(
    bluez: FakeBluez, device: FakeDevice, connection: Connected
) -> None:
    assert await said(bluez, device.path(HCI0)) == f"{BLUEZ_ERROR}Rejected"
    assert await said(bluez, f"{HCI0}/dev_F0_00_00_00_00_99") == f"{BLUEZ_ERROR}Rejected"


async def test_one_that_another_link_of_ours_waits_for_may_be_paired(bluez: FakeBluez, device: FakeDevice) -> None:
    beside = set[BleakConnection]()
    links = [BleakLink(cancel_grace_s=0.5, beside=beside) for _ in range(2)]
    for each in links:
        await each.open(AdapterLog())
    connection = await links[1].connect(DeviceAddress(value=device.address), ConnectionLog())
    del bluez.agents.registered[list(bluez.agents.registered)[1]]  # BlueZ asks the first of them
    assert await said_while_reading(bluez, device, connection) == ""
    for each in links:
        await each.close()


@pytest.mark.parametrize(("says", "answer"), [(1, ""), (None, f"{BLUEZ_ERROR}Rejected")])
async def test_where_there_is_an_agent_of_the_library_it_is_asked_and_the_operations_clock_waits(
    bluez: FakeBluez, device: FakeDevice, connection: Connected, says: int | None, answer: str
) -> None:
    at, log = connection
    log.agent = person = Person(says=says)
    assert await said_while_reading(bluez, device, at) == answer
    assert person.asked == ["confirm device"]
    assert log.pairings == [True, False]


@pytest.mark.parametrize(
    "question",
    [
        Question(member="RequestPasskey"),
        Question(member="RequestConfirmation", signature="u", body=(12_034,)),
        Question(member="AuthorizeService", signature="s", body=("0000110a-0000-1000-8000-00805f9b34fb",)),
    ],
)
async def test_what_needs_a_person_is_rejected(
    bluez: FakeBluez, device: FakeDevice, connection: Connected, question: Question
) -> None:
    assert await said_while_reading(bluez, device, connection[0], question) == f"{BLUEZ_ERROR}Rejected"


async def test_bluez_may_take_it_back(bluez: FakeBluez, link: BleakLink) -> None:
    [owner] = bluez.agents.registered
    cancel = Message(destination=owner, path=PATH, interface=AGENT, member="Cancel")
    assert (await bluez._ask(cancel)).message_type is MessageType.METHOD_RETURN


async def test_other_programs_are_not_answered(bluez: FakeBluez, link: BleakLink) -> None:
    [owner] = bluez.agents.registered
    stranger = await MessageBus(bus_type=BusType.SYSTEM).connect()
    call = Message(destination=owner, path=PATH, interface=AGENT, member="RequestAuthorization", signature="o")
    call.body = [f"{HCI0}/dev_F0"]
    reply = await stranger.call(call)
    stranger.disconnect()
    await stranger.wait_for_disconnect()
    assert str(reply.error_name).endswith("AccessDenied")


async def test_a_bluez_that_was_away_knows_it_again(bluez: FakeBluez, link: BleakLink) -> None:
    await bluez.crash()
    bluez.agents.registered.clear()
    await bluez.start()
    await bluez.until_called("RegisterAgent", times=2)
    async with asyncio.timeout(LIMIT_S):
        while not bluez.agents.registered:
            await asyncio.sleep(0.01)


async def test_a_bluez_that_takes_no_agent_is_used_all_the_same(bluez: FakeBluez, device: FakeDevice) -> None:
    bluez.script("RegisterAgent", Step(refuse=f"{BLUEZ_ERROR}AlreadyExists"))
    link = BleakLink(cancel_grace_s=0.5)
    await link.open(AdapterLog())
    async with asyncio.timeout(LIMIT_S):
        assert (await link.connect(DeviceAddress(value=device.address), ConnectionLog())).services
    await link.close()


async def test_with_the_link_it_goes(bluez: FakeBluez) -> None:
    before = await bluez.bus_names()
    link = BleakLink(cancel_grace_s=0.5)
    await link.open(AdapterLog())
    await link.close()
    await bluez.until_bus_connections(len(before))
