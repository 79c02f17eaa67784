"""A rung in its task: whatever the link does, the scheduler hears of its end once, and in time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gattkeeper.core.effects import Recover
from gattkeeper.core.events import Event, RecoveryDone
from gattkeeper.errors import LinkError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.recoveries import RUNG_TIMEOUT_S, Recoveries
from gattkeeper.world import run_virtual
from runtime.breaking_link import ignore_cancels
from runtime.house import now

EFFECT = Recover(adapter="hci", rung=Rung.POWER_CYCLE, device="lamp")
REFUSED = Fault(kind=FaultKind.UNSUPPORTED, stack="test")


class RungLink:
    """As much of a link as recoveries use."""

    def __init__(self, climb: Callable[[], Awaitable[None]]) -> None:
        self._climb = climb

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        assert (rung, device.value) == (EFFECT.rung, "F0:00:00:00:00:01")
        await self._climb()


def told(climb: Callable[[], Awaitable[None]], after_s: float = 0.1) -> list[Event]:
    """What the scheduler hears, so much later."""
    events: list[Event] = []

    async def main() -> None:
        recoveries = Recoveries(events.append)
        recoveries.start(RungLink(climb), EFFECT, DeviceAddress(value="F0:00:00:00:00:01"))
        await asyncio.sleep(after_s)
        heard = list(events)
        await recoveries.close()
        assert events == heard, "what is ended with the keeper is no news"

    run_virtual(main())
    return events


async def done() -> None:
    await asyncio.sleep(0)


async def refuse() -> None:
    raise LinkError(REFUSED)


async def be_odd() -> None:
    raise KeyError("org.bluez.Adapter1")


async def cancel_itself() -> None:
    raise asyncio.CancelledError


async def hang() -> None:
    await asyncio.get_running_loop().create_future()


def over(fault: Fault | None) -> list[Event]:
    return [RecoveryDone(adapter="hci", rung=Rung.POWER_CYCLE, device="lamp", fault=fault)]


def test_its_end_is_told() -> None:
    assert told(done) == over(None)


def test_why_it_could_not_be_done_is_told() -> None:
    assert told(refuse) == over(REFUSED)


@pytest.mark.parametrize(("climb", "name"), [(be_odd, "KeyError"), (cancel_itself, "CancelledError")])
def test_whatever_it_raises_is_a_fault(climb: Callable[[], Awaitable[None]], name: str) -> None:
    (event,) = told(climb)
    assert isinstance(event, RecoveryDone)
    assert event.fault is not None
    assert event.fault.name == name


def test_one_that_hangs_is_ended() -> None:
    (event,) = told(hang, RUNG_TIMEOUT_S + 0.1)
    assert isinstance(event, RecoveryDone)
    assert event.fault is not None
    assert event.fault.name == "rung_timeout"


def test_one_that_runs_when_the_keeper_closes_is_ended_with_it() -> None:
    assert told(hang) == []


def test_one_that_ignores_its_end_is_left_to_itself() -> None:
    events: list[Event] = []

    async def main() -> None:
        recoveries = Recoveries(events.append)
        stubborn = RungLink(lambda: ignore_cancels(100.0))
        recoveries.start(stubborn, EFFECT, DeviceAddress(value="F0:00:00:00:00:01"))
        await asyncio.sleep(RUNG_TIMEOUT_S + 11.0)
        assert len(events) == 1
        assert now() < 100.0
        await asyncio.sleep(100.0)

    run_virtual(main())
