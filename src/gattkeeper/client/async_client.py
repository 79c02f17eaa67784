"""A daemon's socket from a program with an event loop: many requests side by side on one connection.

Knows lines, ids and which answer is the last of a request. What a request means is the daemon's business.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Self

import msgspec

from gattkeeper import errors
from gattkeeper.client.lines import Lines
from gattkeeper.client.socket_path import default_socket_path
from gattkeeper.errors import DaemonGoneError, GattkeeperError, RefusedError, UsageError

Answer = dict[str, Any]

Receiver = Callable[[Answer | GattkeeperError], None]
"""Gets the answers to one request as they come, and what went wrong."""

ANSWERS_MAX = 1_000
"""Answers to one request that may wait to be read; then the oldest is dropped and counted."""

RENEWALS = 3
"""How often a lease is renewed within the time in which it must be."""

_ERRORS: dict[str, type[GattkeeperError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, UsageError | RefusedError | errors.StorageError)
}

_DECODER: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_encode = msgspec.json.Encoder().encode

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
        return answer


class AsyncClient:
    """One connection. Made by `open`; `async with` closes it, and what was held or subscribed through it ends.

    When the daemon goes away, every call that waits raises DaemonGoneError at once, and so does every later one.
    """

    def __init__(self) -> None:
        self._lines = Lines(self._take, self._over)
        self._receivers: dict[int, Receiver] = {}
        self._count = 0
        self._gone: DaemonGoneError | None = None

    @classmethod
    async def open(cls, path: str = "") -> Self:
        """Connect to the daemon at `path`, or at the usual one. Raises DaemonGoneError when nobody answers."""
        path = path or default_socket_path()
        client = cls()
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: client._lines, path)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise DaemonGoneError(f"no daemon answers at {path}: {error}") from None
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection; more than once is the same as once."""
        await self._lines.close()

    def post(self, request: Answer, receiver: Receiver) -> int:
        """Send one request, as the socket takes it but without `id`; its number.

        The receiver gets each answer in the moment in which it comes, an error that the daemon answered as the
        error that it is, and DaemonGoneError at the end of the connection, until its number is forgotten. Raises
        DaemonGoneError. Nobody waits for room: for requests of which a few are under way.
        """
        if self._gone is not None:
            raise self._gone
        self._count += 1
        self._receivers[self._count] = receiver
        self._lines.write(_encode({**request, "id": self._count}))
        return self._count

    def forget(self, number: int) -> None:
        """Whatever is still answered to this request is nobody's."""
        self._receivers.pop(number, None)

    def tell(self, request: Answer) -> None:
        """Send one request whose answer, an error too, is nobody's. Raises nothing."""
        with suppress(DaemonGoneError):
            self.forget(self.post(request, lambda _answer: None))

    async def ask(self, request: Answer) -> Answer:
        """One request, as the socket takes it but without `id`; its first answer, with `wait` the one after that.

        Raises what the daemon answers (UsageError, RefusedError, StorageError and their kin), and DaemonGoneError.
        How a command ended is in the answer, and not raised. Cancelling gives up the answer, not the command.
        """
        waits = request.get("wait", False) is not False
        inbox = _Inbox()
        number = self.post(request, inbox.put)
        try:
            await self._lines.room()
            answer = await inbox.take()
            return await inbox.take() if "accepted" in answer and waits else answer
        finally:
            self.forget(number)

    async def stream(self, request: Answer) -> AsyncGenerator[Answer, None]:
        """Every answer to a request, until the last; closing it early ends a `subscribe`, `scan` or `hold`.

        A lease that is held by it is renewed meanwhile. Raises as `ask` does.
        """
        renewing: asyncio.Task[None] | None = None
        over = several = False
        inbox = _Inbox()
        number = self.post(request, inbox.put)
        try:
            await self._lines.room()
            while not over:
                answer = await inbox.take()
                if "held" in answer:
                    renewing = asyncio.get_running_loop().create_task(self._renew(**answer["held"]))
                several |= isinstance(answer.get("accepted"), list)
                over = bool({"done", "ended"} & answer.keys()) or (_is_end(answer) and not several)
                yield answer
        except GattkeeperError:
            over = True
            raise
        finally:
            self.forget(number)
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

    def _take(self, line: bytes) -> None:
        """Give an answer to whoever asked. Raises ValueError for a line that is none of a daemon's."""
        answer = _DECODER.decode(line)
        number = answer.pop("id", None)
        given = _error_of(answer["error"]) if "error" in answer else answer
        if isinstance(number, int) and number in self._receivers:
            self._receivers[number](given)
        elif number is None and "error" in answer:  # it does not serve us at all, and says why
            self._give_all(given)

    def _over(self) -> None:
        self._gone = DaemonGoneError(_GONE)
        self._give_all(self._gone)

    def _give_all(self, given: Answer | GattkeeperError) -> None:
        for receiver in tuple(self._receivers.values()):
            receiver(given)


def _is_end(answer: Answer) -> bool:
    return "outcome" in answer or "gave_up" in answer


def _error_of(error: dict[str, str]) -> GattkeeperError:
    """The error that the daemon answered with, as one of ours."""
    code, message = error.get("code", ""), error.get("message", "")
    others = RefusedError if code.startswith("too_many") else UsageError
    return _ERRORS.get(code, others)(message)
