"""The drop-in with a keeper in a daemon: every client and every scanner has a connection of its own to its socket.

Knows what is asked of the daemon, and how its answers become ours. What was held ends with the connection: of a
program that dies nothing remains.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import partial

from msgspec import convert, to_builtins

from gattkeeper.bleak.doors import WAIT_S, Hold
from gattkeeper.bleak.hints import Hints
from gattkeeper.client.answers import outcome_in, sighting_in
from gattkeeper.client.async_client import Answer, AsyncClient
from gattkeeper.errors import CommandError, GattkeeperError, error_for
from gattkeeper.model.command import Command
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import CharacteristicRef, Service
from gattkeeper.model.operation import Operation, Unpair
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.runtime.ports import Sighting

CALLS_MAX = 16
"""Calls of one client that are with the daemon at once, which has room for 32 requests; more wait here."""

NEWS_S = 1.0
"""How long the word that a hold is over may come after an outcome that says so of the connection, in seconds: both
leave the daemon in the same moment."""

_LINK_KINDS = frozenset({FaultKind.LINK_LOST, FaultKind.ADAPTER_GONE, FaultKind.STACK_GONE})

_log = logging.getLogger(__name__)


async def carry_out(client: AsyncClient, command: Command) -> AnswerValue:
    """Submit a command and wait for its value. Raises GattkeeperError; cancelling takes the command back."""
    call = _Call(client, command)
    try:
        ended = await call.ended
    except asyncio.CancelledError:
        call.take_back()
        raise
    outcome = outcome_in(ended["outcome"])
    if not outcome.succeeded:
        raise error_for(outcome)
    return outcome.value


class _Call:
    """One command on its way, answered by its outcome. It is the client's own: its request can be ended."""

    def __init__(self, client: AsyncClient, command: Command) -> None:
        self._client = client
        self.ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        request = {"verb": "submit", "command": to_builtins(command), "owned": True}
        self._number = client.post(request, self._take)

    def _take(self, answer: Answer | GattkeeperError) -> None:
        self._client.forget(self._number)
        if self.ended.done():  # taken back in this moment
            return
        if isinstance(answer, GattkeeperError):
            self.ended.set_exception(answer)
        else:
            self.ended.set_result(answer)

    def take_back(self) -> None:
        """Nobody waits for it any more."""
        if self.ended.cancelled():
            self._client.forget(self._number)
            self._client.tell({"verb": "end", "request": self._number})
        else:
            self.ended.exception()  # it ended in the same moment: looked at, so that nobody reports it as lost


class _Held:
    """A lease of the daemon as a `Hold`."""

    def __init__(
        self, client: AsyncClient, held: Answer, answers: AsyncGenerator[Answer, None], on_end: Callable[[], None]
    ) -> None:
        self._client = client
        self.name: str = held["device"]
        self._lease: str = held["lease"]
        self._take(held)
        self._on_end: Callable[[], None] | None = on_end
        self._room = asyncio.Semaphore(CALLS_MAX)
        self._pushing: dict[CharacteristicRef, _Reading] = {}
        self._listening = _Reading(answers, self._take_news, self._over)

    def _take(self, table: Answer) -> None:
        self.att_mtu: int = table["att_mtu"]
        self.services = convert(table["services"], tuple[Service, ...])

    @property
    def active(self) -> bool:
        return self._on_end is not None

    def _take_news(self, answer: Answer) -> None:
        if "updated" in answer:
            self._take(answer["updated"])

    def _over(self) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()

    async def run(self, operation: Operation, hints: Hints) -> AnswerValue:
        command = Command(
            device=self.name,
            operation=operation,
            lease=self._lease,
            priority=hints.priority,
            idempotent=hints.idempotent,
        )
        try:
            async with self._room:
                return await carry_out(self._client, command)
        except CommandError as error:
            if error.outcome.fault is not None and error.outcome.fault.kind in _LINK_KINDS:
                await self._listening.over_within(NEWS_S)  # a program is told of its connection first
            raise

    async def subscribe(self, target: CharacteristicRef, hints: Hints, push: Callable[[bytes], None]) -> None:
        answers = self._client.stream(
            {
                "verb": "subscribe",
                "device": self.name,
                "characteristic": _pointer(target),
                "lease": self._lease,
                "priority": hints.priority.name.lower(),
            }
        )
        await _granted(answers)
        self._pushing[target] = _Reading(answers, partial(_push, push))

    async def unsubscribe(self, target: CharacteristicRef, hints: Hints) -> None:  # noqa: ARG002 - see `Hold`
        if target in self._pushing:
            await self._pushing.pop(target).end()

    async def close(self) -> None:
        self._on_end = None
        for reading in (*self._pushing.values(), self._listening):
            await reading.end()
        self._pushing.clear()


class _Reading:
    """A request that goes on, and what is done with each of its answers."""

    def __init__(
        self,
        answers: AsyncGenerator[Answer, None],
        take: Callable[[Answer], None],
        over: Callable[[], None] = lambda: None,
    ) -> None:
        self._answers = answers
        self._take = take
        self._over = over
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        with suppress(GattkeeperError):  # the daemon went away, and that is the end of it as well
            async for answer in self._answers:
                self._take(answer)
        self._over()

    async def over_within(self, timeout: float) -> None:
        """Wait for its end, no longer than that."""
        await asyncio.wait({self._task}, timeout=timeout)

    async def end(self) -> None:
        """End it, and wait until that is so at the daemon. Never raises."""
        self._task.cancel()
        await asyncio.wait({self._task})
        with suppress(GattkeeperError):
            await self._answers.aclose()


class ThroughSocket:
    """A `Door` to a daemon, by a connection that nobody else uses."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def hold(
        self, device: str, *, holder: str, timeout: float, hints: Hints, on_end: Callable[[], None]
    ) -> Hold:
        """See `Door`."""
        answers = self._client.stream(
            {
                "verb": "hold",
                "device": device,
                "holder": holder,
                "priority": hints.priority.name.lower(),
                "timeout": timeout,
                "deadline": timeout + WAIT_S,
            }
        )
        first = await _granted(answers)
        return _Held(self._client, first["held"], answers, on_end)

    async def unpair(self, device: str) -> None:
        """See `Door`."""
        await carry_out(self._client, Command(device=device, operation=Unpair()))

    async def scan(self) -> AsyncGenerator[Sighting, None]:
        """See `Door`."""
        async with aclosing(self._client.stream({"verb": "scan", "duration": None})) as answers:
            async for answer in answers:
                if "sighting" in answer:
                    yield sighting_in(answer["sighting"])

    async def problem_with_scan(self) -> str:
        """See `Door`."""
        adapter = (await self._client.ask({"verb": "status"}))["status"]["adapters"][0]
        return "" if adapter["up"] else f"the adapter {adapter['name']} is not there"

    async def close(self) -> None:
        """See `Door`."""
        await self._client.close()


async def _granted(answers: AsyncGenerator[Answer, None]) -> Answer:
    """The first answer, if it says that what was asked for is granted. Raises GattkeeperError."""
    try:
        first = await anext(answers)
    except BaseException:
        await answers.aclose()
        raise
    if "outcome" not in first:
        return first
    await answers.aclose()
    raise error_for(outcome_in(first["outcome"]))


def _push(push: Callable[[bytes], None], answer: Answer) -> None:
    if "notification" not in answer:
        return
    try:
        push(bytes.fromhex(answer["notification"]))
    except Exception:  # noqa: BLE001 - the program's own trouble, and the next value is due
        _log.exception("a notification callback failed")


def _pointer(target: CharacteristicRef) -> str | int | tuple[str, str]:
    if target.handle:
        return target.handle
    return (target.service, target.uuid) if target.service else target.uuid
