"""The line that shows how a command fares while its caller waits.

Knows handles and the timeline's last marks. How the line reaches the terminal is not its business.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from gattkeeper.fronts.cli.style import Terminal, seconds_text
from gattkeeper.fronts.cli.texts import what
from gattkeeper.runtime.handle import Handle
from gattkeeper.telemetry.timeline import Timeline

PROGRESS_S = 0.2
"""How often the line is drawn anew."""


async def progress_lines(
    timeline: Timeline, terminal: Terminal, handles: Sequence[Handle], wait_s: float | None
) -> AsyncGenerator[str, None]:
    """A line about the first command that is still open, until all have ended or `wait_s` seconds are over.

    It comes anew whenever one has ended, and on a terminal every PROGRESS_S.
    """
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    waits = {asyncio.ensure_future(handle.wait()) for handle in handles}
    try:
        while waits:
            left_s = None if wait_s is None else wait_s - (loop.time() - started_at)
            if left_s is not None and left_s <= 0:
                return
            bounds = [bound for bound in (left_s, PROGRESS_S if terminal.tty else None) if bound is not None]
            _, waits = await asyncio.wait(
                waits, timeout=min(bounds, default=None), return_when=asyncio.FIRST_COMPLETED
            )
            first = next((handle for handle in handles if handle.outcome is None), None)
            if first is not None:
                yield _line(timeline, terminal, first, loop.time() - started_at)
    finally:
        for wait in waits:
            wait.cancel()


def _line(timeline: Timeline, terminal: Terminal, handle: Handle, waited_s: float) -> str:
    known = timeline.of(handle.id)
    phase = "waiting" if known is None else known.marks[-1].phase.value.replace("_", " ")
    ahead = timeline.before(handle.id)
    place = f", {ahead} before it" if ahead else ""
    line = f"{what(handle.command)}: {phase}{place}, {seconds_text(round(waited_s * 1e6))}"
    return line[: terminal.width - 1]
