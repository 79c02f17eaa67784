"""An emergency stop on a complete stack: what its verdict says is what the device has.

Knows a keeper over Bumble on a virtual radio, in virtual time. More states stand in `test_stop_everywhere`.
"""

import asyncio

import pytest

from conformance.test_cases_bumble import WRITE_RESPONSE, Air, live
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import LongWrite, Operation, Read, Write
from gattkeeper.model.outcome import Verdict
from gattkeeper.world import Drop, Rule
from runtime.house import now, write
from sim.scene import COUNTER, STOP, WRITABLE

READ = Read(target=characteristic_ref(COUNTER))
LONG = LongWrite(target=characteristic_ref(WRITABLE), payload=b"x" * 600)

# How long a stop may take at a connection interval of 30 ms, in seconds.
AT_ONCE = 0.1
AFTER_AN_ANSWER = 0.2
AFTER_A_DROP = 2.0  # the grace, a connection, and discovery
CONNECTING = 3.0


async def stop(air: Air, bound_s: float) -> None:
    """Stop the lamp; it has the stop once, in its bound, and is usable afterwards."""
    asked_at = now()
    (handle,) = await air.keeper.stop("lamp")
    assert (await handle.wait()).verdict is Verdict.DELIVERED
    assert now() - asked_at <= bound_s
    assert [payload[:1] for payload in air.applied()].count(b"S") == 1
    air.radio.rules.clear()
    await asyncio.sleep(60)
    assert (await (await air.keeper.submit(write(b"after"))).wait()).succeeded
    assert air.applied()[-1] == b"after"


@pytest.mark.parametrize(
    ("operation", "answers", "bound_s"),
    [
        (None, True, AT_ONCE),
        (READ, True, AFTER_AN_ANSWER),
        (Write(target=characteristic_ref(STOP), payload=b"x"), True, AFTER_AN_ANSWER),
        (write().operation, True, AFTER_AN_ANSWER),
        (write().operation, False, AFTER_A_DROP),
        (LONG, True, AFTER_AN_ANSWER),
        (LONG, False, AFTER_A_DROP),
    ],
)
def test_f65_a_stop_during_an_operation_is_true_and_in_its_bound(
    operation: Operation | None, *, answers: bool, bound_s: float
) -> None:
    async def story(air: Air) -> None:
        await air.connected()
        await asyncio.sleep(1)
        if not answers:
            air.radio.rules.append(Rule(WRITE_RESPONSE, Drop()))
        if operation is not None:
            await air.keeper.submit(Command(device="lamp", operation=operation))
            await air.keeper.submit(write(b"behind"))
            await asyncio.sleep(0.01)
        await stop(air, bound_s)
        assert b"behind" not in air.applied()

    live(story)


@pytest.mark.parametrize(("after_s", "state"), [(0.01, "connecting"), (0.15, "discovering"), (0.4, "discovering")])
def test_f65_a_stop_while_it_connects_and_discovers_is_true_and_in_its_bound(after_s: float, state: str) -> None:
    async def story(air: Air) -> None:
        await air.keeper.submit(write(b"behind"))
        await asyncio.sleep(after_s)
        assert air.keeper.status().devices[0].connection == state
        await stop(air, CONNECTING)
        assert b"behind" not in air.applied()

    live(story)
