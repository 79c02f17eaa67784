"""A daemon's socket from a program with an event loop: many requests side by side on one connection.

Knows lines, ids and which answer is the last of a request. What a request means is the daemon's business.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any, Self

import msgspec

from gattkeeper import errors
from gattkeeper.client.socket_path import default_socket_path
from gattkeeper.errors import DaemonGoneError, GattkeeperError, RefusedError, UsageError

Answer = dict[str, Any]

LINE_BYTES_MAX = 16 * 1024 * 1024
"""Longest line that is read: sixteen times what the daemon holds for a client."""

ANSWERS_MAX = 1_000
"""Answers to one request that may wait to be read; then the oldest is dropped and counted."""

RENEWALS = 3
"""How often a lease is renewed within the time in which it must be."""

_ERRORS: dict[str, type[GattkeeperError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, UsageError | RefusedError | errors.StorageError)
}

_GONE = "the daemon went away before it had answered: what was asked may or may not have happened"


class _Inbox:
    """The answers to one request that were not read yet."""

    def __init__(self) -> None:
        self.dropped = 0
        self._answers: deque[Answer | GattkeeperError] = deque(maxlen=ANSWERS_MAX)
        self._news = asyncio.Event()

    def put(self, answer: Answer | GattkeeperError) -> None:
        self.dropped += len(self._answers) == ANSWERS_MAX
        self._answers.append(answer)
        self._news.set()

    async def take(self) -> Answer:
        while not self._answers:
            self._news.clear()
            await self._news.wait()
        answer = self._answers.popleft()
        if isinstance(answer, GattkeeperError):
            raise answer
        if "error" in answer:
            raise _error_of(answer["error"])
        return answer


class AsyncClient:
    """One connection. Made by `open`; `async with` closes it, and what was held or subscribed through it ends.

    When the daemon goes away, every call that waits raises DaemonGoneError at once, and so does every later one.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._inboxes: dict[int, _Inbox] = {}
        self._count = 0
        self._gone: DaemonGoneError | None = None
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def open(cls, path: str = "") -> Self:
        """Connect to the daemon at `path`, or at the usual one. Raises DaemonGoneError when nobody answers."""
        path = path or default_socket_path()
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise DaemonGoneError(f"no daemon answers at {path}: {error}") from None
        return cls(reader, writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection; more than once is the same as once."""
        self._reading.cancel()
        self._writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await self._reading
        with suppress(OSError):
            await self._writer.wait_closed()

    async def ask(self, request: Answer) -> Answer:
        """One request, as the socket takes it but without `id`; its first answer, with `wait` the one after that.

        Raises what the daemon answers (UsageError, RefusedError, StorageError and their kin), and DaemonGoneError.
        How a command ended is in the answer, and not raised. Cancelling gives up the answer, not the command.
        """
        waits = request.get("wait", False) is not False
        async with aclosing(self._answers(request, self._new_number())) as answers:
            answer = await anext(answers)
            return await anext(answers) if "accepted" in answer and waits else answer

    async def stream(self, request: Answer) -> AsyncGenerator[Answer, None]:
        """Every answer to a request, until the last; closing it early ends a `subscribe`, `scan` or `hold`.

        A lease that is held by it is renewed meanwhile. Raises as `ask` does.
        """
        renewing: asyncio.Task[None] | None = None
        over = several = False
        number = self._new_number()
        try:
            async for answer in self._answers(request, number):
                if "held" in answer:
                    renewing = asyncio.get_running_loop().create_task(self._renew(**answer["held"]))
                several |= isinstance(answer.get("accepted"), list)
                over = bool({"done", "ended"} & answer.keys()) or (_is_end(answer) and not several)
                yield answer
                if over:
                    return
        except GattkeeperError:
            over = True
            raise
        finally:
            if renewing is not None:
                renewing.cancel()
            if not over and self._gone is None:
                with suppress(GattkeeperError):  # it was over in the same moment
                    await self.ask({"verb": "end", "request": number})

    async def _renew(self, *, lease: str, renew_within: float, **_table: object) -> None:
        with suppress(GattkeeperError):  # it is over, and the stream says so
            while True:
                await asyncio.sleep(renew_within / RENEWALS)
                await self.ask({"verb": "renew", "lease": lease})

    def _new_number(self) -> int:
        self._count += 1
        return self._count

    async def _answers(self, request: Answer, number: int) -> AsyncGenerator[Answer, None]:
        if self._gone is not None:
            raise self._gone
        inbox = self._inboxes[number] = _Inbox()
        try:
            self._writer.write(msgspec.json.encode({**request, "id": number}) + b"\n")
            with suppress(ConnectionError):  # the reader finds out as well
                await self._writer.drain()
            while True:
                yield await inbox.take()
        finally:
            del self._inboxes[number]

    async def _read(self) -> None:
        """Give each answer to whoever asked; when there are no more, tell everybody."""
        try:
            while line := await self._reader.readline():
                answer = msgspec.json.decode(line, type=Answer)
                self._give(answer.pop("id", None), answer)
        except (OSError, ValueError, msgspec.MsgspecError):  # too long a line, or none of a daemon's
            pass
        finally:
            self._gone = DaemonGoneError(_GONE)
            for inbox in self._inboxes.values():
                inbox.put(self._gone)

    def _give(self, number: object, answer: Answer) -> None:
        if isinstance(number, int) and number in self._inboxes:
            self._inboxes[number].put(answer)
        elif number is None and "error" in answer:  # it does not serve us at all, and says why
            for inbox in self._inboxes.values():
                inbox.put(answer)


def _is_end(answer: Answer) -> bool:
    return "outcome" in answer or "gave_up" in answer


def _error_of(error: dict[str, str]) -> GattkeeperError:
    """The error that the daemon answered with, as one of ours."""
    code, message = error.get("code", ""), error.get("message", "")
    others = RefusedError if code.startswith("too_many") else UsageError
    return _ERRORS.get(code, others)(message)
