"""The event loop that the daemon runs on: Python's own, or uvloop where the settings say so.

Knows that uvloop may not be there. What runs on the loop is the business of `serve`.
"""

import asyncio
import logging
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, Literal

EventLoop = Literal["asyncio", "uvloop"]

_log = logging.getLogger("gattkeeper")


def loop_problem(kind: EventLoop) -> str:
    """What is in the way of such a loop, as a sentence; empty when nothing is."""
    if kind == "uvloop" and find_spec("uvloop") is None:
        return 'event_loop = "uvloop" needs uvloop, which is not installed here: pip install "gattkeeper[fast]"'
    return ""


def run_on(kind: EventLoop, main: Coroutine[Any, Any, int]) -> int:
    """Run to the end on a loop of this kind; what `main` gives. Nothing must be in its way: see `loop_problem`."""
    if kind == "asyncio":
        return asyncio.run(main)
    import uvloop  # noqa: PLC0415 - not installed with everybody

    _log.info("the event loop is uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
