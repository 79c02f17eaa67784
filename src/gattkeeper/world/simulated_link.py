"""A link without a stack: virtual devices behind an adapter that exists in memory only.

    link = SimulatedLink([blind.device], seed=7)
    link.rules.append(LinkRule(LinkMatch(moment=LinkMoment.OPERATION, times=1), LoseResponse()))
    keeper = Keeper(links={"adapter": link}, book=book)

Meant for virtual time (`run_virtual`): thousands of operations in a real second, and the same seed with the same
calls gives the same history. Knows when connections come up and go down. No packets: where the behaviour of a
stack matters, `VirtualRadio` has one.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterable

from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.model.adapter import CUTTING, Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import Phase
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.ports import ConnectionEvents, LinkTraits, Sighting
from gattkeeper.world.simulated_attempt import Attempt
from gattkeeper.world.simulated_connection import Chance, SimulatedConnection
from gattkeeper.world.simulated_faults import IN_VAIN, LOCAL_HOST_TERMINATED, NOT_FOUND, WEDGED, Wedge
from gattkeeper.world.simulated_gatt import ATT_MTU, OPERATIONS, RSSI_DBM
from gattkeeper.world.simulated_identity import (
    AMBIGUOUS,
    AWAY,
    IMPOSTOR,
    RENAMED,
    WEAK,
    Identities,
    must_prove,
    sighting_of,
)
from gattkeeper.world.simulated_log import Seen, SeenKind, SimulatedLog
from gattkeeper.world.simulated_rules import (
    Fail,
    Hang,
    LinkAction,
    LinkMoment,
    LinkRule,
    LoseLink,
    Raise,
    Stubborn,
    be_deaf,
)
from gattkeeper.world.virtual_device import VirtualDevice, VirtualService

DISCOVERY_INTERVALS = 4
"""Connection intervals that discovering services takes: a small table is four round trips."""

ADAPTER_OFF = Fault(kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="simulated", name="adapter_off")

SHORTEST_S = 1e-6
"""A rest of a scan that is no time any more: less than this may be less than what a float can add to a clock."""

RUNG_S = 0.3
"""How long a rung of the recovery takes."""

ENCRYPTION_INTERVALS = 2
"""Connection intervals that encrypting with a bond takes."""


class SimulatedLink:
    """Implements `ports.Link` over virtual devices.

    `connection_interval_s`: an answer takes up to two of them. `advertising_interval_s`: how long a connection
    waits for the device at most. `disconnect_s`: how long taking a connection down takes (BlueZ: 2 s). `bypass`,
    `bypass_other`, `aside` and `unanswered` as in `ports.LinkTraits`; what is never answered is over after
    `settle_s`.

    `rules` is the list of faults; append to it and remove from it at any time. The same for `away`, the names of
    devices that do not advertise, `paired`, those that have a bond with us, `signals`, how strongly devices are
    heard, in dBm, and `att_mtu_max`, what devices agree to on connections to come, in bytes. Links may share
    devices: each has one connection, by whichever of them. A device whose `services` are replaced while it is
    connected refuses what is meant for the old ones (ATT error 0x12) until they are discovered again. `log` is the
    link's own record: what was handed over, carried out and answered when and on which connection, and, as
    `log.violations`, every moment with more than one request pending on a connection, or more than one connection
    attempt or scan; an attempt whose link is up counts no more.

    `identities` says who answers to an address, and how much that one can prove: impostors, new addresses.
    `rungs`: what can be done about a wedge (`wedge`). `recovered` has those that were done, and their device.
    """

    def __init__(
        self,
        devices: Iterable[VirtualDevice],
        *,
        name: str = "simulated",
        seed: int = 1,
        connection_interval_s: float = 0.03,
        advertising_interval_s: float = 0.1,
        disconnect_s: float = 0.06,
        bypass: bool = False,
        bypass_other: bool = False,
        aside: frozenset[str] = frozenset(),
        unanswered: frozenset[str] = frozenset(),
        settle_s: float = 0.5,
        rungs: tuple[Rung, ...] = (),
    ) -> None:
        self.rules: list[LinkRule] = []
        self.identities = Identities(devices)
        self.away, self.signals = set[str](), dict[str, int]()
        self.att_mtu_max = ATT_MTU
        self._name, self.log = name, SimulatedLog(name)
        self._traits = LinkTraits(
            operations=OPERATIONS,
            bypass=bypass,
            bypass_other=bypass_other,
            aside=aside,
            unanswered=unanswered,
            forgets=True,
            discovers_beside=True,
            proves=True,
            rungs=rungs,
        )
        self.recovered: list[tuple[Rung, str]] = []
        self._wedge: Wedge | None = None
        self._advertising_interval_s = advertising_interval_s
        self._chance = Chance(
            dice=random.Random(seed),
            interval_s=connection_interval_s,
            disconnect_s=disconnect_s,
            ask=self._ask,
            traits=self._traits,
            settle_s=settle_s,
            paired=self.paired,
            att_mtu_max=lambda: self.att_mtu_max,
        )
        self._on_adapter: Callable[[bool, Fault | None], None] | None = None
        self._connections: dict[str, SimulatedConnection] = {}  # by the device's name
        self._epochs: dict[str, int] = {}  # the same
        self._attempts: list[Attempt] = []
        self._up, self._scans = True, 0

    @property
    def paired(self) -> set[str]:
        """The names of the devices that have a bond with us."""
        return self.identities.paired

    @property
    def name(self) -> str:
        """The adapter's name."""
        return self._name

    @property
    def traits(self) -> LinkTraits:
        """What it can do."""
        return self._traits

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        """Take hold of the adapter. One that is off is reported as such."""
        self._on_adapter = on_adapter
        if not self._up:
            asyncio.get_running_loop().call_soon(on_adapter, False, ADAPTER_OFF)

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> SimulatedConnection:
        """Connect once. Raises LinkError, and whatever a rule says."""
        known = self.identities.at(device)
        attempt = Attempt(device=self.identities.name_at(device), gone=asyncio.get_running_loop().create_future())
        self._attempts.append(attempt)
        self._note(attempt, SeenKind.CONNECTING)
        self._note_radio_use()
        try:
            if not self._up:
                raise LinkError(ADAPTER_OFF)
            if self.identities.is_ambiguous(device):
                self._note(attempt, SeenKind.FAULT, AMBIGUOUS.name)
                raise LinkError(AMBIGUOUS)
            return await self._connect(attempt, known, events, demand)
        finally:
            self._attempts.remove(attempt)
            self._note(attempt, SeenKind.ATTEMPT_OVER)

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """Every device that is not connected, once per advertising interval."""
        until = _now() + duration_s
        self._scans += 1
        self._note_radio_use()
        try:
            while until - _now() > SHORTEST_S:
                for device in self.identities.devices if self._up else ():
                    if not self._is_silent(device):
                        yield sighting_of(device, self.signals.get(device.name, RSSI_DBM))
                await asyncio.sleep(min(self._advertising_interval_s, until - _now()))
        finally:
            self._scans -= 1

    async def close(self) -> None:
        """Let go of the adapter; every connection of it is lost."""
        self._on_adapter = None
        self._cut(LOCAL_HOST_TERMINATED)

    def lose(self, device: str, fault: Fault, *, told: int = 1, straggler: bytes = b"") -> None:
        """Break the connection of a device, if it has one; the owner hears of it `told` times.

        With a `straggler` every subscription gets this one notification a second after it was all over.
        """
        connection = self._connections.pop(device, None)
        if connection is not None:
            connection.end(fault, told=told, straggler=straggler)

    def change_services(self, device: str, services: tuple[VirtualService, ...]) -> None:
        """Give a device another attribute table, also under a connection, whose owner hears of it at once."""
        self.identities.named(device).services = services
        if device in self._connections:
            self._connections[device].discover_again()

    def change_mtu(self, device: str, att_mtu: int) -> None:
        """Let a device that is connected exchange another ATT_MTU, in bytes, without being asked."""
        self._connections[device].change_mtu(att_mtu)

    def prove_again(self, device: str) -> None:
        """Let a connected device show how secure its connection is by now."""
        self._connections[device].prove()

    def pair(self, device: str, *, under_way: bool) -> None:
        """Let a connected device begin to pair, or come to its end: then it is paired."""
        connection = self._connections.get(device)
        if connection is not None:
            connection.pair(under_way=under_way)

    def adapter_down(self, fault: Fault = ADAPTER_OFF) -> None:
        """Switch the adapter off: connections and attempts end, the owner is told."""
        self._up = False
        self._cut(fault)
        if self._on_adapter is not None:
            self._on_adapter(False, fault)

    def adapter_up(self) -> None:
        """Switch it on again."""
        self._up = True
        if self._on_adapter is not None:
            self._on_adapter(True, None)

    def wedge(self, *cured_by: Rung) -> None:
        """From now on no connection is made, until one of these rungs is done; connections that are up go on."""
        self._wedge = Wedge(cured_by=frozenset(cured_by))

    def unwedge(self) -> None:
        """The wedge is over by itself."""
        self._wedge = None

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """Do a rung: one that cuts switches the adapter off and on. Raises whatever a rule says."""
        name = self.identities.name_at(device)
        self.recovered.append((rung, name))
        self.log.note(Seen(at_s=_now(), device=name, epoch=0, kind=SeenKind.RECOVERING, rung=rung.value))
        action = self._ask(LinkMoment.RECOVER, name, 0, None, rung=rung.value)
        match action:
            case Hang():
                await Attempt(device=name, gone=asyncio.get_running_loop().create_future()).wait(action.seconds)
            case Fail():
                raise LinkError(action.fault)
            case Raise():
                raise action.error
            case _:
                await asyncio.sleep(RUNG_S)
        if rung in CUTTING:
            self.adapter_down()
            self.adapter_up()
        if self._wedge is not None:
            self._wedge = None if rung in self._wedge.cured_by else replace(self._wedge, name=IN_VAIN)

    async def bonded(self, device: DeviceAddress) -> bool:
        """Whether the device is among `paired`."""
        return self.identities.is_paired(device)

    async def forget(self, device: DeviceAddress) -> None:
        """Take it out of `paired`. Raises LinkError when the adapter is off."""
        if not self._up:
            raise LinkError(ADAPTER_OFF)
        self.identities.forget(device)

    def _cut(self, fault: Fault) -> None:
        for attempt in self._attempts:
            if not attempt.gone.done():
                attempt.gone.set_result(fault)
        for device in list(self._connections):
            self.lose(device, fault)

    async def _connect(
        self, attempt: Attempt, device: VirtualDevice | None, events: ConnectionEvents, demand: Demand
    ) -> SimulatedConnection:
        action = self._ask(LinkMoment.CONNECT, attempt.device, 0, None)
        if self._wedge is not None:
            self._note(attempt, SeenKind.FAULT, self._wedge.name)
            raise LinkError(WEDGED)
        events.progress(Phase.SCAN)
        await self._until_heard(attempt, device)
        match action:
            case Hang():
                await attempt.wait(action.seconds)
            case Stubborn():
                await be_deaf(action.seconds)
            case Fail():
                raise LinkError(action.fault)
            case Raise():
                raise action.error
            case _:
                pass
        if device is None:
            raise LinkError(NOT_FOUND)
        await attempt.wait(self._chance.interval_s)
        attempt.linked = True
        events.progress(Phase.CONNECTED)
        connection = self._bring_up(attempt, device, events)
        try:
            await self._encrypt(attempt, connection, demand)
            await attempt.wait(DISCOVERY_INTERVALS * self._chance.interval_s)
        except BaseException:
            if connection.down is None:
                connection.forget()
            raise
        events.progress(Phase.DISCOVERED)
        if isinstance(action, LoseLink):
            connection.end(action.fault, told=action.told)
        return connection

    async def _encrypt(self, attempt: Attempt, connection: SimulatedConnection, demand: Demand) -> None:
        """What is demanded comes before anything is read. Raises LinkError when it is not there."""
        if demand.asks:
            await attempt.wait(ENCRYPTION_INTERVALS * self._chance.interval_s)
            if self.identities.offers_less(attempt.device):
                self._note(attempt, SeenKind.FAULT, WEAK)
            must_prove(demand, connection.prove())

    async def _until_heard(self, attempt: Attempt, device: VirtualDevice | None) -> None:
        """The device's next advertisement; a connected one sends none."""
        await attempt.wait(self._advertising_interval_s * self._chance.dice.uniform(0.01, 1.0))
        if device is not None and device.name in self.away:
            self._note(attempt, SeenKind.FAULT, AWAY)
        if device is not None and device.name in self.identities.renamed:
            self._note(attempt, SeenKind.FAULT, RENAMED)
        while device is not None and self._is_silent(device):
            await attempt.wait(self._advertising_interval_s)

    def _is_silent(self, device: VirtualDevice) -> bool:
        """Whether nobody advertises under a device's address, or under another one that is known to be its."""
        held = self.identities.answering(device).held > 0
        return held or device.name in self.away or self.identities.is_hidden(device)

    def _bring_up(self, attempt: Attempt, device: VirtualDevice, events: ConnectionEvents) -> SimulatedConnection:
        answers = self.identities.answering(device)
        name = answers.name
        if answers is not device:
            self._note(attempt, SeenKind.FAULT, IMPOSTOR)
        self._epochs[name] = self._epochs.get(name, 0) + 1
        connection = SimulatedConnection(
            answers,
            events,
            epoch=self._epochs[name],
            chance=self._chance,
            log=self.log,
            on_end=lambda: self._connections.pop(name, None),
            prove=lambda: self.identities.proof(device, answers),
            sincere=answers is device,
        )
        self._connections[name] = connection
        return connection

    def _ask(
        self, moment: LinkMoment, device: str, epoch: int, operation: Operation | None, *, rung: str = ""
    ) -> LinkAction | None:
        now, dice = _now(), self._chance.dice
        rule = next((rule for rule in self.rules if rule.fires(moment, device, operation, now, dice)), None)
        if rule is None:
            return None
        self.log.note(
            Seen(
                at_s=now,
                device=device,
                epoch=epoch,
                kind=SeenKind.FAULT,
                operation=operation,
                fault=rule.name,
                rung=rung,
            )
        )
        return rule.action

    def _note_radio_use(self) -> None:
        self.log.note_radio_use(_now(), [one.device for one in self._attempts if not one.linked], self._scans)

    def _note(self, attempt: Attempt, kind: SeenKind, fault: str = "") -> None:
        self.log.note(Seen(at_s=_now(), device=attempt.device, epoch=0, kind=kind, fault=fault))


def _now() -> float:
    return asyncio.get_running_loop().time()
