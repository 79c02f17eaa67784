"""The tables: every phase is reached, every end is an end, and nothing leaves the table by accident."""

import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from gattkeeper.core.lifecycle import (
    AVAILABILITY,
    COMMAND,
    CONNECTION,
    SLOT,
    Availability,
    AvailabilityStep,
    CommandPhase,
    CommandStep,
    ConnectionState,
    ConnectionStep,
    SlotPhase,
    SlotStep,
)
from tidy.source_tree import ROOT

DESIGN = ROOT / "docs" / "design.md"

TABLES: dict[str, Any] = {
    "command": (COMMAND, CommandPhase.WAITING, CommandPhase, CommandStep),
    "slot": (SLOT, SlotPhase.RECORDING, SlotPhase, SlotStep),
    "connection": (CONNECTION, ConnectionState.DISCONNECTED, ConnectionState, ConnectionStep),
    "availability": (AVAILABILITY, Availability.AVAILABLE, Availability, AvailabilityStep),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_reached_from_the_first_and_every_step_is_used(name: str) -> None:
    table, first, states, steps = TABLES[name]
    reached: set[Enum] = {first}
    while more := {after for (before, _), after in table.items() if before in reached} - reached:
        reached |= more
    assert reached == set(states)
    assert {step for _, step in table} == set(steps)


def test_nothing_follows_the_end_of_a_command() -> None:
    assert not [step for phase, step in COMMAND if phase is CommandPhase.ENDED]
    assert {phase for phase, step in COMMAND if step is CommandStep.END} == set(CommandPhase) - {
        CommandPhase.ENDED
    }


def test_an_abandoned_attempt_can_only_be_over() -> None:
    """A connection that comes up late is not one."""
    steps = {step for state, step in CONNECTION if state is ConnectionState.ABANDONING}
    assert steps == {ConnectionStep.FAIL}


def draw(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "draw_lifecycle", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_diagrams_of_the_design_page_are_those_of_the_tables() -> None:
    run = draw("--check")
    assert run.returncode == 0, run.stderr


def test_an_old_diagram_is_noticed_and_drawn_anew(tmp_path: Path) -> None:
    page = tmp_path / "design.md"
    page.write_text(DESIGN.read_text().replace("in_flight --> releasing", "in_flight --> lost"))
    old = draw("--check", page)
    assert (old.returncode, old.stderr) == (1, f"{page} shows old diagrams: run tools/draw_lifecycle\n")
    assert draw(page).returncode == 0
    assert page.read_text() == DESIGN.read_text()


def test_a_page_without_a_place_for_a_diagram_is_told_what_it_needs(tmp_path: Path) -> None:
    page = tmp_path / "design.md"
    page.write_text("nothing")
    run = draw(page)
    assert run.returncode == 1
    assert "no place for the diagram of command" in run.stderr
    assert page.read_text() == "nothing"
