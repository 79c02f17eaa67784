"""Our agent on the scripted BlueZ: there for one pairing, for one device, for BlueZ alone."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from fake_bluez.device import FakeDevice, Question
from fake_bluez.stack import FakeBluez, Step
from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.links.bluez_agent import AGENT, PATH
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Pair
from gattkeeper.runtime.ports import LinkConnection
from link_contract.bench import ConnectionLog
from link_contract.checks_pairing import Person

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

WANTS_PASSKEY = Question(member="RequestPasskey", answer=[12_034])


@pytest_asyncio.fixture
async def connection(device: FakeDevice, link: BleakLink) -> AsyncIterator[tuple[LinkConnection, ConnectionLog]]:
    log = ConnectionLog()
    yield await link.connect(DeviceAddress(value=device.address), log), log


Connected = tuple[LinkConnection, ConnectionLog]


@pytest.mark.parametrize("asked", [True, False])
async def test_what_we_can_do_is_registered_and_gone_afterwards(
    bluez: FakeBluez, device: FakeDevice, connection: Connected, asked: bool
) -> None:
    at, log = connection
    log.agent = Person() if asked else None
    before, standing = await bluez.bus_names(), set(bluez.agents.registered)
    await at.perform(Pair())
    assert device.paired
    assert bluez.agents.capabilities[-1] == ("KeyboardDisplay" if asked else "NoInputNoOutput")
    await bluez.until_bus_connections(len(before))
    assert bluez.agents.registered.keys() & await bluez.bus_names() == standing
    assert bluez.count("Set") == 0, "nobody made it trusted"


async def test_a_bond_that_is_there_already_is_enough(device: FakeDevice, connection: Connected) -> None:
    device.paired = True
    await connection[0].perform(Pair())


async def test_a_pairing_without_a_passkey_is_confirmed(device: FakeDevice, connection: Connected) -> None:
    at, log = connection
    log.agent = person = Person()
    device.questions = (Question(member="RequestAuthorization"),)
    await at.perform(Pair())
    assert person.asked == ["confirm device"]


async def test_a_passkey_is_shown_once_however_often_bluez_counts_its_digits(
    device: FakeDevice, connection: Connected
) -> None:
    at, log = connection
    log.agent = person = Person()
    device.questions = tuple(
        Question(member="DisplayPasskey", signature="uq", body=(12_034, entered)) for entered in range(6)
    )
    await at.perform(Pair())
    assert await person.shown == 12_034
    assert person.asked == ["display to device"]


@pytest.mark.parametrize(
    "question",
    [
        Question(member="RequestPinCode"),
        Question(member="DisplayPinCode", signature="s", body=("0000",)),
        Question(member="AuthorizeService", signature="s", body=("0000110a-0000-1000-8000-00805f9b34fb",)),
    ],
)
async def test_what_has_no_place_here_is_rejected_and_asks_nobody(
    bluez: FakeBluez, device: FakeDevice, connection: Connected, question: Question
) -> None:
    at, log = connection
    log.agent = person = Person()
    device.questions = (question,)
    with pytest.raises(LinkError) as caught:
        await at.perform(Pair())
    assert caught.value.fault.kind is FaultKind.PAIRING_FAILED
    assert bluez.agents.answers[-1].error_name == "org.bluez.Error.Rejected"
    assert person.asked == []


async def test_other_devices_and_other_programs_are_not_answered(
    bluez: FakeBluez, device: FakeDevice, connection: Connected
) -> None:
    at, log = connection
    log.agent = person = Person()
    person.may_answer.clear()
    device.questions = (WANTS_PASSKEY,)
    pairing = asyncio.create_task(at.perform(Pair()))
    await person.thinks.wait()
    *_, owner = bluez.agents.registered
    other = await bluez.agents.ask(owner, WANTS_PASSKEY, "/org/bluez/hci0/dev_F0_00_00_00_00_99")
    assert other.error_name == "org.bluez.Error.Rejected"
    stranger = await MessageBus(bus_type=BusType.SYSTEM).connect()
    call = Message(
        destination=owner, path=PATH, interface=AGENT, member="RequestPasskey", signature="o", body=["/org/bluez"]
    )
    reply = await stranger.call(call)
    stranger.disconnect()
    await stranger.wait_for_disconnect()
    assert reply.message_type is MessageType.ERROR
    assert str(reply.error_name).endswith("AccessDenied")
    person.may_answer.set()
    await pairing
    assert person.asked == ["request of device"]


async def test_giving_up_tells_bluez_which_interrupts_the_question(
    bluez: FakeBluez, device: FakeDevice, connection: Connected
) -> None:
    at, log = connection
    log.agent = person = Person()
    person.may_answer.clear()
    device.questions = (WANTS_PASSKEY,)
    pairing = asyncio.create_task(at.perform(Pair()))
    await person.thinks.wait()
    pairing.cancel()
    await asyncio.wait((pairing,))
    assert pairing.cancelled()
    assert bluez.count("CancelPairing") == 1
    assert person.interrupted.is_set()
    assert not device.paired


async def test_a_bluez_that_cannot_forget_a_pairing_does_not_hold_us_up(
    bluez: FakeBluez, device: FakeDevice, connection: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gattkeeper.links.bluez_agent.CANCEL_S", 0.05)
    bluez.script("Pair", Step(hang=True))
    bluez.script("CancelPairing", Step(hang=True))
    pairing = asyncio.create_task(connection[0].perform(Pair()))
    await bluez.until_called("Pair")
    pairing.cancel()
    await asyncio.wait((pairing,))
    assert pairing.cancelled()


async def test_a_service_that_dies_while_a_person_is_asked_ends_the_pairing(
    bluez: FakeBluez, device: FakeDevice, connection: Connected
) -> None:
    at, log = connection
    log.agent = person = Person()
    person.may_answer.clear()
    device.questions = (WANTS_PASSKEY,)
    pairing = asyncio.create_task(at.perform(Pair()))
    await person.thinks.wait()
    await bluez.crash()
    with pytest.raises(LinkError) as caught:
        await pairing
    assert caught.value.fault.kind is FaultKind.STACK_GONE
    await person.interrupted.wait()
    await bluez.start()


@pytest.mark.parametrize("paired", [True, False])
async def test_a_bonded_device_that_drops_every_connection_may_have_lost_its_bond(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, paired: bool
) -> None:
    device.paired, device.breaks_at_connect = paired, True
    bluez.know(device)
    with pytest.raises(LinkError) as caught:
        await link.connect(DeviceAddress(value=device.address), ConnectionLog())
    assert ("it is paired here" in caught.value.fault.text) == paired


async def test_a_pairing_that_fails_with_its_link_says_why_it_failed(
    bluez: FakeBluez, device: FakeDevice, connection: Connected
) -> None:
    at, log = connection
    bluez.script("Pair", Step(after_s=0.05, refuse="org.bluez.Error.AuthenticationFailed"))
    heard: list[FaultKind] = []

    async def pair() -> None:
        with pytest.raises(LinkError) as caught:
            await at.perform(Pair())
        heard.extend([caught.value.fault.kind, *(fault.kind for fault in log.losses)])

    pairing = asyncio.create_task(pair())
    await bluez.until_called("Pair")
    bluez.drop_link(device)
    await pairing
    assert heard == [FaultKind.PAIRING_FAILED], "first why, then that the link is gone"
    assert (await log.until_lost()).kind is FaultKind.LINK_LOST


async def test_a_pairing_that_nobody_answers_ends_with_its_link(
    bluez: FakeBluez, device: FakeDevice, connection: Connected
) -> None:
    at, log = connection
    bluez.script("Pair", Step(after_s=60))
    pairing = asyncio.create_task(at.perform(Pair()))
    await bluez.until_called("Pair")
    bluez.drop_link(device)
    with pytest.raises(LinkError) as caught:
        await pairing
    assert caught.value.fault.kind is FaultKind.LINK_LOST
    assert (await log.until_lost()).kind is FaultKind.LINK_LOST
    assert len(log.losses) == 1
