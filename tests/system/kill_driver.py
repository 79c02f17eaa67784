"""A program for the tests with kill -9: keepers in child processes, one after the other, each killed.

Knows three ways to die. `every`: a child lets one command through and kills itself before one chosen callback of its
event loop, the next child before the one after, until a command is through. That is each place between two awaits on
the way of a command. `starting`: a child leaves commands in flight, and the next one, which has to find out what
became of them, kills itself before one chosen callback or SQL statement of its start. `anywhere`: the parent kills a child with several callers, at a random moment after it began.
Children are forks of a process that has imported everything, so that one takes a few hundredths of a second.

Writes what callers were told to standard output, a line each: `accepted ID`, `ended ID VERDICT`, `killed`, `through`.
A line counts when it is whole.
"""

import asyncio
import contextvars
import gc
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gattkeeper.links.bumble_link
import gattkeeper.world.radio  # noqa: F401 - so that no child has to load it
from gattkeeper.daemon.assembly import open_keeper
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.storage import journal_file
from gattkeeper.world.virtual_blind import BLIND_LABEL

DEVICES = ("lounge", "kitchen")
CALLERS = 6
LIFE_S_MAX = 0.25
"""In the start, or right after what was told last: soon, while commands of all callers are on their way."""


class MortalLoop(asyncio.SelectorEventLoop):
    """Dies of SIGKILL before one of its callbacks: the first one is 1. With 0 it lives."""

    def __init__(self) -> None:
        super().__init__()
        self.steps_left = 0

    def call_soon(  # type: ignore[override] # what callbacks take is the callers' business
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._step, callback, args, context=context)

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon_threadsafe(self._step, callback, args, context=context)

    def _step(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.count()
        callback(*args)

    def count(self) -> None:
        """A step; the last one, if it is the chosen one."""
        if self.steps_left == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        self.steps_left = max(0, self.steps_left - 1)


async def call(keeper: Keeper, device: str, payload: bytes, tell: Callable[[str], None]) -> None:
    operation = Write(target=characteristic_ref(BLIND_LABEL), payload=payload)
    handle = await keeper.submit(Command(device=device, operation=operation))
    tell(f"accepted {handle.id}")
    outcome = await handle.wait()
    tell(f"ended {handle.id} {outcome.verdict.value}")


async def one_command(settings: Path, number: int, step: int, tell: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MortalLoop)
    async with open_keeper(settings) as keeper:
        loop.steps_left = step
        await call(keeper, DEVICES[0], number.to_bytes(8, "big"), tell)
        through = loop.steps_left or not step
        loop.steps_left = 0
    if through:
        tell("through")


async def leaving_open(settings: Path, number: int, _step: int, tell: Callable[[str], None]) -> None:
    """Dies with a command of each device somewhere on its way."""
    async with open_keeper(settings) as keeper:
        for device in DEVICES:
            operation = Write(target=characteristic_ref(BLIND_LABEL), payload=number.to_bytes(8, "big"))
            handle = await keeper.submit(Command(device=device, operation=operation))
            tell(f"accepted {handle.id}")
        os.kill(os.getpid(), signal.SIGKILL)


async def starting(settings: Path, _number: int, step: int, tell: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MortalLoop)
    loop.steps_left = step
    connect = journal_file.connect

    def traced(path: Path, *, read_only: bool) -> sqlite3.Connection:
        connection = connect(path, read_only=read_only)
        connection.set_trace_callback(lambda _statement: loop.count())
        return connection

    journal_file.connect = traced
    async with open_keeper(settings):
        through = loop.steps_left
        loop.steps_left = 0
    if through:
        tell("through")


async def many_commands(settings: Path, number: int, _step: int, tell: Callable[[str], None]) -> None:
    async def caller(lane: int) -> None:
        count = 0
        while True:
            payload = number.to_bytes(4, "big") + lane.to_bytes(1, "big") + count.to_bytes(3, "big")
            await call(keeper, DEVICES[lane % 2], payload, tell)
            count += 1

    async with open_keeper(settings) as keeper:
        await asyncio.gather(*map(caller, range(CALLERS)))


def child(
    story: Callable[..., Any], settings: Path, number: int, step: int, life_s: float | None, lines_max: int = 0
) -> str:
    """Run a keeper in a fork until it is dead; gives what its callers were told. `life_s` None: it dies by itself.

    Else it is killed so many seconds after so many lines.
    """
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(here)
        with asyncio.Runner(loop_factory=MortalLoop) as runner:
            runner.run(story(settings, number, step, lambda line: os.write(there, line.encode() + b"\n")))
        os._exit(0)
    os.close(there)
    with os.fdopen(here) as told:
        lines = "".join(told.readline() for _ in range(lines_max))
        if life_s is not None:
            time.sleep(life_s)  # the moment of death
            os.kill(pid, signal.SIGKILL)
        lines += told.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code not in (0, -signal.SIGKILL):
        sys.exit(f"child {number} ended with {code}")
    return lines[: lines.rfind("\n") + 1] + ("killed\n" if code else "")


def main() -> None:
    way, settings = sys.argv[1], Path(sys.argv[2])
    gc.freeze()
    number, told = 0, ""
    if way == "every":
        while "through" not in told:
            number += 1
            told = child(one_command, settings, number, number, None)
            sys.stdout.write(told)
    elif way == "starting":
        while "through" not in told:
            number += 1
            sys.stdout.write(child(leaving_open, settings, number, 0, None))
            told = child(starting, settings, number, number, None)
            sys.stdout.write(told)
    else:
        dice = random.Random(int(sys.argv[4]))
        for number in range(1, int(sys.argv[3]) + 1):
            lines_max = dice.choice((0, 0, 1, dice.randrange(2, 40)))  # in its start, or with so many told
            life_s = dice.random() * LIFE_S_MAX / (1 + lines_max)
            sys.stdout.write(child(many_commands, settings, number, 0, life_s, lines_max))
    sys.stdout.write(child(one_command, settings, number + 1, 0, None))


if __name__ == "__main__":
    main()
