"""Every goal has a suite that measures it; nothing says a goal that there is not."""

import re
from pathlib import Path

import measured
from measured.goals import GOALS

SUITES = Path(measured.__file__).parent


def test_every_goal_is_measured_and_every_goal_that_is_named_exists() -> None:
    sources = [path.read_text() for path in SUITES.glob("*.py") if path.name != "goals.py"]
    named = {goal for source in sources for goal in re.findall(r'"(G\d+)"', source)}
    assert named == set(GOALS)
