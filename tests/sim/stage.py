"""What everybody in a simulation shares: devices, links, the keeper of this life, and the record of it all.

Knows where things are. What is done with them stands in `calls`, `client_faults` and `world_faults`.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Generic, TypeVar

from msgspec.structs import replace

from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung, Serialization
from gattkeeper.model.command import Command
from gattkeeper.model.identity import AddressKind
from gattkeeper.model.security import SecurityLevel
from gattkeeper.model.status import DeviceStatus
from gattkeeper.runtime.adapter_lock import OwnedLink
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import SimulatedLink, VirtualDevice
from sim.front import Front
from sim.history import Fired, History, Push, Told
from sim.memory_journal import MemoryJournal
from sim.scene import PUSHED, WRITABLE, Book, device
from sim.script import Script, step_of

SYNC_S = 0.02
"""The longest that the simulated disk takes."""


ROAMING = 0.5
"""How many devices may use several adapters, on so many of all days."""

TRUSTING = 0.3
"""How many devices have to be encrypted before they are used."""

S = 1_000_000

BLUEZ = (Rung.DISCONNECT_DEVICE, Rung.FORGET_DEVICE, Rung.STOP_DISCOVERY, Rung.POWER_CYCLE, Rung.HARD_RESET)
BUMBLE = (Rung.POWER_CYCLE, Rung.HARD_RESET)
"""What the links of these stacks can do about their adapters."""

ASIDE = frozenset({"read_rssi", "read_phy"})
UNANSWERED = frozenset({"request_connection_parameters"})
"""What some stacks do beside the bearer, and what some never answer."""

_ANSWERS: tuple[tuple[float, ...], ...] = ((), (0,), (1,), (0, 0.5))
"""How a device answers a write by notifications: after how many seconds."""

AnyLink = TypeVar("AnyLink")


class Stage(Generic[AnyLink]):
    """The world of one run: `devices`, each of them on one of the `links`. `folder` is where adapters are locked."""

    def __init__(
        self,
        dice: random.Random,
        folder: Path,
        *,
        seed: int,
        devices: list[VirtualDevice],
        links: Mapping[str, AnyLink],
        roamers: frozenset[str] = frozenset(),
    ) -> None:
        self.seed, self.folder = seed, folder
        self.loop = asyncio.get_running_loop()
        self.devices = devices
        for one in devices:
            attribute = one.characteristic(WRITABLE)
            attribute.on_write = partial(self._written, one, attribute.on_write)
        self.links = links
        self.safety = frozenset(one.name for one in self.devices if dice.random() < 0.2)
        doubts = random.Random(f"trust {seed}")  # dice of their own: seeds from before go on as they did
        self.trusting = frozenset(one.name for one in self.devices if doubts.random() < TRUSTING)
        self.book = _book(dice, doubts, self, roamers)
        self.limits = Limits(
            queue_per_device_max=dice.choice((4, 30, 1000)),
            shed=dice.random() < 0.3,
            recovery_cooldown_us=dice.choice((4 * S, 30 * S)),
        )
        self.slots = {name: dice.randint(1, 3) for name in self.links}
        self.serialization = {name: dice.choice(list(Serialization)) for name in self.links}
        self.owned: dict[str, OwnedLink] = {}
        self.journal = MemoryJournal(seed=seed, sync_s=SYNC_S)
        self.script = Script([one.name for one in self.devices])
        self.handles: list[Handle] = []
        self.keyed: list[Command] = []  # submitted under an idempotency key, in any life
        self.tasks: list[asyncio.Task[None]] = []
        self.flooded = False
        self.until_s = 0.0  # the end of this life's trouble
        self.history = History(
            safety=self.safety,
            bound_us=int(2 * SYNC_S * 1_000_000),
            depth_limit=self.limits.queue_per_device_max + 2,  # one may come back from its flight, one is an undo
            limits=self.limits,
            serialization=self.serialization,
            adapters={name: self.book.rules(name).adapter or next(iter(links)) for name in self.book.names()},
        )
        self.crashed: dict[str, str] = {}  # commands whose caller crashed: label and step
        self._keeper: Keeper | None = None
        self._front: Front | None = None
        self._labels = count(1)
        self._readers = count(1)
        self._pushes = count(1)

    @property
    def keeper(self) -> Keeper:
        """The keeper of this life."""
        assert self._keeper is not None
        return self._keeper

    @keeper.setter
    def keeper(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @property
    def front(self) -> Front:
        """The socket front of this life."""
        assert self._front is not None
        return self._front

    @front.setter
    def front(self, front: Front) -> None:
        self._front = front

    def now_us(self) -> int:
        """The loop's clock."""
        return int(self.loop.time() * 1_000_000)

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start something that ends before the run does, or with a crash."""
        task = self.loop.create_task(work)
        self.tasks.append(task)
        return task

    def tell(self, command: Command, asked_at_us: int, *, refused: str) -> None:
        """Note that a caller was refused."""
        self.history.told.append(
            Told(command=command, asked_at_us=asked_at_us, told_at_us=self.now_us(), refused=refused)
        )

    def fired(self, number: str, step: str, *, device: str = "", command_id: str = "", said: str = "") -> None:
        """Note a fault that no link brings about."""
        self.history.fired.append(
            Fired(
                number=number,
                step=step,
                at_us=self.now_us(),
                device=device,
                command_id=command_id,
                said=said,
            )
        )

    def status_of(self, name: str) -> DeviceStatus:
        """A device as the keeper sees it."""
        known = (one for one in self.keeper.status().devices if one.name == name)
        return next(known, DeviceStatus(name=name, connection="removed", waiting=0))

    def recovery_of(self, adapter: str) -> str:
        """What is being done about an adapter, as the keeper says it."""
        return next(one.recovery for one in self.keeper.status().adapters if one.name == adapter)

    def adapter_of(self, name: str) -> str:
        """The adapter that a device is on; while it is in no settings, its first."""
        return self.status_of(name).adapter or self.history.adapters[name]

    def link_of(self, name: str) -> AnyLink:
        """The link that carries a device."""
        return self.links[self.adapter_of(name)]

    def kind_in_flight(self, name: str) -> str:
        """What a device is doing: the kind of its command in flight, else the state of its connection."""
        status = self.status_of(name)
        handle = self.keeper.handle(status.in_flight) if status.in_flight else None
        return step_of(handle.command) if handle is not None else status.connection

    def new_reader(self) -> int:
        """A number for a reader of notifications."""
        return next(self._readers)

    def new_label(self, kind: str) -> str:
        """A label that no other command has."""
        return f"{kind} {next(self._labels)}"

    def push(self, one: VirtualDevice, *, times: int = 1) -> bytes:
        """A notification of a device, with a payload of its own; so many times."""
        payload = self.new_push(one)
        for _ in range(times):
            one.notify(one.characteristic(PUSHED), payload)
        return payload

    def _written(self, one: VirtualDevice, also: Callable[[bytes], None] | None, payload: bytes) -> None:
        """Of four writes one is answered with a notification, one late, one twice, one never."""
        if also is not None:
            also(payload)
        said_after_s = _ANSWERS[payload[-2] % len(_ANSWERS)] if len(payload) > 1 else ()
        for after_s in said_after_s:
            self.loop.call_later(after_s, self._push_back, one, payload)
        step = self.kind_in_flight(one.name)
        if said_after_s != (0,) and step == "write then wait":
            self.fired("F9", step, device=one.name, command_id=self.status_of(one.name).in_flight)

    def _push_back(self, one: VirtualDevice, written: bytes) -> None:
        one.notify(one.characteristic(PUSHED), self.new_push(one, written))

    def new_push(self, one: VirtualDevice, begins: bytes = b"") -> bytes:
        """A payload for a notification of this device, noted as sent."""
        payload = begins + next(self._pushes).to_bytes(4, "big")
        self.history.pushed.append(Push(device=one.name, payload=payload, at_us=self.now_us()))
        return payload


def some_devices(dice: random.Random, most: int) -> list[VirtualDevice]:
    """One to so many."""
    return [device(f"device-{number}", number) for number in range(1, dice.randint(1, most) + 1)]


def some_roamers(dice: random.Random, devices: list[VirtualDevice]) -> frozenset[str]:
    """On every other day, some that may use several adapters."""
    if dice.random() < ROAMING:
        return frozenset()
    return frozenset(one.name for one in devices if dice.random() < ROAMING)


def simulated_links(
    dice: random.Random, devices: list[VirtualDevice], roamers: frozenset[str] = frozenset()
) -> dict[str, SimulatedLink]:
    """One to three adapters, between which the devices are divided; roamers are in reach of all of them."""
    names = [f"adapter-{number}" for number in range(1, dice.randint(1, 3) + 1)]
    bypass, bypass_other = dice.choice(((False, False), (True, False), (False, True)))
    return {
        name: SimulatedLink(
            [one for at, one in enumerate(devices) if at % len(names) == index or one.name in roamers],
            name=name,
            seed=dice.getrandbits(32),
            disconnect_s=dice.choice((0.02, 0.06, 2.0)),
            bypass=bypass,
            bypass_other=bypass_other,
            aside=dice.choice((frozenset(), ASIDE)),
            unanswered=dice.choice((frozenset(), UNANSWERED)),
            rungs=dice.choice(((), BUMBLE, BUMBLE, BLUEZ)),
        )
        for index, name in enumerate(names)
    }


def _book(dice: random.Random, doubts: random.Random, stage: Stage[AnyLink], roamers: frozenset[str]) -> Book:
    names = list(stage.links)
    ways = {one.name: _ways(names, index, roamers, one.name) for index, one in enumerate(stage.devices)}
    rules = {
        one.name: DeviceRules(
            address=replace(one.address, kind=doubts.choice((one.address.kind, AddressKind.ANY))),
            adapter=ways[one.name][0],
            others=ways[one.name][1:],
            safety=one.name in stage.safety,
            linger_us=dice.choice((50_000, 1_000_000, 8_000_000)),
            security=SecurityLevel.ENCRYPTED if one.name in stage.trusting else SecurityLevel.NONE,
        )
        for one in stage.devices
    }
    return Book(rules, may_bypass=dice.random() < 0.5)


def _ways(names: list[str], index: int, roamers: frozenset[str], device: str) -> tuple[str, ...]:
    """The adapters of the settings for a device: one, or all of them in its own order, or whichever hears it best."""
    at = index % len(names)
    if device not in roamers or len(names) == 1:
        return (names[at],)
    return ("",) if index % 2 else (*names[at:], *names[:at])
