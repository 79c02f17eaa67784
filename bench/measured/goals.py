"""The goals that decide whether it is fast enough, and which figures measure each of them.

Knows their names and what they are about. Their limits stand with the figures.
"""

from collections.abc import Sequence

from measured.figures import Figure

GOALS = {
    "G1": "a command through the keeper, against the least queue there is",
    "G2": "a command through the keeper, against a raw write of Bumble's",
    "G3": "a command with 100 000 in line, against one with 100",
    "G4": "the memory of a command that waits, against the least queue's",
    "G5": "a command on a warm connection, against a raw GATT write",
    "G6": "a connection that is kept, against one that is made",
    "G7": "an emergency stop in front of 100 000 commands, against a bare write without response",
    "G8": "an emergency stop behind 100 writes, against a lock",
    "G9": "the journal, against a commit for each row",
    "G10": "the command line, against starting Python",
    "G11": "a request to the daemon, against an echo",
    "G12": "the virtual world, against real time",
}


def of_goals(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    """By goal the figures that measure it; none of a goal that was not measured."""
    return {goal: [figure for figure in figures if figure.of == goal] for goal in GOALS}
