"""The keeper: the public way in, for the library and for every front.

Knows what a caller may ask. The order of things is the scheduler's, the record the journal's.
"""

import asyncio
import concurrent.futures
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path

from msgspec.structs import replace

from gattkeeper.core import events
from gattkeeper.core.limits import Limits
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.errors import (
    InvalidCommandError,
    LinkError,
    QueueClosedError,
    RefusedError,
    StorageError,
)
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Command, Origin, Priority, problem_with
from gattkeeper.model.operation import changes_state
from gattkeeper.model.outcome import Outcome
from gattkeeper.model.record import Note, ResumeAsked, StopAsked
from gattkeeper.model.status import AdvertisedRssi, KeeperStatus
from gattkeeper.runtime import steering
from gattkeeper.runtime.adapters import Adapters, AdapterUse
from gattkeeper.runtime.asking import AgentDesk, PairingAgent
from gattkeeper.runtime.calls import Pointer
from gattkeeper.runtime.departures import Departures
from gattkeeper.runtime.device import DEADLINE_S, Device
from gattkeeper.runtime.durations import optional_us, to_us
from gattkeeper.runtime.fanout import GATHER_S, Fanout, check_together, submit_together
from gattkeeper.runtime.flaws import check
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.hearing import Hearing, connected_by
from gattkeeper.runtime.leases import Lease, Leases, connect_of
from gattkeeper.runtime.ledger import Ledger
from gattkeeper.runtime.notifications import NotificationHub, Notifications
from gattkeeper.runtime.ports import DeviceBook, Journal, Link, Observer, Sighting
from gattkeeper.runtime.pump import Pump
from gattkeeper.runtime.recording import Recorder
from gattkeeper.runtime.resolving import accept_flaws, resolve
from gattkeeper.runtime.scanning import TurnTakingLink
from gattkeeper.runtime.sessions import DISCONNECT_TIMEOUT_S
from gattkeeper.runtime.switchboard import Switchboard
from gattkeeper.runtime.ways import Ways

_log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 30.0
"""How long closing waits for what is in flight and for connections to be let go of."""


class Keeper:
    """One keeper in front of its adapters, on the running event loop.

    `links` by the adapter's name in the settings; `slots` by the same name, how many connections each may hold (5
    unless told); `serialization` likewise, how many operations each does at once; `recovery` likewise, whether
    each is recovered when it is wedged (it is unless told). `id_prefix` makes command ids unique over restarts.
    `origin` is on record where a caller names nobody. `jitter` gives numbers from 0 to 1 that spread back-offs. A
    disconnect is left to itself after `disconnect_timeout_s`. Where a signal decides between adapters they listen
    every `listen_every_s` seconds; with 0 only scans that somebody asks for are heard. With `recording` every
    event goes into that file, for `gattkeeper replay`. `agent` is asked while a device pairs.
    """

    def __init__(
        self,
        *,
        links: Mapping[str, Link],
        book: DeviceBook,
        journal: Journal | None = None,
        observers: Sequence[Observer] = (),
        limits: Limits | None = None,
        slots: Mapping[str, int] | None = None,
        serialization: Mapping[str, Serialization] | None = None,
        recovery: Mapping[str, bool] | None = None,
        id_prefix: str = "c",
        origin: Origin | None = None,
        jitter: Callable[[], float] = lambda: 0.5,
        disconnect_timeout_s: float = DISCONNECT_TIMEOUT_S,
        listen_every_s: float = 0.0,
        recording: Path | None = None,
        agent: PairingAgent | None = None,
    ) -> None:
        self.book = book
        self.hub, self.agents = NotificationHub(), AgentDesk(agent)
        self._hearing, self._leases = Hearing(), Leases(self._feed)
        self.closing = False
        self._letting_go = False  # too late for a stop: adapters are being closed
        self._loop = asyncio.get_running_loop()
        self.links = {name: TurnTakingLink(link) for name, link in links.items()}
        self._journal = journal
        self._ledger = Ledger(id_prefix=id_prefix, journal=journal, origin=origin or Origin())
        self._ways = Ways(self.links, self._feed, listen_every_s=listen_every_s)
        self._board = Switchboard(ledger=self._ledger, hub=self.hub, observers=observers, ways=self._ways)
        journalled, watched = journal is not None, bool(observers) or recording is not None
        self._scheduler = Scheduler(limits, journalled=journalled, watched=watched)
        self._recorder = (
            Recorder(recording, limits or Limits(), journalled=journalled) if recording is not None else None
        )
        self._pump = Pump(
            self._scheduler,
            self._board,
            journal=journal,
            jitter=jitter,
            disconnect_timeout_s=disconnect_timeout_s,
            recorder=self._recorder,
            agents=self.agents,
            hearing=self._hearing,
            leases=self._leases,
        )
        use = AdapterUse(slots=slots or {}, serialization=serialization or {}, recovery=recovery or {})
        self._adapters = Adapters(self.links, use, self._ways, feed=self._feed, jitter=jitter)
        self._departures = Departures(self._pump, self._ledger, self.status, self._board.moved)
        self._changing_book = asyncio.Lock()

    async def start(self) -> None:
        """Take hold of every adapter. Raises SettingsError, with what to do, when one cannot be had."""
        await self._adapters.open()
        self.look_at_journal()
        await self._ways.start()

    def look_at_journal(self) -> None:
        """Look at the journal: at the start, and when one that had a `fault` then has none any more."""
        self._know_all()
        self._pump.rows.look()

    async def use_book(self, book: DeviceBook) -> None:
        """Take other devices, groups and actions than those in force until now.

        A device that is not named any more, or at another place, is let go of first: what waits ends `cancelled`,
        what is in flight ends by itself, a minute at most; meanwhile the old book holds, and stops go on. Raises
        SettingsError (no such adapter, or something hangs) and QueueClosedError: then the old book stays.
        """
        async with self._changing_book:
            if self.closing:
                raise QueueClosedError("the keeper is shutting down")
            for device in book.names():
                self._ways.check(device, book.rules(device))
            try:
                await self._departures.change(self.book, book, self._ways)
                self.book = book
            finally:
                if not self.closing:
                    self._know_all()
                    await self._ways.find_bonds()

    def _know_all(self) -> None:
        """Every device of the book, by its rules; those whose unknown command nobody resolved are held."""
        for device in self.book.names():
            self._take_up(device)
        for command in self._journal.unresolved() if self._journal is not None else ():
            if command.device in self._ways and changes_state(command.operation):
                self._pump.feed(events.Latched(command_id=command.id, device=command.device))

    def _feed(self, event: events.Event) -> None:
        self._pump.feed(event)

    async def close(self) -> None:
        """End what waits, let what is in flight end, then let go of connections, adapters and journal."""
        if self.closing:
            return
        self.closing = True
        self._pump.feed(events.Closing())
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                while not self._is_quiet():
                    self._board.moved.clear()
                    await self._board.moved.wait()
        except TimeoutError:
            _log.warning("closing although something is still in flight after %g s", CLOSE_TIMEOUT_S)
            for command_id in self._ledger.live_ids():
                self._pump.feed(events.CancelRequested(command_id=command_id))
        self._letting_go = True
        await self._ways.close()
        await self._pump.recoveries.close()
        await self._pump.forgetting.close()
        await self._adapters.close()  # what was in flight until now ends with its connection
        self._pump.close()
        if self._recorder is not None:
            self._recorder.close()
        if self._journal is not None:
            await self._journal.close()

    def _is_quiet(self) -> bool:
        status = self.status()
        idle = all(device.connection == "disconnected" for device in status.devices)
        return idle and status.accepted == status.ended and not self._pump.holds_ends

    def device(self, name: str) -> Device:
        """A device by its name in the settings, or by its address. Raises UnknownDeviceError."""
        return Device(self, self._know(name))

    async def submit(self, command: Command) -> Handle:
        """Queue a command; returns once that is durable. Never raises for radio trouble: see the outcome.

        Raises UsageError (the call is wrong), RefusedError (not now) or StorageError (the journal cannot
        be written); then nothing was queued. The same `idempotency_key` with the same request gives the
        same command again, with a different request ConflictError.
        """
        command = self._checked(command)
        known = self._ledger.find_by_key(command) if command.idempotency_key else None
        if known is not None:
            await known.taken_on()
            return known
        check(self._journal, command)
        handle = self._ledger.open(command)
        self._pump.feed(events.Submitted(command=handle.command))
        try:
            await handle.taken_on()
        except asyncio.CancelledError:
            self.cancel(handle.id, origin=handle.command.origin)
            raise
        except (RefusedError, StorageError):
            self._ledger.strike(handle)
            raise
        return handle

    async def lease(
        self,
        device: str,
        *,
        holder: str,
        renew_within: float = 0.0,
        timeout: float | None = None,
        deadline: float = DEADLINE_S,
        priority: Priority = Priority.NORMAL,
        origin: Origin | None = None,
    ) -> Lease:
        """Connect, with the errors of `Device.connect`, and keep the connection: see `Lease`."""
        connect = connect_of(self._know(device), timeout, deadline, priority, origin or Origin())
        return await self._leases.hold(self, connect, holder, renew_within)

    async def fanout(self, commands: Sequence[Command], *, gather: float = GATHER_S) -> Fanout:
        """Queue a command for each of several devices, to be sent together; returns once they are durable.

        As many as the adapters have connections for go in the same moment, the others as soon as they can. Those
        that are ready wait `gather` seconds at most, and no longer than half of the shortest deadline or queue
        time-out. Raises UsageError, or QueueClosedError, when one of the commands, or the whole, is wrong: then
        nothing was queued. What a single device refuses is in `Fanout.refused`.
        """
        check_together(checked := [self._checked(command) for command in commands])
        check(self._journal, *checked)
        return await submit_together(self._ledger, self._pump.feed, checked, to_us("gather", gather))

    async def act_all(
        self, scope: str, action: str, argument: str | float | None = None, *, gather: float = GATHER_S
    ) -> Fanout:
        """`fanout` of one action on every device of a group, or of "all". Raises UsageError if one lacks it."""
        commands = [self.book.act(device, action, argument) for device in self.book.members(scope)]
        return await self.fanout(commands, gather=gather)

    def submit_threadsafe(self, command: Command) -> "concurrent.futures.Future[Outcome]":
        """`submit` from another thread; the future holds the outcome, or raises what `submit` raises."""

        async def run() -> Outcome:
            return await (await self.submit(command)).wait()

        return asyncio.run_coroutine_threadsafe(run(), self._loop)

    async def stop(self, scope: str = "all", *, latch: bool = False, origin: Origin | None = None) -> list[Handle]:
        """Emergency stop of a device, a group, or all. Never refused, never kept waiting by the disk.

        With `latch` the devices take no command that changes them until `resume`. Returns a handle for
        each device. Raises UnknownDeviceError for an unknown scope, QueueClosedError once the keeper is closed.
        """
        if self._letting_go:
            raise QueueClosedError("the keeper is closed: nothing can be stopped through it any more")
        handles = []
        for device in self.book.members(scope):
            command = replace(self.book.stop(self._know(device)), stop=True, origin=origin or Origin())
            handle = self._ledger.open(command)
            handles.append(handle)
            self._pump.feed(events.StopRequested(command=handle.command, latch=latch))
        asked, who, at_us = tuple(one.id for one in handles), self._ledger.who(origin), self.now_us()
        self.note(StopAsked(scope=scope, latch=latch, commands=asked, origin=who, at_us=at_us))
        return handles

    def resume(self, scope: str = "all", *, origin: Origin | None = None) -> tuple[str, ...]:
        """Open the gates that latched stops hold; returns the devices of the scope."""
        devices = self.book.members(scope)
        for device in devices:
            self._pump.feed(events.Resumed(device=device))
        who, at_us = self._ledger.who(origin), self.now_us()
        self.note(ResumeAsked(scope=scope, devices=devices, origin=who, at_us=at_us))
        return devices

    def now_us(self) -> int:
        """The monotonic clock that rows and timelines are on, in microseconds."""
        return self._pump.now_us()

    def note(self, row: Note) -> None:
        """Put on record what happened around the commands; later if the journal cannot be written now."""
        self._pump.rows.note(row)

    def cancel(self, command_id: str, *, origin: Origin | None = None) -> bool:
        """Take a command back. False when it has ended already, is a stop, or is not known."""
        return steering.cancel(self._ledger, self._pump, command_id, origin)

    def reprioritise(self, command_id: str, priority: Priority, *, origin: Origin | None = None) -> None:
        """Give a command that waits another priority, as if it had come so. Raises UsageError: it waits not."""
        steering.reprioritise(self._ledger, self._pump, command_id, priority, origin)

    async def resolve(
        self, command_id: str, *, applied: bool, who: str, why: str, origin: Origin | None = None
    ) -> None:
        """Write down what became known about a command that ended unknown; a latch it set opens.

        `who` decided, and `origin` handed it in. Raises UsageError when there is no such command, it did not end
        unknown, or it is resolved already; StorageError when it cannot be written: then nothing is resolved.
        """
        await resolve(self._ledger, self._pump, command_id, applied=applied, who=who, why=why, origin=origin)

    async def accept_flaws(self, *, who: str, why: str, origin: Origin | None = None) -> tuple[str, ...]:
        """Take the journal as it is, with what the start found missing or changed; gives that, a sentence each.

        It holds nothing back any more, nor after a restart. Raises UsageError if nothing was found, StorageError.
        """
        return await accept_flaws(self._journal, self._ledger, self._pump, who=who, why=why, origin=origin)

    def notifications(self, device: str, characteristic: Pointer) -> AbstractAsyncContextManager[Notifications]:
        """A device's notifications by name: `Device.subscribe`, with its errors."""
        return self.device(device).subscribe(characteristic)

    def handle(self, command_id: str) -> Handle | None:
        """A command by its id, as far back as the journal goes; None when there is none."""
        return self._ledger.find(command_id)

    def status(self) -> KeeperStatus:
        """Adapters, devices and queues at this moment."""
        status = self._scheduler.status(self._pump.now_us())
        adapters = (replace(one, address=self.links[one.name].name) for one in status.adapters)
        devices = (replace(each, advertised=self.advertised_rssi(each.name)) for each in status.devices)
        alerts = self._board.raised.in_force(status)
        return replace(status, adapters=tuple(adapters), devices=tuple(devices), alerts=alerts)

    def advertised_rssi(self, device: str) -> AdvertisedRssi | None:
        """How strongly a device was heard when it last advertised; None: it was not. Raises UnknownDeviceError."""
        return self._hearing.of(self.book.rules(device).address)

    async def scan(self, duration: float | None = 5.0, *, adapter: str = "") -> AsyncGenerator[Sighting, None]:
        """Advertisements as an adapter hears them, for `duration` seconds; the first one unless one is named.

        None: until the caller has heard enough; leave it with `contextlib.aclosing`. All who scan on one adapter
        share one scan. It begins with what is connected, by any adapter if none is named: that may be silent.
        Raises InvalidCommandError (bad duration), SettingsError (unknown adapter), RefusedError (not now).
        """
        optional_us("duration", duration)
        link = self._ways.link(adapter)
        for device in connected_by(adapter, self.status()):
            yield self._hearing.remembered(self._ways[device].address)
        try:
            async with aclosing(link.scan(duration)) as sightings:
                async for sighting in sightings:
                    self._hearing.note(sighting)
                    self._ways.heard(adapter or next(iter(self.links)), sighting)
                    yield sighting
        except LinkError as error:
            raise RefusedError(f"cannot scan now: {error.fault}") from error

    def _know(self, device: str) -> str:
        """Make the scheduler know the device; its one name. Raises UnknownDeviceError, SettingsError."""
        device = self.book.name_of(device)
        is_new = device not in self._ways
        if is_new:
            known = [name for name in self._ways if name not in self._departures.gone]
            self._ways.must_be_another(self.book.rules(device).address, known)
        if is_new or device in self._departures.gone:
            self._take_up(device)
        return device

    def _take_up(self, device: str) -> None:
        self._ways.learn(device, self.book.rules(device))
        self._departures.gone.discard(device)

    def _checked(self, command: Command) -> Command:
        """The command under its device's one name, if it is well-formed. Raises UsageError, RefusedError."""
        if self.closing:
            raise QueueClosedError("the keeper is shutting down")
        problem = problem_with(command)
        if problem:
            raise InvalidCommandError(problem)
        if command.stop:
            raise InvalidCommandError("an emergency stop goes through Keeper.stop")
        device = self._know(command.device)
        self._departures.check(device)
        self._ways.check_ability(device, command.operation)
        return command if command.device == device else replace(command, device=device)
