"""What a caller holds of a command it submitted."""

import asyncio

from gattkeeper.errors import GattkeeperError
from gattkeeper.model.command import Command
from gattkeeper.model.digest import Digest
from gattkeeper.model.outcome import Outcome, Resolution


class Handle:
    """A submitted command: its id, and its outcome when there is one.

    Losing the handle neither cancels nor repeats the command.
    """

    __slots__ = (
        "__weakref__",
        "_accepted",
        "_error",
        "_is_settled",
        "_waiters",
        "command",
        "digests",
        "outcome",
        "resolution",
    )

    def __init__(self, command: Command, digests: tuple[Digest, ...] | None = None) -> None:
        self.command = command
        self.digests = digests  # of its payloads, when it comes from a journal, which may not have kept them
        self.resolution: Resolution | None = None  # what was found out later, if the outcome was unknown
        self.outcome: Outcome | None = None  # once there is one
        self._is_settled = False
        self._error: GattkeeperError | None = None  # why it was not taken on
        self._accepted: asyncio.Future[None] | None = None  # made for those who wait: mostly nobody has to
        self._waiters: list[asyncio.Future[Outcome]] = []  # one each: cancelling a wait cancels nobody else's

    @property
    def id(self) -> str:
        """The command's id."""
        return self.command.id

    @property
    def error(self) -> GattkeeperError | None:
        """Why it was not taken on; None while that is not known."""
        return self._error

    async def taken_on(self) -> None:
        """Wait until it is accepted and durable. Raises the error for which it was not."""
        if not self._is_settled:
            if self._accepted is None:
                self._accepted = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._accepted)
        if self._error is not None:
            raise self._error

    async def wait(self, timeout: float | None = None) -> Outcome:
        """Wait for the outcome, at most `timeout` seconds.

        Raises TimeoutError when it takes longer; the command goes on. Cancelling this wait does not
        cancel the command either. Raises the error for which it was not taken on; a stop always is.
        """
        if self.outcome is not None:
            return self.outcome
        if self._error is not None and not self.command.stop:
            raise self._error
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            if timeout is None:
                return await waiter
            async with asyncio.timeout(timeout):
                return await waiter
        finally:
            if waiter.cancelled() and waiter in self._waiters:  # who gave up is forgotten
                self._waiters.remove(waiter)

    def end(self, outcome: Outcome) -> None:
        """For the keeper: give the outcome to all who wait."""
        if self.outcome is not None:
            return
        self.outcome = outcome
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(outcome)

    def settle(self, error: GattkeeperError | None) -> None:
        """For the keeper: accepted and durable, or not taken on."""
        if self._is_settled:
            return
        self._is_settled, self._error = True, error
        if self._accepted is not None:
            self._accepted.set_result(None)
        if error is not None and not self.command.stop:  # a stop goes on without a row
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)
