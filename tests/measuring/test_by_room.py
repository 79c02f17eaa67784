"""What a command is made of: each function is its own room's, and the shares make a whole."""

import asyncio
from pathlib import Path

import pytest

import gattkeeper
from measured.by_room import parts_of, profiled, room_of

PACKAGE = Path(gattkeeper.__file__).parent


def test_a_function_belongs_to_the_folder_it_lies_in() -> None:
    assert room_of(str(PACKAGE / "core" / "scheduler.py")) == "core"
    assert room_of(str(PACKAGE / "links" / "fault_tables" / "hci.py")) == "links"
    assert room_of(asyncio.events.__file__) == "asyncio"
    assert room_of("~") == "Python's own functions"


def test_shares_are_of_the_time_of_a_rooms_own_functions_and_calls_are_for_a_command() -> None:
    core, runtime = str(PACKAGE / "core" / "waiting.py"), str(PACKAGE / "runtime" / "pump.py")
    stats = {
        (core, 1, "f"): (20, 25, 3.0, 9.0, None),
        (core, 9, "g"): (10, 10, 3.0, 3.0, None),
        (runtime, 1, "h"): (10, 10, 2.0, 11.0, None),
    }
    first, second = parts_of(stats, 10)
    assert (first.name, first.share, first.calls) == ("core", 0.75, 3.0)
    assert (second.name, second.share, second.calls) == ("runtime", 0.25, 1.0)


def test_a_profile_sees_the_core_and_the_runtime_of_every_command() -> None:
    profile = asyncio.run(profiled())
    profile.create_stats()
    parts = {part.name: part for part in parts_of(profile.stats, 1000)}  # type: ignore[attr-defined]
    assert parts["core"].calls > 10
    assert parts["runtime"].calls > 10
    assert sum(part.share for part in parts.values()) == pytest.approx(1.0)
