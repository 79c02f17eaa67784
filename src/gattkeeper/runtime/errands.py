"""What is done for the core beside the sessions: each in a task of its own, all of them ended at the close.

Knows tasks only. What is done, and what the core is told of it, is its owner's.
"""

import asyncio
from collections.abc import Coroutine

from gattkeeper.runtime.sessions import outlast


class Errands:
    """Belongs to the event loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Do it; returns at once."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what runs."""
        for task in list(self._tasks):
            await outlast(task)
