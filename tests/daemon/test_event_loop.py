"""The daemon's event loop: the one that is asked for, and Python's own where nothing is said."""

import asyncio
import logging

import pytest
import uvloop

from gattkeeper.daemon import event_loop
from gattkeeper.daemon.event_loop import loop_problem, run_on
from gattkeeper.daemon.settings_model import KeeperSettings


async def kind_of_loop() -> int:
    return int(isinstance(asyncio.get_running_loop(), uvloop.Loop))


@pytest.mark.parametrize(
    ("kind", "fast", "told"), [("asyncio", 0, []), ("uvloop", 1, ["the event loop is uvloop"])]
)
def test_the_loop_is_the_one_that_is_asked_for_and_another_than_usual_is_told(kind, fast, told, caplog):
    caplog.set_level(logging.INFO, "gattkeeper")
    assert run_on(kind, kind_of_loop()) == fast
    assert [record.getMessage() for record in caplog.records] == told


def test_nothing_is_in_the_way_of_pythons_own_loop(monkeypatch):
    monkeypatch.setattr(event_loop, "find_spec", lambda _name: None)
    assert loop_problem(KeeperSettings().event_loop) == ""
    assert "gattkeeper[fast]" in loop_problem("uvloop")


def test_an_installed_uvloop_is_found():
    assert loop_problem("uvloop") == ""
