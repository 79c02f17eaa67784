"""A bond is given up in a task of its own: whatever the link does, the scheduler hears of its end once, and in time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gattkeeper.core.effects import Forget
from gattkeeper.core.events import Answered, Event, Failed
from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.outcome import Verdict
from gattkeeper.runtime.forgetting import FORGET_TIMEOUT_S, Forgetting
from gattkeeper.world import run_virtual
from runtime.house import House, live

EFFECT = Forget(device="lamp", adapter="hci", epoch=3, token=7)
LAMP = DeviceAddress(value="F0:00:00:00:00:01")
REFUSED = Fault(kind=FaultKind.REJECTED, stack="test")


class ForgetfulLink:
    """As much of a link as this uses."""

    def __init__(self, forget: Callable[[], Awaitable[None]]) -> None:
        self._forget = forget

    async def forget(self, device: DeviceAddress) -> None:
        assert device == LAMP
        await self._forget()


def told(forget: Callable[[], Awaitable[None]], after_s: float = 0.1) -> list[Event]:
    """What the scheduler hears, so much later."""
    events: list[Event] = []

    async def main() -> None:
        forgetting = Forgetting(events.append, lambda: 0.25)
        forgetting.start(ForgetfulLink(forget), EFFECT, LAMP)
        await asyncio.sleep(after_s)
        heard = list(events)
        await forgetting.close()
        assert events == heard, "what is ended with the keeper is no news"

    run_virtual(main())
    return events


async def done() -> None:
    await asyncio.sleep(0)


async def refuse() -> None:
    raise LinkError(REFUSED)


async def be_odd() -> None:
    raise KeyError("keys")


async def hang() -> None:
    await asyncio.get_running_loop().create_future()


def test_its_end_is_told() -> None:
    assert told(done) == [Answered(device="lamp", epoch=3, token=7)]


def test_why_it_could_not_be_done_is_told() -> None:
    assert told(refuse) == [Failed(device="lamp", epoch=3, token=7, fault=REFUSED, jitter=0.25)]


@pytest.mark.parametrize(
    ("forget", "name", "after_s"),
    [(be_odd, "KeyError", 0.1), (hang, "forget_timeout", FORGET_TIMEOUT_S + 0.1)],
)
def test_whatever_the_link_does_is_a_fault(
    forget: Callable[[], Awaitable[None]], name: str, after_s: float
) -> None:
    (event,) = told(forget, after_s)
    assert isinstance(event, Failed)
    assert event.fault.name == name


def test_one_that_runs_when_the_keeper_closes_is_ended_with_it() -> None:
    assert told(hang) == []


def test_a_keeper_forgets_a_device_that_is_away() -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        await lamp.pair()
        await lamp.disconnect()
        house.link.away.add("lamp")
        before = len(house.link.log.seen)
        await lamp.unpair()
        assert house.link.paired == set()
        assert house.watch.ends[-1].verdict is Verdict.DELIVERED
        assert len(house.link.log.seen) == before, "nothing went over the air"

    live(story)
