"""Questions as lines, and typed lines as answers to the question they are for."""

import asyncio

import pytest

from gattkeeper.fronts.socket.person import TypingPerson

pytestmark = pytest.mark.asyncio


def person(*lines: bytes):
    reader, written = asyncio.StreamReader(limit=100), []
    for line in lines:
        reader.feed_data(line)
    reader.feed_eof()
    return TypingPerson(reader, written.append), written


async def test_a_question_has_a_number_and_a_line_that_is_said_has_none():
    asked, written = person(b'[1,"yes"]\n', b'[2,"no"]\n')
    asked.say("look")
    assert await asked.ask("well?") == "yes"
    assert await asked.ask("and now?") == "no"
    assert written == [b"elook\n", b"q1 well?\n", b"q2 and now?\n"]


async def test_an_answer_to_a_question_that_is_over_is_not_taken_for_the_next():
    asked, _ = person(b'[0,"old"]\n', b'[1,"new"]\n')
    assert await asked.ask("well?") == "new"


@pytest.mark.parametrize(
    "line", [b"", b"[1,null]\n", b"yes\n", b"\xff\n", b"[1]\n", b'[1,"' + b"y" * 200 + b'"]\n']
)
async def test_whoever_is_gone_or_makes_no_sense_has_no_answer(line):
    asked, _ = person(line)
    assert await asked.ask("well?") is None
