"""One keeper, two worlds: the same story on a simulated link, and on Bumble's whole stack over a virtual radio.

Knows how to make the same thing go wrong in both, in virtual time. What reached the device is the device's own word.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Protocol, TypeVar

import pytest
from bumble.pairing import PairingConfig, PairingDelegate

from conformance.air import ADAPTER
from gattkeeper.core.limits import Limits
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.operation import Operation, Read, Write
from gattkeeper.runtime.device import Device
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules, Link
from gattkeeper.world import (
    AttError,
    Delay,
    Disconnect,
    Drop,
    Duplicate,
    LateResponse,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseLink,
    LoseRequest,
    LoseResponse,
    Match,
    Moment,
    Rule,
    SimulatedLink,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualRadio,
    VirtualService,
    run_virtual,
)
from gattkeeper.world.radio_rules import AttOpcode
from runtime.house import Watch, nothing_left
from sim.memory_journal import MemoryJournal
from sim.scene import CLOSED, COUNTER, PUSHED, SERVICE, STOP, WRITABLE, Book

both = pytest.mark.parametrize("world", ["simulated", "bumble"])
"""A case that has to hold on either link."""

LOST = Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="test", code=0x08)
REQUESTS = {"read": AttOpcode.READ_REQUEST, "write": AttOpcode.WRITE_REQUEST}
RESPONSES = {"read": AttOpcode.READ_RESPONSE, "write": AttOpcode.WRITE_RESPONSE}
READ = Read(target=characteristic_ref(COUNTER))


class Gadget(VirtualDevice):
    """A device that keeps, in order, whatever it was asked: payloads of writes, and "read"."""

    def __init__(self, name: str, number: int) -> None:
        self.heard: list[bytes | str] = []
        self.refusals: list[int] = []  # ATT error codes of what is asked next
        reads = count(1)

        def on_read() -> bytes:
            self._maybe_refuse("read")
            return next(reads).to_bytes(4, "big")

        writable = Property.WRITE | Property.WRITE_WITHOUT_RESPONSE | Property.READ
        super().__init__(
            name,
            f"F0:00:00:00:00:{number:02X}",
            (
                VirtualService(
                    SERVICE,
                    (
                        *(
                            VirtualCharacteristic(uuid, writable, on_write=self._maybe_refuse)
                            for uuid in (WRITABLE, STOP)
                        ),
                        VirtualCharacteristic(COUNTER, Property.READ, on_read=on_read),
                        VirtualCharacteristic(PUSHED, Property.NOTIFY | Property.READ),
                        VirtualCharacteristic(CLOSED, writable, encrypted=True, on_write=self._maybe_refuse),
                    ),
                ),
            ),
        )

    def _maybe_refuse(self, asked: bytes | str) -> None:
        self.heard.append(asked)
        if self.refusals:
            raise AttError(self.refusals.pop(0))


class World(Protocol):
    """What can be made to go wrong with the next operation of a kind ("read", "write"), or at once."""

    link: Link

    async def begin(self, devices: list[Gadget]) -> None:
        """Put the devices on the air."""

    async def end(self) -> None:
        """Take everything down."""

    def late(self, kind: str, seconds: float) -> None:
        """The answer comes so much later."""

    def unheard(self, kind: str) -> None:
        """The request never reaches the device."""

    def unanswered(self, kind: str, *, times: int = 1) -> None:
        """It is carried out, and never answered."""

    def cut(self, kind: str) -> None:
        """It is carried out, and the link breaks before the answer."""

    def pairing_hangs(self) -> None:
        """Whoever pairs next hears nothing more of it."""

    def lose(self, device: Gadget) -> None:
        """The link breaks now."""

    def take_away(self, device: Gadget) -> None:
        """The device goes out of reach."""

    def bring_back(self, device: Gadget) -> None:
        """It is in reach again."""

    def adapter_goes(self) -> None:
        """The adapter is gone, now."""

    def adapter_comes_back(self) -> None:
        """It is there again."""


class OnSimulated:
    """A `World` without packets."""

    def __init__(self) -> None:
        self.link: SimulatedLink

    async def begin(self, devices: list[Gadget]) -> None:
        self.link = SimulatedLink(devices)

    async def end(self) -> None:
        assert self.link.log.violations == []

    def late(self, kind: str, seconds: float) -> None:
        self._rule(kind, LateResponse(seconds=seconds))

    def unheard(self, kind: str) -> None:
        self._rule(kind, LoseRequest())

    def unanswered(self, kind: str, *, times: int = 1) -> None:
        self._rule(kind, LoseResponse(), times)

    def cut(self, kind: str) -> None:
        self._rule(kind, LoseLink(fault=LOST, applied=True))

    def pairing_hangs(self) -> None:
        self._rule("pair", LoseRequest())

    def lose(self, device: Gadget) -> None:
        self.link.lose(device.name, LOST)

    def take_away(self, device: Gadget) -> None:
        self.link.away.add(device.name)
        self.lose(device)

    def bring_back(self, device: Gadget) -> None:
        self.link.away.discard(device.name)

    def adapter_goes(self) -> None:
        self.link.adapter_down()

    def adapter_comes_back(self) -> None:
        self.link.adapter_up()

    def _rule(
        self, kind: str, action: LateResponse | LoseRequest | LoseResponse | LoseLink, times: int = 1
    ) -> None:
        self.link.rules.append(LinkRule(LinkMatch(moment=LinkMoment.OPERATION, kind=kind, times=times), action))


class Deaf(PairingDelegate):
    """Whose user never answers."""

    async def accept(self) -> bool:
        return bool(await asyncio.get_running_loop().create_future())


class OnRadio:
    """A `World` of bytes: Bumble at both ends of a virtual radio."""

    def __init__(self) -> None:
        self.radio = VirtualRadio()
        self.link = BumbleLink(self.radio.adapter(ADAPTER), name="virtual")

    async def begin(self, devices: list[Gadget]) -> None:
        for device in devices:
            await self.radio.add(device)

    async def end(self) -> None:
        await self.radio.close()

    def late(self, kind: str, seconds: float) -> None:
        self._answers(kind, Delay(seconds=seconds))

    def unheard(self, kind: str) -> None:
        match = Match(moment=Moment.TO_DEVICE, opcode=REQUESTS[kind], times=1)
        self.radio.rules.append(Rule(match, Drop()))

    def unanswered(self, kind: str, *, times: int = 1) -> None:
        self._answers(kind, Drop(), times)

    def cut(self, kind: str) -> None:
        self._answers(kind, Disconnect())

    def twice(self, kind: str) -> None:
        """The answer comes twice."""
        self._answers(kind, Duplicate())

    def pairing_hangs(self) -> None:
        device = self.radio._devices["lamp"]._bumble
        device.pairing_config_factory = lambda _connection: PairingConfig(delegate=Deaf())

    def lose(self, device: Gadget) -> None:
        self.radio.break_link(device)

    def take_away(self, device: Gadget) -> None:
        self.radio.take_away(device)

    def bring_back(self, device: Gadget) -> None:
        self.radio.bring_back(device)

    def adapter_goes(self) -> None:
        self.radio.unplug_adapter(ADAPTER)

    def adapter_comes_back(self) -> None:
        self.radio.plug_adapter(ADAPTER)

    def _answers(self, kind: str, action: Delay | Drop | Disconnect | Duplicate, times: int = 1) -> None:
        match = Match(moment=Moment.FROM_DEVICE, opcode=RESPONSES[kind], times=times)
        self.radio.rules.append(Rule(match, action))


WORLDS: dict[str, Callable[[], World]] = {"simulated": OnSimulated, "bumble": OnRadio}


class Stand:
    """`lamp` and `door` in a world of their own, and a keeper with one adapter."""

    def __init__(self, world: World, *, limits: Limits | None, journal: bool, slots: int) -> None:
        self.world = world
        self.lamp, self.door = Gadget("lamp", 1), Gadget("door", 2)
        self.watch = Watch()
        self.journal = MemoryJournal() if journal else None
        self._limits = limits
        self._slots = slots
        self.keeper: Keeper

    async def begin(self) -> None:
        """Everything up, nothing connected."""
        devices = [self.lamp, self.door]
        await self.world.begin(devices)
        self.keeper = Keeper(
            links={"adapter": self.world.link},
            book=Book({one.name: DeviceRules(address=one.address, journal_payloads=True) for one in devices}),
            journal=self.journal,
            observers=(self.watch,),
            limits=self._limits,
            slots={"adapter": self._slots},
        )
        await self.keeper.start()

    async def end(self) -> None:
        """Everything down."""
        await self.keeper.close()
        await self.world.end()

    async def connected(self, name: str = "lamp") -> Device:
        """The device, connected; nothing of that counts as heard."""
        device = self.keeper.device(name)
        await device.connect()
        await asyncio.sleep(1)  # what a link does by itself right after
        return device

    async def submit(self, operation: Operation | bytes, device: str = "lamp", **fields: object) -> Handle:
        """Submit an operation; bytes are written."""
        if isinstance(operation, bytes):
            operation = put(operation)
        return await self.keeper.submit(Command(device=device, operation=operation, **fields))


def put(payload: bytes, uuid: str = WRITABLE) -> Write:
    """A write that the device acknowledges."""
    return Write(target=characteristic_ref(uuid), payload=payload)


S = TypeVar("S", bound="Stand")


def live(
    world: str,
    story: Callable[[S], Awaitable[None]],
    *,
    limits: Limits | None = None,
    journal: bool = False,
    slots: int = 5,
    kind: type[S] = Stand,
) -> None:
    """Run a story in one of the worlds; nothing may be left of it."""

    async def run() -> None:
        stand = kind(WORLDS[world](), limits=limits, journal=journal, slots=slots)
        await stand.begin()
        try:
            await story(stand)
        finally:
            await stand.end()
        await nothing_left()

    run_virtual(run())
