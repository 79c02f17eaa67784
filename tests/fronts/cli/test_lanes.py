"""The picture of the timeline, compared with a picture that was looked at."""

import pytest

from fronts.cli.story import NOW_US, command, four_taps, play, reversed_roles
from gattkeeper.fronts.cli.lanes import draw_lanes
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.telemetry.timeline import Timeline

FOUR_TAPS = """
                    0           1 s         2 s         3 s  began 3.20 s ago
                    ┬───────────┬───────────┬───────────┬─
adapter             [lounge▒▒▒▒▒▒▒[kitchen▒  [kitchen▒
lounge              ▒▒▒▒▒▒▒▒▓▓▓▓▓▓██──────────────────────
  target_percent 73 ·                                      » superseded 4 ms
  target_percent 55 ▒▒▒▒▒▒▒▒▓▓▓▓▓▓██                       ✓ delivered 1.29 s
kitchen                           ▒▒▒▒▒▒▒▒▒  ▒▒▒▒▒▓▓▓████x
  target_percent 5  ·                                      » superseded 3 ms
  target_percent 80 ┄┄┄┄┄┄┄┄┄┄┄┄┄┄▒▒▒▒▒▒▒▒▒~~▒▒▒▒▒▓▓▓█!██  ? unknown 2.99 s

· wait in line  ┄ wait for the adapter  ▒ scan, connect  ▓ discover, set up
█ in flight  ─ connected, idle  x disconnect  ~ back off  ! late answer
"""


def draw(timeline, **terminal):
    return draw_lanes(timeline.newest(10), timeline.changes(), NOW_US, Terminal(**terminal))


def test_four_taps_show_who_held_the_adapter_when():
    assert draw(four_taps()) == FOUR_TAPS.strip("\n").split("\n")


@pytest.mark.parametrize("columns", [40, 80, 100, 120, 200, 1, 9999])
def test_the_picture_keeps_to_its_columns(columns):
    width = Terminal(columns=columns).width
    assert max(map(len, draw(four_taps(), columns=columns))) <= max(width, 60)


@pytest.mark.parametrize("now_us", [31_000_000, 131_000_000, 86_400_000_000])
def test_long_words_at_the_end_leave_the_picture_less_room(now_us):
    timeline = Timeline()
    play(timeline, command("c1", "lounge", "up"), "accepted=0 outcome=30000", "not_delivered", "expired")
    lines = draw_lanes(timeline.newest(10), (), now_us, Terminal())
    assert max(map(len, lines)) <= 80
    assert any(line.endswith("✗ not delivered 30.0 s") for line in lines)


def test_colour_changes_no_character():
    coloured = "\n".join(draw(four_taps(), color=True))
    for code in ("31", "32", "33", "34", "35", "36", "90"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured.replace("\x1b[0m", "").split("\n") == draw(four_taps())


def test_two_who_hold_the_adapter_at_once_stand_in_two_rows():
    lines = draw(reversed_roles())
    adapter = next(number for number, line in enumerate(lines) if line.startswith("adapter"))
    assert "[lounge" in lines[adapter]
    assert "[kitchen" in lines[adapter + 1]


def test_bursts_far_apart_have_pictures_of_their_own():
    timeline = four_taps()
    four_taps(timeline, after_us=600_000_000)
    lines = draw_lanes(timeline.newest(10), timeline.changes(), 700_000_000, Terminal())
    assert [line.split("began ")[1] for line in lines if "began" in line] == ["11 min 40 s ago", "1 min 40 s ago"]


def test_an_open_command_lasts_until_now():
    timeline = four_taps(ends=False)
    assert any(line.endswith("… dispatched") for line in draw(timeline))


def test_no_commands_is_a_sentence():
    assert draw(Timeline()) == ["no commands since the daemon started"]
