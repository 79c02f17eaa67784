"""Questions of a pairing as JSON: to the client that pairs, answered by it, gone with it. The link is a fake."""

import pytest

from fronts.keeper_bench import bench

pytestmark = pytest.mark.asyncio

PAIR = {"id": "p", "verb": "pair", "device": "lounge", "asks": True}


def link_asks(b, question, *about):
    """What the device's pairing asks; the answers, as they come."""
    answers = []

    async def ask() -> None:
        answers.append(await getattr(b.link.connections[-1].events.asking(), question)(*about))

    b.link.on_pair = ask
    return answers


@pytest.mark.parametrize(
    ("question", "about", "asked", "answer", "meant"),
    [
        ("request_passkey", (), {}, {"passkey": "012034"}, 12034),
        ("request_passkey", (), {}, {"passkey": None}, None),
        ("confirm_passkey", (7,), {"passkey": "000007"}, {"yes": True}, True),
        ("confirm_passkey", (7,), {"passkey": "000007"}, {"yes": False}, False),
        ("confirm", (), {}, {"yes": True}, True),
    ],
)
async def test_the_client_that_pairs_is_asked(tmp_path, question, about, asked, answer, meant):
    async with bench(tmp_path, operations=("pair",)) as b, b.client() as client:
        answers = link_asks(b, question, *about)
        client.say(PAIR)
        first, second = await client.hear(), await client.hear()
        assert {"id": "p", "question": question, "device": "lounge", **asked} in (first, second)
        client.say({"id": "p", "verb": "answer", **answer})
        assert (await client.hear())["outcome"]["verdict"] == "delivered"
        assert answers == [meant]


async def test_a_passkey_is_shown_and_needs_no_answer(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b, b.client() as client:
        link_asks(b, "display_passkey", 7)
        client.say(PAIR)
        shown = {"id": "p", "question": "display_passkey", "device": "lounge", "passkey": "000007"}
        assert shown in (await client.hear(), await client.hear())
        assert "outcome" in await client.hear()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"yes": True}, "answered by `passkey`"),
        ({"passkey": "12"}, "six digits"),
        ({"passkey": "١٢٣٤٥٦"}, "six digits"),
        ({"passkey": "123456", "id": "q"}, "no pairing with this id"),
        ({"passkey": 123456}, "Expected `str | null`"),
    ],
)
async def test_a_wrong_answer_is_refused_and_the_question_stays_open(tmp_path, answer, said):
    async with bench(tmp_path, operations=("pair",)) as b, b.client() as client:
        answers = link_asks(b, "request_passkey")
        client.say(PAIR)
        await client.hear()
        await client.hear()
        assert said in (await client.ask({"id": "p", "verb": "answer", **answer}))["error"]["message"]
        client.say({"id": "p", "verb": "answer", "passkey": "000001"})
        assert "outcome" in await client.hear()
        assert answers == [1]


async def test_a_comparison_is_not_answered_by_a_passkey(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b, b.client() as client:
        answers = link_asks(b, "confirm_passkey", 7)
        client.say(PAIR)
        await client.hear()
        await client.hear()
        for wrong in ({"passkey": "000007"}, {"passkey": "000007", "yes": True}, {}):
            answer = await client.ask({"id": "p", "verb": "answer", **wrong})
            assert "answered by `yes`" in answer["error"]["message"]
        client.say({"id": "p", "verb": "answer", "yes": True})
        assert "outcome" in await client.hear()
        assert answers == [True]


async def test_an_answer_to_nothing_is_refused(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b, b.client() as client:
        b.link.let_answer.clear()
        client.say(PAIR)
        await client.hear()
        answer = await client.ask({"id": "p", "verb": "answer", "yes": True})
        assert answer["error"]["message"] == "nothing is asked at the moment"
        b.link.let_answer.set()
        await client.hear()
        answer = await client.ask({"id": "p", "verb": "answer", "yes": True})
        assert "no pairing with this id" in answer["error"]["message"]


async def test_a_client_that_does_not_ask_for_questions_gets_none(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b, b.client() as client:
        b.link.let_answer.clear()
        client.say({**PAIR, "asks": False})
        await client.hear()
        await b.link.reached.wait()
        assert b.link.connections[-1].events.asking() is None
        b.link.let_answer.set()
        assert "outcome" in await client.hear()


async def test_a_client_that_vanishes_takes_its_pairing_back(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b:
        b.link.let_answer.clear()
        async with b.client() as client:
            client.say(PAIR)
            await client.hear()
            await b.link.reached.wait()
            client.writer.transport.abort()
        await b.until(lambda: b.timeline.newest(1)[0].outcome is not None)
        assert b.timeline.newest(1)[0].outcome.cause.value == "cancelled_in_flight"
        assert b.keeper.agents.asking("lounge") is None
        await b.until(lambda: not b.front._served)


async def test_two_pairings_under_one_id_are_refused_and_the_first_goes_on(tmp_path):
    async with bench(tmp_path, operations=("pair",)) as b, b.client() as client:
        answers = link_asks(b, "request_passkey")
        client.say(PAIR)
        await client.hear()
        await client.hear()
        answer = await client.ask({**PAIR, "device": "kitchen"})
        assert "another pairing with this id" in answer["error"]["message"]
        client.say({"id": "p", "verb": "answer", "passkey": "000001"})
        assert "outcome" in await client.hear()
        assert answers == [1]
