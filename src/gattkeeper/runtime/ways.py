"""By which adapters each device may be reached, and what is heard of those that may use several.

Knows names, and who is told. Which of them a connection is made by the core decides; it is told facts only:
signals, a second apart at the least, and where the keys of a device are.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import aclosing

from msgspec import Struct

from gattkeeper.core import events
from gattkeeper.errors import ConflictError, LinkError, SettingsError, UnsupportedError
from gattkeeper.model.identity import DeviceAddress, looks_like_address
from gattkeeper.model.operation import Composite, Operation, kind_of, parts_of
from gattkeeper.model.security import Demand
from gattkeeper.runtime.demands import demand_of
from gattkeeper.runtime.ports import DeviceRules, Link, Sighting
from gattkeeper.runtime.scanning import TurnTakingLink

LISTEN_LENGTH_S = 3.0
"""How long an adapter listens each time: most devices advertise at least once a second, few only every two."""

SIGHTING_PAUSE_S = 1.0
"""Of one device and adapter the core hears no more often; a busy device advertises fifty times as often."""


def must_be_apart(links: Mapping[str, Link], name: str) -> None:
    """Raises SettingsError when an adapter that stands before this one has the same address."""
    address = links[name].name
    for other in links:
        if other == name:
            return
        if links[other].name == address and looks_like_address(address):
            raise SettingsError(
                f"adapters {other} and {name} have one address, {address}: they are one adapter under two"
                " names, or two that nobody can tell apart; take one of them out of the settings"
            )


class Route(Struct, frozen=True, kw_only=True):
    """Where a device is, and by whom it may be reached, the first choice first."""

    address: DeviceAddress
    adapters: tuple[str, ...]
    by_signal: bool  # whichever hears it best; else in this order
    journal_payloads: bool = False  # see `DeviceRules`

    @property
    def roams(self) -> bool:
        """Whether there is a choice."""
        return len(self.adapters) > 1


class Ways:
    """Every device's route. `listen_every_s`: how often adapters listen by themselves; 0: they do not."""

    def __init__(
        self,
        links: Mapping[str, TurnTakingLink],
        feed: Callable[[events.Event], None],
        *,
        listen_every_s: float = 0.0,
    ) -> None:
        self._links = links
        self._feed = feed
        self._listen_every_s = listen_every_s
        self._routes: dict[str, Route] = {}
        self._by_address: dict[str, str] = {}  # those that are chosen by signal
        self._told_at: dict[tuple[str, str], float] = {}  # by device and adapter
        self._unasked: set[tuple[str, str]] = set()  # devices and adapters that could not tell yet of keys
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, device: str) -> bool:
        return device in self._routes

    def __iter__(self) -> Iterator[str]:
        return iter(self._routes)

    def __getitem__(self, device: str) -> Route:
        return self._routes[device]

    def link(self, adapter: str) -> TurnTakingLink:
        """The link of an adapter by its name; the first for an empty one. Raises SettingsError."""
        name = adapter or next(iter(self._links), "")
        if name not in self._links:
            raise SettingsError(f"no adapter {name!r}: there is {', '.join(self._links) or 'none'}")
        return self._links[name]

    def check(self, device: str, rules: DeviceRules) -> tuple[str, ...]:
        """The adapters that a device's rules name, if any.

        Raises SettingsError for one that does not exist, or cannot prove what is demanded.
        """
        named = tuple(dict.fromkeys((rules.adapter, *rules.others))) if rules.adapter else ()
        for name in named or ("",):
            self.link(name)
        self._demand(device, rules, named)
        return named

    def check_ability(self, device: str, operation: Operation | Composite) -> None:
        """Raises UnsupportedError for what not every adapter that may connect the device can do."""
        parts = parts_of(operation)
        for adapter in self._routes[device].adapters:
            link = self._links[adapter]
            able = link.traits.operations
            for part in parts:
                if kind_of(part) not in able:
                    can = ", ".join(sorted(able))
                    raise UnsupportedError(f"{link.name} cannot do {kind_of(part)}; it can do {can}")

    def must_be_another(self, address: DeviceAddress, known: Iterable[str]) -> None:
        """Raises ConflictError when an address may be that of one of these devices."""
        for name in known:
            if self._routes[name].address.overlaps(address):
                raise ConflictError(f"{address.spelled} may be {name}, which is in use already: call it that")

    def _demand(self, device: str, rules: DeviceRules, named: tuple[str, ...]) -> Demand:
        return demand_of(device, rules, [self.link(name).traits for name in named or self._links])

    def learn(self, device: str, rules: DeviceRules) -> None:
        """Make the core know a device, or its rules of now. Raises SettingsError as `check` does."""
        named = self.check(device, rules)
        route = Route(
            address=rules.address,
            adapters=named or tuple(self._links),
            by_signal=not named,
            journal_payloads=rules.journal_payloads,
        )
        demand = self._demand(device, rules, named)
        self._routes[device] = route
        first, *others = route.adapters
        self._feed(
            events.DeviceAdded(
                device=device,
                adapter=first,
                others=tuple(others),
                by_signal=route.by_signal and route.roams,
                safety=rules.safety,
                linger_us=rules.linger_us,
                demand=demand,
                rotates=rules.address.rotates,
            )
        )
        self._by_address = {address: one for address, one in self._by_address.items() if one != device}
        if route.roams and route.by_signal:
            self._by_address[route.address.value] = device

    async def start(self) -> None:
        """Find out where keys are, and begin to listen where a signal decides."""
        await self.find_bonds()
        for adapter in self._links if self._listen_every_s and len(self._links) > 1 else ():
            self._spawn(self._listen(adapter))

    async def find_bonds(self) -> None:
        """Ask every adapter which of the devices that may use several it has keys of."""
        for device, route in self._routes.items():
            self._unasked |= {(device, adapter) for adapter in route.adapters if route.roams}
        for adapter in self._links:
            await self._ask_for_bonds(adapter)

    def adapter_up(self, adapter: str) -> None:
        """It is there again, or for the first time: it may tell now what it could not tell before."""
        if any(name == adapter for _, name in self._unasked):
            self._spawn(self._ask_for_bonds(adapter))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Listen no more."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def heard(self, adapter: str, sighting: Sighting) -> None:
        """Tell the core, if the signal matters."""
        device = self._by_address.get(sighting.address.value)
        if device is None or sighting.rssi_dbm is None:
            return
        now = asyncio.get_running_loop().time()
        if now - self._told_at.get((device, adapter), -SIGHTING_PAUSE_S) >= SIGHTING_PAUSE_S:
            self._told_at[device, adapter] = now
            self._feed(events.Sighted(device=device, adapter=adapter, rssi_dbm=sighting.rssi_dbm))

    async def _ask_for_bonds(self, adapter: str) -> None:
        for device in [device for device in self._routes if (device, adapter) in self._unasked]:
            try:
                bonded = await self._links[adapter].bonded(self._routes[device].address)
            except LinkError:
                return  # the adapter is not there now: nobody connects by it either
            self._unasked.discard((device, adapter))
            self._feed(events.Bonded(device=device, adapter=adapter, bonded=bonded))

    async def _listen(self, adapter: str) -> None:
        """Now and again, for a while: scanning takes turns with connecting, as ever."""
        while True:
            if self._by_address:
                try:
                    async with aclosing(self._links[adapter].scan(LISTEN_LENGTH_S)) as sightings:
                        async for sighting in sightings:
                            self.heard(adapter, sighting)
                except LinkError:
                    pass  # it is not there, or cannot scan now
            await asyncio.sleep(self._listen_every_s)
