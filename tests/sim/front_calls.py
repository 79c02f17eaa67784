"""What clients do through the socket front, and how it is noted; those included that crash, flap and never read: F62.

Knows lines and what is told over them. What the keeper makes of it is noted as for every other caller.
"""

import asyncio
import random

from msgspec.structs import replace

from gattkeeper.model.command import Command, Origin
from gattkeeper.model.record import Accepted
from sim.calls import state_for_stop
from sim.front import Caller, line, submit_line
from sim.history import Told
from sim.script import step_of
from sim.stage import Stage

FLAPS_MAX = 30

HALF = "half"


async def submit(stage: Stage, command: Command) -> None:
    """Submit a command and wait for its end, as far as the front tells it."""
    asked_at_us = stage.now_us()
    caller = await stage.front.connect(command.origin)
    caller.say(submit_line(command, wait=True))
    while (answer := await caller.hear()) is not None:
        if "error" in answer:
            stage.tell(command, asked_at_us, refused=answer["error"]["code"])
            break
        if "outcome" in answer:
            _told(stage, answer["outcome"], asked_at_us)
            break
        handle = stage.keeper.handle(answer["accepted"])
        stage.handles.append(handle)
    stage.front.leave(caller)


def _told(stage: Stage, said: dict[str, object], asked_at_us: int) -> None:
    """The front tells what the keeper knows."""
    handle = stage.keeper.handle(said["command_id"])
    outcome = handle.outcome
    if (said["verdict"], said["cause"]) != (outcome.verdict.value, outcome.cause.value):
        stage.history.violations.append(f"the front said {said['verdict']} of {handle.id}: {outcome}")
    stage.history.told.append(
        Told(command=handle.command, asked_at_us=asked_at_us, told_at_us=stage.now_us(), outcome=outcome)
    )


async def stop(stage: Stage, caller: Caller, name: str) -> None:
    """An emergency stop through the front, whose end nobody waits for."""
    at, asked_at_us = state_for_stop(stage, name), stage.now_us()
    caller.say(line({"verb": "stop", "scope": name}))
    answer = await caller.hear()
    for command_id in (answer or {}).get("accepted", ()):
        handle = stage.keeper.handle(command_id)
        stage.handles.append(handle)
        stage.history.stops.append(Told(command=handle.command, asked_at_us=asked_at_us, told_at_us=asked_at_us))
        stage.fired("F65", at, device=name, command_id=command_id)


async def f62_caller_crashes(stage: Stage, dice: random.Random) -> None:
    """A program that asks for something, and is gone before its answer, or in the middle of the next line."""
    caller = await stage.front.connect(Origin(principal="who crashes"))
    commands = [stage.script.command(dice) for _ in range(dice.randint(1, 3))]
    for command in commands:
        caller.say(submit_line(_labelled(stage, command), wait=dice.random() < 0.5))
    half = submit_line(_labelled(stage, stage.script.command(dice), half=True), wait=True)
    caller.say(half[: dice.randint(1, len(half) - 2)])
    if dice.random() < 0.3:
        caller.hang_up()
    await asyncio.sleep(dice.choice((0, 0.01, 1.0)))
    stage.front.leave(caller)


def note_crashed(stage: Stage) -> None:
    """What came of everything whose caller was not there any more; half a line is no command."""
    found = {
        row.record.command.label: row.record.command.id
        for row in stage.history.rows
        if isinstance(row.record, Accepted)
    }
    for label, step in stage.crashed.items():
        command_id = found.get(label, "")
        if command_id and label.startswith(HALF):
            stage.history.violations.append(f"{command_id} was taken from half a line")
        elif not label.startswith(HALF):
            stage.fired("F62", step, command_id=command_id, said="" if command_id else "never accepted")


def _labelled(stage: Stage, command: Command, *, half: bool = False) -> Command:
    """A command that is found again by its label, for nobody hears its number."""
    label = stage.new_label(HALF if half else "crash")
    stage.crashed[label] = step_of(command)
    return replace(command, label=label)


async def f62_flapping(stage: Stage, dice: random.Random) -> None:
    """A program that comes and goes many times, asks for a command each time, and for a stop in between."""
    who = Origin(principal="who flaps")
    for _ in range(dice.randint(3, FLAPS_MAX)):
        caller = await stage.front.connect(who)
        if dice.random() < 0.1:
            await stop(stage, caller, dice.choice(stage.script.devices))
        else:
            caller.say(submit_line(_labelled(stage, stage.script.command(dice)), wait=True))
        await asyncio.sleep(dice.choice((0, 0, 0.01, 0.3)))
        stage.front.leave(caller)


async def f62_never_reads(stage: Stage, dice: random.Random) -> None:
    """A program that asks and asks, and reads nothing: it is cut, and nobody else notices."""
    caller = await stage.front.connect(Origin(principal="who never reads"))
    stage.fired("F62", "timeline", said="never reads")
    for _ in range(dice.randint(1, 100)):
        caller.say(line({"verb": "timeline", "last": 100}))
        await asyncio.sleep(0)
    await asyncio.sleep(dice.uniform(0, 15))
    stage.front.leave(caller)


async def f62_front_dies(stage: Stage, dice: random.Random) -> None:
    """The front ends under everybody who waits, and is there again."""
    if stage.front.die():
        stage.fired("F62", "front", said="clients were sent away")
