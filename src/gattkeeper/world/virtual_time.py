"""An event loop whose clock jumps to the next timer: a day in seconds, and the same day every time.

Knows asyncio only. Limits: real sockets, subprocesses and threads take real time, which this clock does
not count. Work given to an executor holds the clock for a moment; any other thread does not.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

_T = TypeVar("_T")

_EXECUTOR_GRACE_S = 0.1
"""Real time an executor's work gets before the clock moves on: longer than a disk takes to sync a row,
short enough for a thread that itself waits for a timer."""

_THREAD_GRACE_S = 1.0
"""Real time in which another thread may still wake a loop that has nothing left to do."""


class _JumpingSelector(selectors.BaseSelector):
    """A selector that never sleeps: what would be sleep is added to `now`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at_work = 0  # pieces of work that executors have
        self._real = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return self._wait_for_threads()
        if self.at_work:
            ready = self._real.select(_EXECUTOR_GRACE_S)
        if not ready:
            self.now += timeout
        return ready

    def _wait_for_threads(self) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(_THREAD_GRACE_S) if threading.active_count() > 1 else []
        while self.at_work and not ready:
            ready = self._real.select(_THREAD_GRACE_S)
        if not ready:
            waiting = sorted(task.get_name() for task in asyncio.all_tasks(asyncio.get_running_loop()))
            message = f"virtual time stands still: no timer is set, and these tasks wait: {', '.join(waiting)}"
            raise RuntimeError(message)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop on virtual time. Its clock starts at 0.0 s.

    When every task waits and no timer is set, `run_until_complete` raises RuntimeError with the names of the
    tasks that wait, instead of hanging.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made, by its own clock."""
        return self._jumping.now

    def run_in_executor(self, executor: Any, func: Callable[..., _T], *args: Any) -> "asyncio.Future[_T]":  # type: ignore[override]
        """As in asyncio; the clock waits a moment for the work to end."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.at_work += 1
        future.add_done_callback(self._work_ended)
        return future

    async def shutdown_default_executor(self, *timeout: float) -> None:
        """As in asyncio; joining threads is work as well."""
        self._jumping.at_work += 1
        await super().shutdown_default_executor(*timeout)
        self._work_ended()

    def _work_ended(self, _future: object = None) -> None:
        self._jumping.at_work -= 1


def run_virtual(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end on a virtual clock of its own, as `asyncio.run` would on the real one."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)
