"""Virtual time: no waiting, the same order every time, and no silent hanging."""

import asyncio
import threading
import time

import pytest

from gattkeeper.world import run_virtual
from world.raw_central import now


def test_a_day_costs_no_time():
    async def scenario():
        await asyncio.sleep(86_400)
        return now()

    started = time.monotonic()
    assert run_virtual(scenario()) == 86_400
    assert time.monotonic() - started < 5


def test_timers_fire_in_order_and_at_their_time():
    async def scenario():
        fired = []

        async def at(delay: float) -> None:
            await asyncio.sleep(delay)
            fired.append((delay, now()))

        await asyncio.gather(at(3.0), at(1.0), at(2.0))
        return fired

    assert run_virtual(scenario()) == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


def test_a_timeout_ends_what_never_comes():
    async def scenario():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30.0):
                await asyncio.Event().wait()
        return now()

    assert run_virtual(scenario()) == 30.0


def test_a_deadlock_is_an_error_that_names_who_waits():
    async def scenario():
        asyncio.current_task().set_name("the waiting one")
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match=r"no timer is set, and these tasks wait: the waiting one"):
        run_virtual(scenario())


def test_work_in_an_executor_ends_before_the_clock_moves_on():
    async def scenario():
        async with asyncio.timeout(1.0):
            await asyncio.to_thread(time.sleep, 0.02)  # work that takes real time
            return now()

    assert run_virtual(scenario()) == 0.0


def test_a_thread_that_waits_for_a_timer_gets_it():
    async def scenario():
        loop = asyncio.get_running_loop()

        async def later() -> float:
            await asyncio.sleep(5.0)
            return now()

        def from_thread() -> float:
            return asyncio.run_coroutine_threadsafe(later(), loop).result()

        return await asyncio.to_thread(from_thread)

    assert run_virtual(scenario()) == 5.0


def test_a_thread_may_wake_a_loop_that_has_nothing_left_to_do():
    async def scenario():
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(woken.set))
        thread.start()
        await woken.wait()
        thread.join()
        return now()

    assert run_virtual(scenario()) == 0.0
