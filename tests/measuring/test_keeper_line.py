"""The line in front of the keeper stays as long as it is while commands are carried out."""

import asyncio

from measured.keeper_line import Line


def test_each_command_is_carried_out_for_one_that_comes() -> None:
    async def story() -> tuple[int, int, float]:
        line = Line()
        await line.fill(10)
        before = line.keeper.status()
        cost = await line.cost()
        after = line.keeper.status()
        await line.close()
        return before.accepted - before.ended, after.accepted - after.ended, cost

    before, after, cost = asyncio.run(story())
    assert before == after == 11
    assert cost > 0
