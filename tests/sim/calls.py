"""What clients do with a keeper, and how it is noted: submit, vanish, cancel, stop, mend, scan, listen.

Knows callers who behave. Those who do not stand in `client_faults`.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress

from gattkeeper.errors import (
    CommandError,
    GattkeeperError,
    QueueClosedError,
    StorageError,
    UnknownDeviceError,
    UsageError,
)
from gattkeeper.model.adapter import CUTTING
from gattkeeper.model.command import Command, Priority
from gattkeeper.runtime.handle import Handle
from sim.history import Heard, Told
from sim.scene import PUSHED
from sim.script import step_of
from sim.stage import Stage


async def submit(stage: Stage, command: Command, *, number: str = "") -> None:
    """Submit a command and wait for its end; `number`: that this was asked for is a fault."""
    asked_at_us = stage.now_us()
    try:
        handle = await stage.keeper.submit(command)
    except GattkeeperError as error:
        stage.tell(command, asked_at_us, refused=error.code)
        if number:
            stage.fired(number, step_of(command), device=command.device, said=f"refused: {error.code}")
        return
    stage.handles.append(handle)
    if number:
        stage.fired(number, step_of(command), device=command.device, command_id=handle.id)
    await follow(stage, handle, asked_at_us)


async def submit_together(stage: Stage, commands: Sequence[Command], gather: float) -> None:
    """Submit a fan-out, and wait for the end of each of its commands."""
    asked_at_us = stage.now_us()
    try:
        fanout = await stage.keeper.fanout(commands, gather=gather)
    except GattkeeperError as error:
        for command in commands:
            stage.tell(command, asked_at_us, refused=error.code)
        return
    for command in commands:
        if command.device in fanout.refused:
            stage.tell(command, asked_at_us, refused=fanout.refused[command.device].code)
    for handle in fanout.handles.values():
        stage.handles.append(handle)
        stage.spawn(follow(stage, handle, asked_at_us))


async def follow(stage: Stage, handle: Handle, asked_at_us: int) -> None:
    """Wait for the end of a command, and note what was told."""
    outcome = await handle.wait()
    stage.history.told.append(
        Told(command=handle.command, asked_at_us=asked_at_us, told_at_us=stage.now_us(), outcome=outcome)
    )


async def vanish(stage: Stage, command: Command, after_s: float) -> None:
    """A client that is gone before its answer, perhaps."""
    asked_at_us = stage.now_us()
    try:
        async with asyncio.timeout(after_s):
            await stage.keeper.device(command.device).run(command)
    except CommandError:
        pass  # told through its outcome; the journal has it
    except GattkeeperError as error:
        stage.tell(command, asked_at_us, refused=error.code)
    except TimeoutError:
        stage.fired("F59", step_of(command), device=command.device, said="vanished")


def cancel(stage: Stage, dice: random.Random) -> None:
    """Take any command back."""
    open_ones = [handle for handle in stage.handles if handle.outcome is None]
    if open_ones:
        stage.keeper.cancel(dice.choice(open_ones).id)


def reprioritise(stage: Stage, dice: random.Random) -> None:
    """Give any command another place."""
    open_ones = [handle for handle in stage.handles if handle.outcome is None]
    if open_ones:
        chosen = dice.choice(open_ones).id
        with suppress(UsageError):  # it does not wait any more
            stage.keeper.reprioritise(chosen, dice.choice(list(Priority)))
            stage.history.reprioritised.add(chosen)


async def stop(stage: Stage, scope: str, *, latch: bool = False, number: str = "F65") -> None:
    """An emergency stop, whatever the devices are at."""
    at = {name: state_for_stop(stage, name) for name in stage.book.members(scope)}
    asked_at_us = stage.now_us()
    try:
        handles = await stage.keeper.stop(scope, latch=latch)
    except (QueueClosedError, UnknownDeviceError) as error:
        stage.fired(number, "closing" if stage.keeper.closing else "removed", said=f"refused: {error.code}")
        return
    for handle in handles:
        name = handle.command.device
        stage.handles.append(handle)
        stage.history.stops.append(Told(command=handle.command, asked_at_us=asked_at_us, told_at_us=asked_at_us))
        stage.fired(number, at[name], device=name, command_id=handle.id)
        stage.spawn(follow(stage, handle, asked_at_us))


def state_for_stop(stage: Stage, name: str) -> str:
    """What a stop comes into the middle of."""
    status = stage.status_of(name)
    if stage.keeper.closing:
        return "closing"
    if status.stopped_by:
        return "another stop"
    if stage.recovery_of(stage.adapter_of(name)) in CUTTING:
        return "reset"
    if stage.journal.failing:
        return "disk full"
    return "latched" if status.latched_by else stage.kind_in_flight(name)


async def scan(stage: Stage, dice: random.Random) -> None:
    """Look who is there."""
    with suppress(GattkeeperError):  # the keeper is closing
        async for _ in stage.keeper.scan(dice.uniform(0.1, 2), adapter=dice.choice(list(stage.links))):
            pass


async def mend(stage: Stage, dice: random.Random) -> None:
    """Open the gates of latched stops, and say what became of a command."""
    stage.keeper.resume()
    if stage.handles:
        await resolve(stage, dice.choice(stage.handles).id)


async def resolve(stage: Stage, command_id: str) -> None:
    """A person looked."""
    with suppress(UsageError, StorageError):  # it did not end unknown, is resolved, or the disk is full
        await stage.keeper.resolve(command_id, applied=True, who="a person", why="looked")


async def listen(stage: Stage, name: str, seconds: float) -> None:
    """Read a device's notifications for a while, each at once."""
    reader = stage.new_reader()
    with suppress(GattkeeperError, TimeoutError):
        async with asyncio.timeout(seconds), stage.keeper.device(name).subscribe(PUSHED) as payloads:
            since_us = stage.now_us()
            async for payload in payloads:
                if payload:  # those of no length cannot be told apart
                    stage.history.heard.append(
                        Heard(reader=reader, device=name, payload=payload, at_us=stage.now_us(), since_us=since_us)
                    )
