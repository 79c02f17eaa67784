"""Runs Bleak's coroutines so that none of them outlives its caller unseen.

Knows that a call of Bleak can hang for ever, can survive being cancelled, and can raise anything.
Does not know what is called, nor what follows from a fault.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.links.fault_tables.bluez import StackPhase, bluez_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran

T = TypeVar("T")

CANCELS_MAX = 2
"""How often a call is cancelled before it is left alone. A cancelled connect of Bleak still waits for
BlueZ to answer its Disconnect; the second cancel ends that wait too."""


class Guard:
    """Bounds calls of Bleak from outside and turns what they raise into LinkError."""

    def __init__(self, cancel_grace_s: float) -> None:
        self._cancel_grace_s = cancel_grace_s
        self._abandoned: set[asyncio.Task[Any]] = set()

    @property
    def abandoned(self) -> int:
        """Calls that went on after every cancel; each leaves the number when it ends after all."""
        return len(self._abandoned)

    async def run(
        self,
        call: Coroutine[Any, Any, T],
        *,
        phase: StackPhase,
        limit_s: float | None = None,
        overrun: FaultKind = FaultKind.WEDGED,
        until: "asyncio.Future[Fault] | None" = None,
    ) -> T:
        """The call's own result.

        `limit_s` bounds it: then LinkError with the kind `overrun`. `until` ends it at once when it
        gets its fault: then LinkError with that. Whatever the call raises becomes LinkError, if it is none.
        Only a cancel from this coroutine's own caller leaves as CancelledError, after the call ended.
        """
        task = asyncio.ensure_future(call)
        waited: set[asyncio.Future[Any]] = {task} if until is None else {task, until}
        try:
            await asyncio.wait(waited, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._end(task)
            raise
        if not task.done():
            ended = await self._end(task)
            if until is not None and until.done():
                raise LinkError(replace(until.result(), ran=_ran(phase)))
            raise LinkError(_overrun(phase, overrun if ended else FaultKind.WEDGED))
        try:
            return task.result()
        except LinkError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            raise LinkError(bluez_fault(error, phase=phase)) from error

    async def _end(self, task: "asyncio.Task[Any]") -> bool:
        """Cancel the call until it is over; whether it is."""
        self._abandoned.add(task)
        task.add_done_callback(self._forget)
        for _ in range(CANCELS_MAX):
            task.cancel()
            try:
                await asyncio.wait({task}, timeout=self._cancel_grace_s)
            except asyncio.CancelledError:
                task.cancel()
                raise
            if task.done():
                return True
        return False

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._abandoned.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            task.exception()  # nobody waits for it any more: looked at, so that asyncio does not complain


def _overrun(phase: StackPhase, kind: FaultKind) -> Fault:
    return Fault(
        kind=kind,
        ran=_ran(phase),
        stack="bleak",
        name="no_answer",
        text="the Bluetooth service did not answer in time",
    )


def _ran(phase: StackPhase) -> Ran:
    return Ran.NO if phase == "connect" else Ran.MAYBE
