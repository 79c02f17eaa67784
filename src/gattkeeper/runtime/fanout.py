"""One action on many devices, together: what a caller holds of it, and what came of it.

Knows handles and timelines. Who waits for whom, and for how long, is decided in `core.fanout`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.core.events import CancelRequested, Event, FanoutSubmitted
from gattkeeper.errors import ConflictError, RefusedError, StorageError, UsageError
from gattkeeper.model.command import Command
from gattkeeper.model.outcome import Outcome, Phase
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.ledger import Ledger

GATHER_S = 10.0
"""How long the devices that are ready wait for the others, unless told otherwise."""


class FanoutOutcome(Struct, frozen=True, kw_only=True):
    """What came of a fan-out, by device, in the order in which it named them.

    `spread_s`: seconds between the first and the last hand-over to the stack, each device's first; 0.0 when
    there were fewer than two. `last_s`: seconds from the first acceptance to the last outcome; 0.0 without any.
    """

    outcomes: dict[str, Outcome]
    refused: dict[str, RefusedError | StorageError]
    spread_s: float
    last_s: float


class Fanout:
    """A fan-out that was submitted: `handles` of what was taken on, and what was `refused`, by device.

    Each of its commands ends by itself, and may be cancelled by itself. Losing the fan-out changes nothing.
    """

    def __init__(self, handles: Mapping[str, Handle], refused: Mapping[str, RefusedError | StorageError]) -> None:
        self.handles = dict(handles)
        self.refused = dict(refused)

    @property
    def outcome(self) -> FanoutOutcome | None:
        """What came of it, once every command has ended."""
        ended = {device: handle.outcome for device, handle in self.handles.items()}
        outcomes = {device: outcome for device, outcome in ended.items() if outcome is not None}
        if len(outcomes) < len(ended):
            return None
        timelines = [outcome.timeline for outcome in outcomes.values() if outcome.timeline]
        handed_over = [
            next(mark.at_us for mark in marks if mark.phase is Phase.DISPATCHED)
            for marks in timelines
            if any(mark.phase is Phase.DISPATCHED for mark in marks)
        ]
        began_at = min((marks[0].at_us for marks in timelines), default=0)
        return FanoutOutcome(
            outcomes=outcomes,
            refused=dict(self.refused),
            spread_s=(max(handed_over) - min(handed_over)) / 1e6 if handed_over else 0.0,
            last_s=max((marks[-1].at_us - began_at for marks in timelines), default=0) / 1e6,
        )

    async def wait(self, timeout: float | None = None) -> FanoutOutcome:
        """Wait until every command has ended, at most `timeout` seconds.

        Raises TimeoutError when it takes longer; the commands go on, as they do when this wait is cancelled.
        """
        async with asyncio.timeout(timeout):
            for handle in self.handles.values():
                await handle.wait()
        outcome = self.outcome
        assert outcome is not None  # noqa: S101 - every handle was waited for
        return outcome


def check_together(commands: Sequence[Command]) -> None:
    """Raises UsageError unless there is one command for each of some devices, each under a key of its own."""
    if not commands:
        raise UsageError("there is no device to send anything to")
    devices = [command.device for command in commands]
    twice = sorted({device for device in devices if devices.count(device) > 1})
    if twice:
        raise UsageError(f"a fan-out has one command for each device; there are more for {', '.join(twice)}")
    keys = [command.idempotency_key for command in commands if command.idempotency_key]
    if len(set(keys)) < len(keys):
        raise ConflictError("an idempotency key belongs to one command: give each device's its own")


async def submit_together(
    ledger: Ledger, feed: Callable[[Event], None], commands: Sequence[Command], gather_us: int
) -> Fanout:
    """Submit commands that were checked; returns once each of them is durable, or refused.

    One that was accepted earlier under its idempotency key is that earlier one, which waits for nobody here.
    Raises ConflictError when that was a different request.
    """
    fanout_id = ledger.new_id()
    known = [ledger.find_by_key(command) for command in commands]
    handles = [
        earlier or ledger.open(replace(command, fanout=fanout_id))
        for earlier, command in zip(known, commands, strict=True)
    ]
    opened = [handle for earlier, handle in zip(known, handles, strict=True) if earlier is None]
    feed(FanoutSubmitted(id=fanout_id, commands=tuple(handle.command for handle in opened), gather_us=gather_us))
    try:
        for handle in handles:
            with suppress(RefusedError, StorageError):
                await handle.taken_on()
    except asyncio.CancelledError:
        for handle in opened:
            feed(CancelRequested(command_id=handle.id))
        raise
    return _sorted_out(handles)


def _sorted_out(handles: Sequence[Handle]) -> Fanout:
    accepted: dict[str, Handle] = {}
    refused: dict[str, RefusedError | StorageError] = {}
    for handle in handles:
        if isinstance(handle.error, RefusedError | StorageError):
            refused[handle.command.device] = handle.error
        else:
            accepted[handle.command.device] = handle
    return Fanout(accepted, refused)
