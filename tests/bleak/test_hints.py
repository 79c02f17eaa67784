"""What a program says about its calls holds where it says so."""

import asyncio

import pytest

from gattkeeper.bleak.hints import hint, hints
from gattkeeper.model.command import Priority


def test_without_a_word_a_call_is_normal_and_not_repeated():
    assert (hints().priority, hints().idempotent) == (Priority.NORMAL, False)


def test_a_program_has_a_priority_as_a_whole(monkeypatch):
    monkeypatch.setenv("GATTKEEPER_PRIORITY", "background")
    assert hints().priority is Priority.BACKGROUND
    with hint(priority="urgent"):
        assert hints().priority is Priority.URGENT
    with hint(idempotent=True):
        assert hints().priority is Priority.BACKGROUND


def test_an_inner_hint_changes_only_what_it_names():
    with hint(priority=Priority.INTERACTIVE, idempotent=True):
        with hint(idempotent=False):
            assert (hints().priority, hints().idempotent) == (Priority.INTERACTIVE, False)
        assert hints().idempotent


def test_a_hint_ends_with_its_block_also_when_that_fails():
    with pytest.raises(ZeroDivisionError), hint(priority="urgent"):
        _ = 1 / 0
    assert hints().priority is Priority.NORMAL


def test_a_hint_holds_in_tasks_made_in_its_block_and_in_no_other():
    async def told() -> Priority:
        await asyncio.sleep(0)
        return hints().priority

    async def story() -> list[Priority]:
        outside = asyncio.create_task(told())
        with hint(priority="background"):
            inside = asyncio.create_task(told())
        return [await outside, await inside]

    assert asyncio.run(story()) == [Priority.NORMAL, Priority.BACKGROUND]


def test_a_priority_that_there_is_not_is_named_with_those_there_are(monkeypatch):
    sentence = "there is no priority 'soon': it is one of urgent, interactive, normal, background"
    with pytest.raises(ValueError, match=sentence), hint(priority="soon"):
        pass
    monkeypatch.setenv("GATTKEEPER_PRIORITY", "soon")
    with pytest.raises(ValueError, match=sentence):
        hints()
