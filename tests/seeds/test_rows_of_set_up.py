"""The set-up of article 001, as examples/set_up_sequence.py has it: in order, and tolerant of one answer."""

import runpy
from pathlib import Path

import pytest

from conformance.air import Air
from conformance.air import live as live_on_air
from gattkeeper.errors import CommandNotDeliveredError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import RequestMtu, kind_of
from gattkeeper.world import Fail, LinkMoment, LoseResponse, SeenKind
from runtime.house import House, live, now
from sim.scene import COUNTER, PUSHED

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "set_up_sequence.py"))
set_up = EXAMPLE["set_up"]

UNSUPPORTED = Fault(kind=FaultKind.UNSUPPORTED, ran=Ran.NO, stack="test")


def requests(house: House) -> list[str]:
    return [kind_of(seen.operation) for seen in house.link.log.of("lamp") if seen.kind is SeenKind.REQUEST]


async def is_set_up(house: House | Air) -> None:
    async with set_up(house.keeper.device("lamp"), PUSHED, COUNTER) as (values, information):
        assert information == b"\0\0\0\1"
        house.lamp.notify(house.lamp.characteristic(PUSHED), b"pushed")
        assert await anext(values) == b"pushed"


def test_row_set_up_goes_step_by_step() -> None:
    async def story(house: House) -> None:
        await is_set_up(house)
        await house.keeper.device("lamp").read(COUNTER)
        assert requests(house)[:4] == ["request_mtu", "subscribe", "read", "unsubscribe"]

    live(story)


def test_row_set_up_on_a_complete_stack() -> None:
    live_on_air(is_set_up)


@pytest.mark.parametrize("action", [LoseResponse(), Fail(fault=UNSUPPORTED)], ids=["no answer", "not supported"])
def test_row_set_up_does_without_a_longer_att_mtu(action: LoseResponse | Fail) -> None:
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, action, kind=kind_of(RequestMtu()))
        began_at = now()
        await is_set_up(house)
        assert now() - began_at < 5 + 0.5 + 2, "its patience, the grace, and a fresh connection"

    live(story)


def test_row_set_up_says_what_it_cannot_do_without() -> None:
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, Fail(fault=UNSUPPORTED), kind="subscribe")
        with pytest.raises(CommandNotDeliveredError):
            await is_set_up(house)
        assert not {"read", "unsubscribe"} & set(requests(house))

    live(story)
