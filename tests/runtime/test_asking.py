"""Who is asked while a device pairs; agents that are late, fail, or answer nonsense pair nothing."""

import asyncio
import logging

import pytest

from gattkeeper.errors import ConflictError
from gattkeeper.runtime.asking import ANSWER_S, AgentDesk, Asking
from gattkeeper.world.virtual_time import run_virtual
from runtime.house import House, live, now


class Agent:
    """Answers everything with the same."""

    def __init__(self, answer: object = True) -> None:
        self.answer = answer
        self.shown: list[tuple[str, int]] = []

    async def display_passkey(self, device: str, passkey: int) -> None:
        self.shown.append((device, passkey))

    async def request_passkey(self, device: str) -> int | None:
        return await self._answered()

    async def confirm_passkey(self, device: str, passkey: int) -> bool:
        return await self._answered()

    async def confirm(self, device: str) -> bool:
        return await self._answered()

    async def _answered(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer == "late":
            await asyncio.sleep(ANSWER_S + 1)
        return self.answer


def test_an_agent_is_asked_about_its_device():
    async def main():
        agent = Agent(123)
        asking = Asking(agent, "lock")
        await asking.display_passkey(7)
        assert agent.shown == [("lock", 7)]
        assert await asking.request_passkey() == 123
        agent.answer = True
        assert await asking.confirm_passkey(7)
        assert await asking.confirm()

    run_virtual(main())


@pytest.mark.parametrize("answer", ["late", ValueError("123456"), None, -1, 1_000_000])
def test_what_is_no_passkey_or_comes_too_late_is_none(answer, caplog):
    async def main():
        asking = Asking(Agent(answer), "lock")
        begun_at = now()
        assert await asking.request_passkey() is None
        assert now() - begun_at == (ANSWER_S if answer == "late" else 0)

    with caplog.at_level(logging.DEBUG):
        run_virtual(main())
    assert "123456" not in caplog.text
    assert ("the pairing agent failed on lock: ValueError" in caplog.text) == isinstance(answer, Exception)


@pytest.mark.parametrize("answer", ["late", ValueError()])
def test_a_comparison_that_is_late_or_fails_counts_as_no(answer):
    async def main():
        asking = Asking(Agent(answer), "lock")
        assert not await asking.confirm_passkey(1)
        assert not await asking.confirm()

    run_virtual(main())


def test_whoever_wants_a_device_paired_is_asked_instead_of_the_keepers_own_agent():
    own, caller = Agent(1), Agent(2)
    desk = AgentDesk(own)
    assert AgentDesk().asking("lock") is None

    async def said(device):
        return await desk.asking(device).request_passkey()

    async def main():
        with desk.on_behalf("lock", caller):
            assert (await said("lock"), await said("lamp")) == (2, 1)
            with pytest.raises(ConflictError, match="somebody else is pairing lock"), desk.on_behalf("lock", own):
                pass
        assert await said("lock") == 1

    run_virtual(main())


def test_a_device_is_paired_with_the_agent_of_the_call():
    seen = []

    async def story(house: House):
        agent = Agent()
        lamp = house.keeper.device("lamp")
        await lamp.connect()
        session = house.keeper._pump._sessions["lamp"]
        session.dispatch, dispatch = (
            lambda *what: (seen.append(session.asking()), dispatch(*what)),
            session.dispatch,
        )
        await lamp.pair(agent)
        await lamp.pair()
        assert [None if each is None else each._agent for each in seen] == [agent, None]

    live(story)
