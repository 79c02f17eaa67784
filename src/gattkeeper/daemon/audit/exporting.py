"""`gattkeeper audit export`: the journal handed over, as JSON lines, as CSV or as a report.

Knows which format is made of what, and where it goes.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from gattkeeper.daemon.audit.csv_lines import csv_events, csv_lines
from gattkeeper.daemon.audit.figures import Figures
from gattkeeper.daemon.audit.querying import events_wanted_by, wanted_by
from gattkeeper.daemon.audit.report import EVENTS_MAX, Report, page
from gattkeeper.daemon.audit.showing import Progress
from gattkeeper.daemon.audit.verifying import checkpoint_lines, verified
from gattkeeper.daemon.audit.whole_file import whole_file
from gattkeeper.errors import UsageError
from gattkeeper.storage.clock import wall_us
from gattkeeper.storage.event_query import WantedEvents, events
from gattkeeper.storage.export import lines_of
from gattkeeper.storage.query import Wanted, commands

_Content = Iterator[bytes]


def tell_export(args: argparse.Namespace, journal: Path) -> int:
    """Write the export; 0. Raises UsageError, ConflictError or StorageError, and then there is no file."""
    progress = Progress("exporting,")
    if args.events or args.kind:
        content = _events(args, journal, progress)
    else:
        content = _FORMATS[args.format](journal, wanted_by(args), progress)
    if args.output is None:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(content)
        progress.clear()
        return 0
    path = Path(args.output)
    with whole_file(path, force=args.force) as file:
        file.writelines(content)
    progress.clear()
    sys.stderr.write(f"{path}: {path.stat().st_size} bytes\n")
    return 0


def _jsonl(journal: Path, wanted: Wanted, progress: Progress) -> _Content:
    if wanted != Wanted():
        raise UsageError("jsonl is every row, so that its chain can be verified: filters go with csv and html")
    return lines_of(journal, on_progress=progress)


def _csv(journal: Path, wanted: Wanted, progress: Progress) -> _Content:
    return csv_lines(commands(journal, wanted, on_progress=progress))


def _events(args: argparse.Namespace, journal: Path, progress: Progress) -> _Content:
    if args.format != "csv":
        raise UsageError("--events and --kind go with csv: jsonl is every row, and html lists both")
    return csv_events(events(journal, events_wanted_by(args), on_progress=progress))


def _html(journal: Path, wanted: Wanted, progress: Progress) -> _Content:
    lines = checkpoint_lines(journal, [])  # before the journal, which may be growing
    figures = Figures()
    for found in commands(journal, wanted, on_progress=progress):
        figures.add(found)
    of_that_time = WantedEvents(since_us=wanted.since_us, until_us=wanted.until_us)
    around = tuple(islice(events(journal, of_that_time, on_progress=progress), EVENTS_MAX + 1))
    checked = verified(journal, lines, key="", on_progress=progress)
    yield from page(
        Report(
            journal=journal,
            made_utc_us=wall_us(),
            wanted=wanted,
            figures=figures,
            events=around,
            verified=checked,
        )
    )


_FORMATS: dict[str, Callable[[Path, Wanted, Progress], _Content]] = {"jsonl": _jsonl, "csv": _csv, "html": _html}
