"""The page and the file of a run: every goal beside what measured it, what is missed and why, and what failed."""

import json

from measured.figures import NONE, Course, Figure, Goal, Part, Parts, Unit
from measured.goals import GOALS
from measured.page import Suite, facts, goals_table, line, page


def figure(ours: float, goal: Goal, **fields) -> Figure:
    said = {"name": "a stop", "ours_is": "ours", "theirs_is": "lock", "theirs": (1.0,)} | fields
    return Figure(ours=(ours,), goal=goal, **said)


MET = figure(0.5, Goal(limit=2, stretch=1), of="G7")
NEARLY = figure(1.5, Goal(limit=2, stretch=1), of="G8")
MISSED = figure(3.0, Goal(limit=2), of="G1", because="The floor keeps no record.")
GATE = figure(0.0, NONE, name="strays of 20", unit=Unit.COUNT)
COURSE = Course(name="memory", step="hour", values=(1.0, 2.0), unit=Unit.BYTES)
PARTS = Parts(name="room", parts=(Part(name="core", share=0.56, calls=312.4),))
SUITE = Suite(title="Stops", words="In words.\n", found=(MET, NEARLY, MISSED, GATE, COURSE, PARTS))


def test_every_goal_stands_on_the_page_and_one_that_nobody_measured_says_so() -> None:
    lines = goals_table([MET]).splitlines()
    assert [goal for goal in GOALS if not any(row.startswith(f"| {goal} |") for row in lines)] == []
    assert sum("**not measured**" in row for row in lines) == len(GOALS) - 1


def test_a_goal_says_what_was_asked_for_at_the_least_and_at_best() -> None:
    text = goals_table([MET, NEARLY, MISSED])
    assert "| | a stop: ours to lock | 0.5 (0.5 to 0.5) | ≤ 2 | ≤ 1 | stretch met |" in text
    assert "| | a stop: ours to lock | 1.5 (1.5 to 1.5) | ≤ 2 | ≤ 1 | met |" in text
    assert "| | a stop: ours to lock | 3 (3 to 3) | ≤ 2 | | **MISSED** |" in text


def test_every_row_of_the_goals_has_as_many_cells_as_its_head() -> None:
    head, *rows = goals_table([MET, NEARLY, MISSED]).splitlines()
    assert {row.count("|") for row in rows} == {head.count("|")}


def test_what_is_missed_stands_there_with_its_reason_and_what_is_met_does_not() -> None:
    text = page([SUITE])
    assert "- G1, a stop: ours to lock. The floor keeps no record.\n" in text
    assert "- G7" not in text
    assert "| ≤ 2 | **no** |" in text


def test_what_must_not_happen_stands_together() -> None:
    text = page([SUITE])
    assert "| strays of 20 |" in text.split("What must not happen at all:")[1].split("## Stops")[0]


def test_a_suite_has_its_words_its_figures_its_parts_and_the_picture_of_its_course() -> None:
    text = page([SUITE]).split("## Stops\n\nIn words.\n")[1]
    assert "| core | 56.0% | 312 |" in text
    assert "(performance-day.svg)" in text


def test_a_suite_that_failed_says_how() -> None:
    text = page([SUITE, Suite(title="Taps", words="Taps.", failed="ValueError: no")])
    assert "## Taps\n\nTaps.\n\n**It failed, and gave no figures:** `ValueError: no`\n" in text


def test_a_terminal_is_told_what_the_page_says() -> None:
    assert line(MISSED) == "MISSED  G1 a stop: 3 (3 to 3), goal ≤ 2  (ours 3 s, lock 1 s)"
    assert line(GATE).startswith("    ok  strays of 20: 0 (0 to 0)")
    assert line(COURSE).strip() == "memory, by hour: 1 2"
    assert line(PARTS).strip() == "room: core 56%"


def test_programs_get_every_sample_and_every_goal() -> None:
    failed = Suite(title="Taps", words="", failed="ValueError: no")
    told = json.loads(json.dumps(facts([SUITE, failed], quick=True)))
    assert (told["quick"], told["failed"]) == (True, {"Taps": "ValueError: no"})
    assert told["goals"]["G1"] == {"about": GOALS["G1"], "figures": ["a stop"], "met": False}
    first, _, missed, _ = told["figures"]
    assert (first["ours"], first["spread"], first["met"], first["stretch"]) == ([0.5], [0.5, 0.5], True, 1)
    assert (missed["of"], missed["because"]) == ("G1", "The floor keeps no record.")
    assert [one["name"] for one in told["beside"]] == ["memory", "room"]
