"""Runs the measurements: `python bench [PART OF A SUITE'S NAME …]`, with QUICK=1 fewer samples.

Writes bench/results.json, and docs/performance.md with its picture when all suites ran in full. Ends with 1 when a
goal is missed.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from measured import (
    core_cost,
    daemon,
    day,
    drop_in,
    journal,
    keeper_cost,
    load,
    reconnect,
    stop_in_flood,
    stop_in_line,
    taps,
    thin_path,
    throughput,
)
from measured.figures import Figure, Tick
from measured.page import facts, line, page
from measured.plot import drawn

HERE = Path(__file__).parent

SUITES = (
    stop_in_line,
    stop_in_flood,
    taps,
    reconnect,
    throughput,
    load,
    day,
    keeper_cost,
    core_cost,
    journal,
    thin_path,
    drop_in,
    daemon,
)
"""Modules with a TITLE, words for the page as their docstring, and `measure`."""


def progress_line(title: str) -> Tick:
    """On a terminal one line that is written anew; nothing elsewhere."""

    def tick(what: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{title}: {what}" if what else "\r\x1b[K")
            sys.stderr.flush()

    return tick


def run(measure: Callable[..., list[Figure]], title: str, *, quick: bool) -> list[Figure]:
    """One suite, told as it goes."""
    print(title)
    tick = progress_line(title)
    figures = measure(quick=quick, tick=tick)
    tick("")
    for figure in figures:
        print(line(figure), flush=True)
    return figures


def _name(suite: ModuleType) -> str:
    return suite.__name__.removeprefix("measured.")


def main(wanted: list[str]) -> int:
    logging.getLogger("bumble").setLevel(logging.CRITICAL)  # it warns of what the suites do on purpose
    quick = os.environ.get("QUICK", "") not in ("", "0")
    chosen = [suite for suite in SUITES if not wanted or any(part in _name(suite) for part in wanted)]
    if not chosen:
        print(f"no such suite: there is {', '.join(map(_name, SUITES))}", file=sys.stderr)
        return 2
    results = {
        suite.TITLE: (suite.__doc__ or "", run(suite.measure, suite.TITLE, quick=quick)) for suite in chosen
    }
    every = [figure for _words, figures in results.values() for figure in figures]
    told = {"quick": quick, "figures": [facts(figure) for figure in every]}
    (HERE / "results.json").write_text(json.dumps(told, indent=1) + "\n")
    if not quick and len(chosen) == len(SUITES):
        docs = HERE.parent / "docs"
        (docs / "performance.md").write_text(page(results))
        (docs / "performance.svg").write_text(drawn({title: figures for title, (_, figures) in results.items()}))
    missed = sum(not figure.met for figure in every)
    print(f"{len(every) - missed} of {len(every)} goals met; the samples are in bench/results.json")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
