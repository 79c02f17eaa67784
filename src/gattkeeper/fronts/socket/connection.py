"""One connection of the socket: lines in, requests side by side, answers out.

Knows the limits of a connection and what happens when its client vanishes. What a request does
stands in `verbs`, what a command line does in `fronts.cli`.
"""

import asyncio
import contextlib
import logging
import select
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from gattkeeper.errors import GattkeeperError, UsageError
from gattkeeper.fronts.answers import EXIT_UNKNOWN, Answer, error_answer
from gattkeeper.fronts.cli import frames
from gattkeeper.fronts.cli.daemon_verbs import run_daemon_verb
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.fronts.service import Service
from gattkeeper.fronts.socket import requests
from gattkeeper.fronts.socket.holding import Holdings
from gattkeeper.fronts.socket.output import Output
from gattkeeper.fronts.socket.pairing import WireAgent
from gattkeeper.fronts.socket.person import TypingPerson
from gattkeeper.fronts.socket.verbs import perform, submit_owned
from gattkeeper.model.command import Origin

_encode = msgspec.json.Encoder().encode

_logger = logging.getLogger("gattkeeper.socket")

LINE_BYTES_MAX = 64 * 1024
"""Longest line; a longer one ends the connection."""


class _Stream(NamedTuple):
    """A request that can be ended: its task, and how what it asked for is taken back then."""

    task: asyncio.Task[None]
    take_back: Callable[[], object] | None


_STREAMS = requests.Hold | requests.Scan | requests.Subscribe
"""Requests that go on until they are ended."""

REQUESTS_MAX = 32
"""Requests in flight on one connection."""

STOPS_MAX = 8
"""Stops in flight on one connection beyond that: a stop is never refused because of other requests."""

STOP_LINE_S = 5.0
"""How long a client that is served a stop and nothing else has for its line: the place is reserved."""

HANGUP_CHECK_S = 1.0
"""A client that has closed its sending side only (`socat`) is looked after this often."""

FAREWELL_S = 1.0
"""How long the last words may take: an error after an endless line, answers while the front closes."""


class Connection:
    """Serves one client until it goes away, or is sent away."""

    def __init__(
        self,
        service: Service,
        origin: Origin,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        output: Output,
        only_stop: str = "",
    ) -> None:
        self._service = service
        self._origin = origin
        self._reader = reader
        self._writer = writer
        self._output = output
        self._only_stop = only_stop  # why nothing else is served; empty: everything is
        self._agents: dict[requests.RequestId, WireAgent] = {}  # who is asked, by the id of their `pair`
        self._running: dict[asyncio.Task[None], bool] = {}  # whether it is a stop
        self._held = Holdings()
        self._streams: dict[requests.RequestId, _Stream] = {}  # those that can be ended

    async def serve(self) -> None:
        """Read requests until the client is gone; then end its waits and subscriptions."""
        try:
            async with asyncio.timeout(STOP_LINE_S if self._only_stop else None):
                may_read = await self._read_requests()
            if may_read:
                await self._finish()
        except TimeoutError:
            self._send(None, error_answer("too_many_connections", self._only_stop))
        except asyncio.CancelledError:  # the front closes; what has just ended is still told
            if self._running:
                await asyncio.wait(set(self._running), timeout=FAREWELL_S)
            raise
        finally:
            await self._end()

    async def _read_requests(self) -> bool:
        """Whether the client may still read answers when this returns."""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as rest:
                if rest.partial.strip():
                    self._take(rest.partial)
                return True
            except asyncio.LimitOverrunError:
                self._send(None, error_answer("line_too_long", f"a line has at most {LINE_BYTES_MAX} bytes"))
                await self._read_away()
                return False
            except ConnectionError:
                return False
            if line.strip() and not self._take(line):
                return True

    def _take(self, line: bytes) -> bool:
        """Start what the line asks for; False when the connection takes no further line."""
        try:
            request = requests.decode(line)
        except requests.BadRequest as error:
            self._send(error.request_id, error_answer("bad_request", str(error)))
            return True
        if isinstance(request, requests.Cli):
            return self._take_command_line(request)
        if isinstance(request, requests.Answer | requests.End):
            self._take_aside(request)
            return True
        is_stop = isinstance(request, requests.Stop)
        if self._only_stop and not is_stop:
            self._send(request.id, error_answer("too_many_connections", self._only_stop))
            return False
        running = sum(kind is is_stop for kind in self._running.values())
        if running >= (STOPS_MAX if is_stop else REQUESTS_MAX):
            message = f"a connection has at most {REQUESTS_MAX} requests in flight: wait for answers first"
            self._send(request.id, error_answer("too_many_requests", message))
            return True
        self._begin(request, is_stop=is_stop)
        return not self._only_stop

    def _begin(self, request: requests.Request, *, is_stop: bool) -> None:
        """What can be done in this moment is done before anything is waited for."""
        take_back: Callable[[], object] | None = None
        try:
            agent = self._agent_of(request)
            if isinstance(request, requests.Submit) and request.owned:
                answers, take_back = submit_owned(self._service, request, self._origin, self._held)
            else:
                answers = perform(self._service, request, self._origin, self._held, agent)
        except Exception as error:  # noqa: BLE001 - a request that fails is told so, and the next one is served
            self._tell(request.id, error)
            return
        task = self._start(self._answer(request, answers, agent), is_stop=is_stop)
        if isinstance(request, _STREAMS) or take_back is not None:
            self._streams[request.id] = _Stream(task, take_back)

    def _take_command_line(self, request: requests.Cli) -> bool:
        if self._running:
            self._send(request.id, error_answer("usage", "a command line needs a connection of its own"))
            return True
        if self._only_stop and request.argv[:1] != ("stop",):
            self._send(request.id, error_answer("too_many_connections", self._only_stop))
            return False
        self._start(self._run_command_line(request), is_stop=False)
        return False

    def _start(self, work: Coroutine[None, None, None], *, is_stop: bool) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._running[task] = is_stop
        task.add_done_callback(self._running.pop)
        return task

    def _take_aside(self, request: requests.Answer | requests.End) -> None:
        """What is about another request has a place in any case."""
        if isinstance(request, requests.Answer):
            self._take_answer(request)
            return
        stream = self._streams.pop(request.request, None)
        if stream is None:
            message = f"no request with the id {request.request!r} that can be ended is under way here"
            self._send(request.id, error_answer("usage", message))
        else:
            self._start(self._end_stream(request, stream), is_stop=False)

    async def _end_stream(self, request: requests.End, stream: _Stream) -> None:
        """End a request that would go on; its own last answer, if any, comes first."""
        stream.task.cancel()
        await asyncio.wait({stream.task})
        if stream.take_back is not None:
            stream.take_back()
        self._send(request.id, {"ended": request.request})

    async def _answer(
        self, request: requests.Request, answers: AsyncGenerator[Answer, None], agent: WireAgent | None
    ) -> None:
        try:
            async with contextlib.aclosing(answers):
                async for answer in answers:
                    self._send(request.id, answer)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell(request.id, error)
        finally:
            if agent is not None:
                del self._agents[request.id]
            stream = self._streams.get(request.id)
            if stream is not None and stream.task is asyncio.current_task():
                del self._streams[request.id]

    def _tell(self, request_id: requests.RequestId, error: Exception) -> None:
        """Why a request failed."""
        if isinstance(error, GattkeeperError):
            self._send(request_id, error_answer(error.code, str(error)))
            return
        _logger.error("a request of the socket failed", exc_info=error)
        self._send(request_id, error_answer("internal", "the keeper failed on this request; its log says more"))

    def _agent_of(self, request: requests.Request) -> WireAgent | None:
        """The client itself, where it wants to be asked while something is paired. Raises UsageError."""
        if not isinstance(request, requests.Pair) or not request.asks:
            return None
        if request.id in self._agents:
            raise UsageError("another pairing with this id is under way on this connection")
        agent = self._agents[request.id] = WireAgent(partial(self._send, request.id))
        return agent

    def _take_answer(self, answer: requests.Answer) -> None:
        agent = self._agents.get(answer.id)
        try:
            if agent is None:
                raise UsageError("no pairing with this id is under way on this connection")
            agent.take(answer)
        except GattkeeperError as error:
            self._send(answer.id, error_answer(error.code, str(error)))

    async def _run_command_line(self, request: requests.Cli) -> None:
        terminal = Terminal(tty=request.tty, color=request.color, columns=request.columns)
        origin = replace(self._origin, front="cli")
        person = TypingPerson(self._reader, self._output.write) if request.asks else None
        answer = run_daemon_verb(self._service, request.argv, terminal, origin, person)
        try:
            async with contextlib.aclosing(answer):
                async for frame in answer:
                    self._output.write(frame)
        except Exception:
            _logger.exception("a command line failed")
            self._output.write(frames.err("gattkeeper: the keeper failed on this command line; its log says more"))
            self._output.write(frames.exit_code(EXIT_UNKNOWN))

    def _send(self, request_id: requests.RequestId, answer: Answer) -> None:
        self._output.write(_encode({"id": request_id, **answer}) + b"\n")

    async def _finish(self) -> None:
        """Let requests end by themselves, for as long as somebody is there to read their answers."""
        poller = select.poll()
        poller.register(self._writer.get_extra_info("socket").fileno(), 0)
        while self._running and not self._writer.is_closing():
            await asyncio.wait(self._running, timeout=HANGUP_CHECK_S)
            if not self._writer.is_closing() and poller.poll(0):
                return

    async def _read_away(self) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(FAREWELL_S):
                while await self._reader.read(LINE_BYTES_MAX):
                    pass

    async def _end(self) -> None:
        """End waits and subscriptions; commands that were submitted go on without us."""
        running = list(self._running)
        for task in running:
            task.cancel()
        try:
            try:
                await asyncio.gather(*running, return_exceptions=True)
            finally:  # also when the front closes meanwhile
                self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        finally:
            self._output.release()
