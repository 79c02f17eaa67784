"""What must not happen, each counted where it does happen with nothing in its way: Bumble's own client, on the
same radio and under the same rules, in virtual time. An answer that comes after its caller gave up belongs to
nobody: ATT has no names for requests, and Bumble's client gives it to whoever asks next, who is told another's
value, or of a write that it was done although it never arrived. An attempt to connect to a device that is not
there ends by its time-out; with Bumble's controller of this version it never ends, because that answers a
cancelled attempt with nothing. And after a request that nobody answered for 30 s nothing may be sent on that
connection any more (Core Specification, Vol 3, Part F, 3.3.3). Overlaps and commands without an outcome are
counted under load and over a day, below.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import cast

from bumble import core, hci
from bumble.controller import Controller
from bumble.device import Device, Peer
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.errors import CommandError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.gatt import Property
from gattkeeper.model.identity import parse_address
from gattkeeper.runtime.device import Device as KeptDevice
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import (
    AttOpcode,
    Delay,
    Drop,
    Match,
    Moment,
    Rule,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualRadio,
    VirtualService,
    run_virtual,
)
from measured.bleak_on_bumble import adapter_of
from measured.figures import NONE, Figure, Tick, Unit

TITLE = "What must not happen (virtual time)"
ADAPTER, ADDRESS = "C0:00:00:00:00:01", "F0:00:00:00:00:01"
FIRST, SECOND, LEVEL = "fe51", "fe52", "fe53"
GIVEN_UP_S, LATE_S = 1.0, 0.98
"""A caller waits so long for an answer, which is so late on the device's side: it comes just afterwards."""
TRANSACTION_S = 30.0
"""ATT's own limit; both are left alone until it has passed."""
PATIENCE_S = 600.0
"""A connect with a time-out of a second that has not ended by then does not end."""

PAYLOADS = (b"\1", b"\2")
STEP_S = 0.0017
"""Each time begins so much later within a connection interval than the one before."""

Opener = Callable[[], Awaitable[Host]]
_RADIO = (core.BaseBumbleError, asyncio.TimeoutError, asyncio.CancelledError)


class Air:
    """A lamp with two values that tell themselves apart, and what was sent to it on a connection that is spent."""

    def __init__(self) -> None:
        self.radio = VirtualRadio()
        self.spent = Spent()
        self.radio.rules.append(cast("Rule", self.spent))
        values = [
            VirtualCharacteristic(uuid, Property.READ, on_read=lambda uuid=uuid: uuid.encode())
            for uuid in (FIRST, SECOND)
        ]
        service = VirtualService("fe50", (*values, VirtualCharacteristic(LEVEL, Property.WRITE)))
        self.lamp = VirtualDevice("lamp", ADDRESS, (service,))
        self.opener: Opener = self.radio.adapter(ADAPTER)


class Spent:
    """Stands among the radio's rules, and never wants anything to happen; see `air`."""

    def __init__(self) -> None:
        self.count = 0
        self._unanswered_at: float | None = None

    def fires(self, moment: Moment, _device: str, opcode: int | None, now: float, _dice: Random) -> bool:
        """Counts what goes to the device 30 s after a write that had no answer, until it is connected anew."""
        if moment is Moment.CONNECT_REQUEST or opcode == AttOpcode.WRITE_RESPONSE:
            self._unanswered_at = None
        elif moment is Moment.TO_DEVICE and self._unanswered_at is not None:
            self.count += now >= self._unanswered_at + TRANSACTION_S
        elif moment is Moment.TO_DEVICE and opcode == AttOpcode.WRITE_REQUEST:
            self._unanswered_at = now
        return False


async def keeper_on(opener: Opener) -> Keeper:
    """A keeper that knows the lamp."""
    book = ProfileBook([Entry(name="lamp", rules=DeviceRules(address=parse_address(ADDRESS)))])
    keeper = Keeper(links={"air": BumbleLink(opener, name="air")}, book=book)
    await keeper.start()
    return keeper


async def client_on(opener: Opener) -> Peer:
    """The lamp, connected and discovered by Bumble alone."""
    central = await adapter_of(opener, ADAPTER)
    remote = Peer(await central.connect(hci.Address(ADDRESS)))
    await remote.discover_services()
    for service in remote.services:
        await service.discover_characteristics()
    return remote


def late() -> Rule:
    """The first value that is asked for comes late."""
    return Rule(Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.READ_RESPONSE, times=1), Delay(seconds=LATE_S))


def unanswered() -> Rule:
    """The first write never reaches the device."""
    return Rule(Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_REQUEST, times=1), Drop())


@asynccontextmanager
async def kept(phase_s: float, *rules: Rule) -> AsyncIterator[tuple[Air, KeptDevice]]:
    """The lamp on a keeper's connection, for which these rules hold since a moment."""
    air = Air()
    await air.radio.add(air.lamp)
    keeper = await keeper_on(air.opener)
    lamp = keeper.device("lamp")
    await lamp.connect()
    air.radio.rules.extend(rules)
    await asyncio.sleep(phase_s)
    yield air, lamp
    await keeper.close()
    await air.radio.close()


@asynccontextmanager
async def alone(phase_s: float, *rules: Rule) -> AsyncIterator[tuple[Air, Peer]]:
    """The same on a connection of Bumble's, with no keeper around it."""
    air = Air()
    await air.radio.add(air.lamp)
    remote = await client_on(air.opener)
    air.radio.rules.extend(rules)
    await asyncio.sleep(phase_s)
    yield air, remote
    await air.radio.close()


async def strays_of_keeper(phase_s: float) -> int:
    async with kept(phase_s, late()) as (_air, lamp):
        with suppress(CommandError):
            await lamp.read(FIRST, timeout=GIVEN_UP_S)
        value = await lamp.read(SECOND)
    return int(value != SECOND.encode())


async def strays_of_bumble(phase_s: float) -> int:
    async with alone(phase_s, late()) as (_air, remote):
        first, second = (remote.get_characteristics_by_uuid(core.UUID(uuid))[0] for uuid in (FIRST, SECOND))
        with suppress(*_RADIO):
            await asyncio.wait_for(first.read_value(), GIVEN_UP_S)
        value = await second.read_value()
    return int(bytes(value) != SECOND.encode())


def never_there() -> Rule:
    """The second write never reaches the device."""
    match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_REQUEST, first=2, times=1)
    return Rule(match, Drop())


def late_done() -> Rule:
    """What the first write did is told late."""
    return Rule(Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE, times=1), Delay(seconds=LATE_S))


async def false_by_keeper(phase_s: float) -> int:
    async with kept(phase_s, late_done(), never_there()) as (air, lamp):
        told = 0
        for payload in PAYLOADS:
            with suppress(CommandError):
                await lamp.write(LEVEL, payload, timeout=GIVEN_UP_S)
                told += payload not in [each.payload for each in air.lamp.applied]
    return told


async def false_by_bumble(phase_s: float) -> int:
    async with alone(phase_s, late_done(), never_there()) as (air, remote):
        level = remote.get_characteristics_by_uuid(core.UUID(LEVEL))[0]
        told = 0
        for payload in PAYLOADS:
            with suppress(*_RADIO):
                await asyncio.wait_for(level.write_value(payload, with_response=True), GIVEN_UP_S)
                told += payload not in [each.payload for each in air.lamp.applied]
    return told


async def spent_by_keeper(phase_s: float) -> int:
    async with kept(phase_s, unanswered()) as (air, lamp):
        patient = 4 * TRANSACTION_S
        for _ in range(3):
            with suppress(CommandError):
                await lamp.write(LEVEL, b"\1", timeout=patient, deadline=patient)
    return air.spent.count


async def spent_by_bumble(phase_s: float) -> int:
    async with alone(phase_s, unanswered()) as (air, remote):
        level = remote.get_characteristics_by_uuid(core.UUID(LEVEL))[0]
        for _ in range(3):
            with suppress(*_RADIO):
                await level.write_value(b"\1", with_response=True)
    return air.spent.count


def bare_controller() -> Opener:
    """Bumble's own controller, alone on Bumble's own link."""
    link = LocalLink()

    async def open_host() -> Host:
        controller = Controller("adapter", link=link, public_address=ADAPTER)
        return Host(controller, AsyncPipeSink(controller))

    return open_host


async def never_ended(connecting: Awaitable[object]) -> int:
    """1 for a connect that has not ended when it is time."""
    task = asyncio.ensure_future(connecting)
    _, going = await asyncio.wait({task}, timeout=PATIENCE_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return len(going)


async def hung_in_keeper(phase_s: float) -> int:
    keeper = await keeper_on(bare_controller())
    await asyncio.sleep(phase_s)
    hung = await never_ended(keeper.device("lamp").connect(timeout=1.0))
    await keeper.close()
    return hung


async def hung_in_bumble(phase_s: float) -> int:
    central: Device = await adapter_of(bare_controller(), ADAPTER)
    await asyncio.sleep(phase_s)
    return await never_ended(central.connect(hci.Address(ADDRESS), timeout=1.0))


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds = 3 if quick else 20
    gates = (
        ("answers that went to somebody else", "late answer", strays_of_keeper, strays_of_bumble),
        ("writes told as done that never were", "late answer", false_by_keeper, false_by_bumble),
        ("connects that never ended", "device that is not there", hung_in_keeper, hung_in_bumble),
        ("requests on a connection that is spent", "request without an answer", spent_by_keeper, spent_by_bumble),
    )
    figures = []
    for name, what, keeper, bumble in gates:
        tick(name)
        ours = sum(run_virtual(keeper(STEP_S * number)) for number in range(rounds))
        theirs = sum(run_virtual(bumble(STEP_S * number)) for number in range(rounds))
        assert theirs, f"{name}: it does not happen to Bumble alone, so this shows nothing"
        figures.append(
            Figure(
                name=f"{name}, of {rounds} times a {what}",
                ours_is="gattkeeper",
                theirs_is="Bumble alone",
                ours=(float(ours),),
                theirs=(float(theirs),),
                goal=NONE,
                unit=Unit.COUNT,
            )
        )
    return figures
