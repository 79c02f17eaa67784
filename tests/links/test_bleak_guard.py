"""The guard: every way in which a call of a stack can end, or refuse to."""

import asyncio

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_guard import Guard
from gattkeeper.model.fault import Fault, FaultKind, Ran

pytestmark = pytest.mark.asyncio


class Stubborn:
    """A call that survives so many cancels."""

    def __init__(self, cancels: int) -> None:
        self.cancels = cancels
        self.running = asyncio.Event()
        self.over = asyncio.Event()
        self.released = asyncio.Event()

    async def call(self) -> str:
        self.running.set()
        try:
            while True:
                try:
                    await self.released.wait()
                except asyncio.CancelledError:
                    self.cancels -= 1
                    if self.cancels < 0:
                        raise
                else:
                    return "late"
        finally:
            self.over.set()


async def value() -> str:
    return "value"


async def breaks(error: BaseException) -> None:
    raise error


async def test_a_result_passes_through() -> None:
    assert await Guard(0.01).run(value(), phase="operation", limit_s=1.0) == "value"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EOFError(), FaultKind.LINK_LOST),
        (AssertionError(), FaultKind.LINK_LOST),
        (asyncio.CancelledError(), FaultKind.TRANSIENT),
        (RuntimeError("?"), FaultKind.UNLISTED),
    ],
    ids=repr,
)
async def test_whatever_is_raised_becomes_a_fault(error: BaseException, kind: FaultKind) -> None:
    with pytest.raises(LinkError) as caught:
        await Guard(0.01).run(breaks(error), phase="operation")
    assert caught.value.fault.kind is kind


async def test_a_call_over_its_limit_ends_with_the_callers_kind() -> None:
    stubborn = Stubborn(cancels=0)
    with pytest.raises(LinkError) as caught:
        await Guard(0.01).run(stubborn.call(), phase="connect", limit_s=0.01, overrun=FaultKind.BUSY)
    assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.BUSY, Ran.NO)
    assert stubborn.over.is_set()


async def test_a_second_cancel_ends_what_survived_the_first() -> None:
    stubborn, guard = Stubborn(cancels=1), Guard(0.01)
    with pytest.raises(LinkError) as caught:
        await guard.run(stubborn.call(), phase="operation", limit_s=0.01, overrun=FaultKind.BUSY)
    assert caught.value.fault.kind is FaultKind.BUSY
    assert guard.abandoned == 0


async def test_what_survives_both_cancels_is_wedged_and_remembered_until_it_ends() -> None:
    stubborn, guard = Stubborn(cancels=9), Guard(0.01)
    with pytest.raises(LinkError) as caught:
        await guard.run(stubborn.call(), phase="operation", limit_s=0.01, overrun=FaultKind.BUSY)
    assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.WEDGED, Ran.MAYBE)
    assert guard.abandoned == 1
    stubborn.released.set()
    await stubborn.over.wait()
    await asyncio.sleep(0)
    assert guard.abandoned == 0


async def test_the_callers_cancel_comes_back_when_the_call_is_over() -> None:
    stubborn = Stubborn(cancels=1)
    caller = asyncio.create_task(Guard(0.01).run(stubborn.call(), phase="connect"))
    await stubborn.running.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert stubborn.over.is_set()


async def test_a_caller_that_cancels_twice_does_not_wait() -> None:
    stubborn = Stubborn(cancels=1)
    caller = asyncio.create_task(Guard(60.0).run(stubborn.call(), phase="connect"))
    await stubborn.running.wait()
    caller.cancel()
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await stubborn.over.wait()


async def test_a_loss_ends_the_call_with_its_own_fault() -> None:
    lost: asyncio.Future[Fault] = asyncio.get_running_loop().create_future()
    stubborn = Stubborn(cancels=0)
    for phase, ran in (("operation", Ran.MAYBE), ("connect", Ran.NO)):
        running = asyncio.create_task(Guard(0.01).run(stubborn.call(), phase=phase, until=lost))
        await stubborn.running.wait()
        if not lost.done():
            lost.set_result(Fault(kind=FaultKind.ADAPTER_GONE, text="pulled out"))
        with pytest.raises(LinkError) as caught:
            await running
        assert caught.value.fault == Fault(kind=FaultKind.ADAPTER_GONE, text="pulled out", ran=ran)
