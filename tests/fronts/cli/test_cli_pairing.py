"""The prompt of `pair`: what is asked at the terminal, and who is not asked. The link is a fake."""

import asyncio

import pytest

from fronts.keeper_bench import bench
from gattkeeper.fronts.answers import EXIT_DONE, EXIT_REFUSED, EXIT_USAGE
from gattkeeper.fronts.cli.daemon_verbs import run_daemon_verb
from gattkeeper.fronts.cli.pairing import TerminalAgent
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.model.command import Origin

pytestmark = pytest.mark.asyncio

PLAIN = Terminal(tty=True, color=False, columns=80)


class Person:
    """Types the lines given; None: is gone."""

    def __init__(self, *lines: str | None) -> None:
        self.seen: list[str] = []
        self._lines = list(lines)

    def say(self, text: str) -> None:
        self.seen.append(text)

    async def ask(self, text: str) -> str | None:
        self.seen.append(text)
        return self._lines.pop(0)


@pytest.mark.parametrize(
    ("lines", "passkey"),
    [(["012034"], 12034), ([" 012034 "], 12034), (["12034", "x", "012034"], 12034), ([""], None), ([None], None)],
)
async def test_a_passkey_has_six_digits_and_an_empty_line_gives_up(lines, passkey):
    person = Person(*lines)
    assert await TerminalAgent(person).request_passkey("lock\x1b[2J") == passkey
    assert person.seen.count("that is no passkey: six digits are shown on the device") == len(lines) - 1
    assert "\x1b" not in "".join(person.seen)


@pytest.mark.parametrize(
    ("line", "agreed"), [("y", True), ("YES", True), ("", False), ("n", False), (None, False)]
)
async def test_only_a_yes_agrees(line, agreed):
    person = Person(line, line)
    agent = TerminalAgent(person)
    assert await agent.confirm_passkey("lock", 42) is agreed
    assert await agent.confirm("lock") is agreed
    assert person.seen[0] == "Does lock show 000042? [y/N]"
    assert person.seen[1].startswith("Pair without a passkey? Nothing proves then that this is lock.")


async def test_a_passkey_is_shown_with_all_its_digits():
    person = Person()
    await TerminalAgent(person).display_passkey("lock", 7)
    assert person.seen == ["Type 000007 on lock."]


async def frames_of(b, person, *argv):
    said = run_daemon_verb(b.service, argv, PLAIN, Origin(), person)
    return [frame.decode() async for frame in said]


async def test_whoever_runs_pair_is_asked_until_it_has_ended(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b:
        person = Person()

        async def shown() -> None:
            await b.link.connections[-1].events.asking().display_passkey(7)

        b.link.on_pair = shown
        *_, shown_outcome, code = await frames_of(b, person, "pair", "lounge")
        assert person.seen == ["Type 000007 on lounge."]
        assert "lounge pair" in shown_outcome
        assert code == f"x{EXIT_DONE}\n"
        assert b.keeper.agents.asking("lounge") is None


async def test_a_second_person_is_told_that_somebody_pairs_it(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b:
        b.link.let_answer.clear()
        first = asyncio.create_task(frames_of(b, Person(), "pair", "lounge"))
        await b.link.reached.wait()
        *_, said, code = await frames_of(b, Person(), "pair", "F0:00:00:00:00:01")
        assert "somebody else is pairing lounge" in said
        assert code in (f"x{EXIT_USAGE}\n", f"x{EXIT_REFUSED}\n")
        b.link.let_answer.set()
        assert (await first)[-1] == f"x{EXIT_DONE}\n"


async def test_a_question_is_not_overwritten_by_progress(tmp_path, monkeypatch):
    monkeypatch.setattr("gattkeeper.fronts.cli.progress.PROGRESS_S", 0.001)
    async with bench(tmp_path, operations=("pair",)) as b:
        frames = []
        heard = asyncio.Event()

        class Slow(Person):
            async def ask(self, text):
                await asyncio.sleep(0.02)  # twenty times the pace of progress
                assert not [frame for frame in frames if frame.startswith(b"p")]
                heard.set()
                return "y"

        async def compared() -> None:
            await b.link.connections[-1].events.asking().confirm_passkey(7)

        b.link.on_pair = compared
        async for frame in run_daemon_verb(b.service, ("pair", "lounge"), PLAIN, Origin(), Slow()):
            frames.append(frame)  # noqa: PERF401 - what comes meanwhile is looked at
        assert heard.is_set()


async def test_a_caller_who_goes_away_takes_the_pairing_back(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b:
        b.link.let_answer.clear()
        pairing = asyncio.create_task(frames_of(b, Person(), "pair", "lounge"))
        await b.link.reached.wait()
        pairing.cancel()
        await asyncio.wait((pairing,))
        await b.until(lambda: b.timeline.newest(1)[0].outcome is not None)
        assert b.timeline.newest(1)[0].outcome.cause.value == "cancelled_in_flight"


async def test_unpair_is_a_command_like_any_other(tmp_path):
    async with bench(tmp_path, operations=("unpair",)) as b:
        assert (await frames_of(b, None, "unpair", "lounge"))[-1] == f"x{EXIT_DONE}\n"
