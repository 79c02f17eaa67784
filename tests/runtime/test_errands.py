"""What is done beside the sessions ends with them."""

import asyncio

from gattkeeper.runtime.errands import Errands
from gattkeeper.world import run_virtual


def test_it_is_done_and_the_close_ends_what_still_runs() -> None:
    done: list[str] = []

    async def work(name: str, length_s: float) -> None:
        try:
            await asyncio.sleep(length_s)
            done.append(name)
        except asyncio.CancelledError:
            done.append(f"{name} was ended")
            raise

    async def story() -> None:
        errands = Errands()
        errands.start(work("short", 1))
        errands.start(work("long", 60))
        await asyncio.sleep(2)
        await errands.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(story())
    assert done == ["short", "long was ended"]
