"""Runs the measurements: `python bench [PART OF A SUITE'S NAME …]`, with QUICK=1 fewer samples.

Writes bench/results.json, and docs/performance.md with its pictures when all suites ran in full. Ends with 1
when a goal is missed, when a goal was not measured, or when a suite failed; the others run all the same.
"""

import gc
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from measured import (
    bleak_programs,
    by_room,
    core_cost,
    daemon,
    day,
    drop_in,
    event_loops,
    gates,
    journal,
    keeper_cost,
    keeper_line,
    latency,
    load,
    reconnect,
    stop_in_flood,
    stop_in_line,
    taps,
    thin_path,
    throughput,
    virtual_world,
)
from measured.course_plot import drawn as drawn_courses
from measured.figures import Tick
from measured.goals import of_goals
from measured.page import Suite, facts, line, page
from measured.plot import drawn

HERE = Path(__file__).parent

SUITES = (
    gates,
    stop_in_line,
    stop_in_flood,
    latency,
    bleak_programs,
    taps,
    reconnect,
    throughput,
    load,
    day,
    keeper_cost,
    keeper_line,
    by_room,
    core_cost,
    journal,
    thin_path,
    drop_in,
    daemon,
    event_loops,
    virtual_world,
)
"""Modules with a TITLE, words for the page as their docstring, and `measure`."""


def progress_line(title: str) -> Tick:
    """On a terminal one line that is written anew; nothing elsewhere."""

    def tick(what: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{title}: {what}" if what else "\r\x1b[K")
            sys.stderr.flush()

    return tick


def run(suite: ModuleType, title: str, *, quick: bool) -> Suite:
    """One suite, told as it goes. One that fails says how, and the next one is not touched by it."""
    print(title, flush=True)
    tick, began = progress_line(title), time.monotonic()
    words = suite.__doc__ or ""
    gc.collect()  # what the suite before has left behind is not this one's
    try:
        found = suite.measure(quick=quick, tick=tick)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other suites have their figures
        tick("")
        traceback.print_exc()
        told = traceback.format_exception_only(error)[-1].strip()
        return Suite(title=suite.TITLE, words=words, failed=told)
    tick("")
    for one in found:
        print(line(one))
    print(f"        {time.monotonic() - began:.1f} s", flush=True)
    return Suite(title=suite.TITLE, words=words, found=tuple(found))


def _name(suite: ModuleType) -> str:
    return suite.__name__.removeprefix("measured.")


def run_all(chosen: Sequence[ModuleType], *, quick: bool) -> list[Suite]:
    """One after the other."""
    many = len(chosen)
    return [
        run(suite, f"[{number}/{many}] {suite.TITLE}", quick=quick) for number, suite in enumerate(chosen, start=1)
    ]


def judged(suites: Sequence[Suite], *, whole: bool) -> int:
    """The last lines, and the exit code. `whole`: no goal may be without a figure."""
    every = [figure for suite in suites for figure in suite.figures]
    missed = sum(not figure.met for figure in every)
    failed = [suite.title for suite in suites if suite.failed]
    unmeasured = [goal for goal, figures in of_goals(every).items() if whole and not figures]
    print(f"{len(every) - missed} of {len(every)} goals met; the samples are in bench/results.json")
    if failed:
        print(f"these suites failed, see above: {', '.join(failed)}", file=sys.stderr)
    if unmeasured:
        print(f"nothing measured {', '.join(unmeasured)}", file=sys.stderr)
    return int(bool(missed or failed or unmeasured))


def main(wanted: list[str]) -> int:
    logging.getLogger("bumble").setLevel(logging.CRITICAL)  # it warns of what the suites do on purpose
    quick = os.environ.get("QUICK", "") not in ("", "0")
    chosen = [suite for suite in SUITES if not wanted or any(part in _name(suite) for part in wanted)]
    if not chosen:
        print(f"no such suite: there is {', '.join(map(_name, SUITES))}", file=sys.stderr)
        return 2
    suites = run_all(chosen, quick=quick)
    (HERE / "results.json").write_text(json.dumps(facts(suites, quick=quick), indent=1) + "\n")
    whole = len(chosen) == len(SUITES)
    if not quick and whole:
        docs = HERE.parent / "docs"
        (docs / "performance.md").write_text(page(suites))
        (docs / "performance.svg").write_text(drawn({suite.title: suite.figures for suite in suites}))
        (docs / "performance-day.svg").write_text(
            drawn_courses([one for suite in suites for one in suite.courses])
        )
    return judged(suites, whole=whole)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
