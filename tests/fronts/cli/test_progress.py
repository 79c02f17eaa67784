"""The progress line: when it comes, which command it is about, and when it is over."""

import asyncio

from fronts.cli.story import NO_ANSWER, command, outcome
from gattkeeper.fronts.cli.progress import progress_lines
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.runtime.handle import Handle
from gattkeeper.telemetry.timeline import Timeline
from gattkeeper.world.virtual_time import run_virtual

TTY = Terminal(tty=True, columns=40)


def told(story, *, terminal=TTY, wait_s=None, devices=("lounge", "kitchen")):
    """The lines and when they came, while `story` does something to the handles."""

    async def main():
        loop = asyncio.get_running_loop()
        handles = [Handle(command(f"c{number}", device, "up")) for number, device in enumerate(devices)]
        playing = loop.create_task(story(*handles))
        began_at = loop.time()
        lines = [
            (round(loop.time() - began_at, 3), line)
            async for line in progress_lines(Timeline(), terminal, handles, wait_s)
        ]
        ended_at = round(loop.time() - began_at, 3)
        await playing
        return lines, ended_at

    return run_virtual(main())


def end(handle):
    handle.end(outcome(handle.id, "not_delivered", "failed", fault=NO_ANSWER))


async def kitchen_then_lounge(lounge, kitchen):
    await asyncio.sleep(0.9)
    end(kitchen)
    await asyncio.sleep(0.5)
    end(lounge)


async def nothing(*handles):
    """Nobody ends."""


def test_on_a_terminal_it_comes_again_and_again_about_the_first_that_is_open():
    lines, ended_at = told(kitchen_then_lounge)
    assert [at for at, _line in lines] == [0.2, 0.4, 0.6, 0.8, 0.9, 1.1, 1.3]
    assert lines[0][1] == "lounge up: waiting, 200 ms"
    assert ended_at == 1.4


def test_elsewhere_it_comes_when_one_has_ended():
    lines, ended_at = told(kitchen_then_lounge, terminal=Terminal())
    assert lines == [(0.9, "lounge up: waiting, 900 ms")]
    assert ended_at == 1.4


def test_patience_ends_it():
    lines, ended_at = told(nothing, wait_s=0.3)
    assert [at for at, _line in lines] == [0.2, 0.3]
    assert ended_at == 0.3
    assert told(nothing, wait_s=0.0) == ([], 0.0)


def test_it_keeps_to_the_width():
    lines, _ended_at = told(nothing, wait_s=0.2, devices=("a_device_with_a_very_long_name_indeed",))
    assert len(lines[0][1]) == 39
