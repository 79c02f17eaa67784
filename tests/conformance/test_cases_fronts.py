"""Cases about clients of the daemon, over a real socket: numbers are those of the conformance list.

The link below is a fake that answers when it is told to.
"""

from pathlib import Path

import pytest

from fronts.keeper_bench import bench

pytestmark = pytest.mark.asyncio

WRITE = {"verb": "write", "device": "lounge", "characteristic": "fe51", "payload": "01"}
PULSE = {"id": 1, "verb": "subscribe", "device": "lounge", "characteristic": "2a37"}


async def test_c107_what_a_client_asked_for_outlives_it_and_its_subscription_does_not(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        async with b.client() as client:
            assert (await client.ask(PULSE))["subscribed"]
            b.link.let_answer.clear()
            first = (await client.ask({**WRITE, "wait": True}))["accepted"]
            second = (await client.ask({**WRITE, "wait": True}))["accepted"]
        await b.until(lambda: not b.front._served)
        b.link.let_answer.set()
        for command_id in (first, second):
            handle = b.keeper.handle(command_id)
            assert handle is not None
            assert (await handle.wait()).succeeded
        await b.until(lambda: type(b.link.performed[-1]).__name__ == "Unsubscribe")
        assert [type(one).__name__ for one in b.link.performed].count("Write") == 2
