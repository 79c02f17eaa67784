"""The link over Bumble keeps the link contract."""

import pytest

from gattkeeper.world.virtual_time import run_virtual
from link_contract.bumble_bench import bumble_bench
from link_contract.contract import CHECKS, Check, name_of


@pytest.mark.parametrize("check", CHECKS, ids=name_of)
def test_bumble_keeps_the_contract(check: Check) -> None:
    async def on_a_fresh_bench() -> None:
        async with bumble_bench() as bench:
            await check(bench)

    run_virtual(on_a_fresh_bench())
