"""`gattkeeper audit query`: commands of the journal, or its other rows, as a table or as lines of JSON.

Knows words for people and JSON for programs. What is found is decided in `storage.query` and
`storage.event_query`.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from gattkeeper.daemon.audit.event_lines import event_table, event_view, who
from gattkeeper.daemon.audit.moments import moment_us, utc_text
from gattkeeper.daemon.audit.showing import Progress
from gattkeeper.daemon.audit.views import view_of
from gattkeeper.errors import UsageError
from gattkeeper.fronts.cli.columns import Cell, in_columns
from gattkeeper.fronts.cli.style import (
    GREY,
    YELLOW,
    Terminal,
    clean,
    glyph_of,
    seconds_text,
    terminal_here,
    verdict_word,
)
from gattkeeper.fronts.cli.texts import what
from gattkeeper.storage.clock import wall_us
from gattkeeper.storage.event_query import FoundEvent, WantedEvents, events
from gattkeeper.storage.query import OPEN, SEQ_MAX, Found, Wanted, commands

Row = TypeVar("Row", Found, FoundEvent)

_WHAT = 3  # the column that gives way when a terminal is narrow

_OF_COMMANDS = ("verdict", "cause", "operation", "id", "label")


def tell_query(args: argparse.Namespace, journal: Path) -> int:
    """Write one page; 0. Raises StorageError, and UsageError for a moment that is none."""
    progress = Progress("looking through the journal, down to")
    if args.events or args.kind:
        rows = events(journal, events_wanted_by(args), on_progress=progress)
        return _tell_page(args, rows, progress, event_view, event_table)
    found = commands(journal, wanted_by(args), on_progress=progress)
    return _tell_page(args, found, progress, view_of, table_of)


def _tell_page(
    args: argparse.Namespace,
    found: Iterable[Row],
    progress: Progress,
    view: Callable[[Row], object],
    table: Callable[[list[Row], Terminal], list[str]],
) -> int:
    """The first of them, and how the next ones are had."""
    page = list(islice(found, args.limit + 1))
    progress.clear()
    shown, more = page[: args.limit], len(page) > args.limit
    if args.json:
        sys.stdout.writelines(msgspec.json.encode(view(one)).decode() + "\n" for one in shown)
        return 0
    sys.stdout.write("\n".join(table(shown, terminal_here())) + "\n")
    if more:
        sys.stdout.write(f"there are older ones: the same again with --before {shown[-1].seq}\n")
    return 0


def events_wanted_by(args: argparse.Namespace) -> WantedEvents:
    """What a command line asks for of rows about no command. Raises UsageError for a filter of commands."""
    for name in _OF_COMMANDS:
        if getattr(args, name):
            raise UsageError(f"--{name} is about commands, and these rows are about none: leave it out")
    now_us = wall_us()
    return WantedEvents(
        kinds=frozenset(args.kind or ()),
        devices=frozenset(args.device or ()),
        since_us=None if args.since is None else moment_us(args.since, now_us),
        until_us=None if args.until is None else moment_us(args.until, now_us),
        front=args.front or "",
        principal=args.principal or "",
        before=getattr(args, "before", None) or SEQ_MAX,
    )


def wanted_by(args: argparse.Namespace) -> Wanted:
    """What a command line asks for. Raises UsageError."""
    now_us = wall_us()
    return Wanted(
        devices=frozenset(args.device or ()),
        since_us=None if args.since is None else moment_us(args.since, now_us),
        until_us=None if args.until is None else moment_us(args.until, now_us),
        verdicts=frozenset(args.verdict or ()),
        causes=frozenset(args.cause or ()),
        operation=args.operation or "",
        front=args.front or "",
        principal=args.principal or "",
        command_id=args.id or "",
        label=args.label or "",
        before=getattr(args, "before", None) or SEQ_MAX,
    )


def table_of(shown: list[Found], terminal: Terminal) -> list[str]:
    """A line for each command under a heading, or one that says there is none."""
    if not shown:
        return ["no such command is in the journal"]
    heading = [(word, GREY) for word in ("row", "accepted (UTC)", "", "what", "verdict", "took", "who", "why")]
    return in_columns([heading, *map(_row, shown)], terminal, flexible=_WHAT)


def _row(found: Found) -> list[Cell]:
    at = utc_text(found.utc_us).replace("T", " ").partition(".")[0]
    took = "" if found.latency_us is None else seconds_text(found.latency_us)
    outcome = found.outcome
    glyph, verdict = ("…", OPEN) if outcome is None else (glyph_of(outcome)[0], verdict_word(outcome))
    colour = GREY if outcome is None else glyph_of(outcome)[1]
    return [
        (str(found.seq), GREY),
        (at, ""),
        (glyph, colour),
        (what(found.command), ""),
        (verdict, colour),
        (took, ""),
        (clean(who(found.command.origin)), ""),
        _why(found),
    ]


def _why(found: Found) -> Cell:
    """What was found out later, or the cause with the trouble that decided."""
    outcome, resolution = found.outcome, found.resolution
    if outcome is None:
        return "", ""
    if resolution is not None:
        return clean(f"resolved: {'applied' if resolution.applied else 'not applied'} ({resolution.who})"), ""
    fault = f": {outcome.fault}" if outcome.fault else ""
    attempts = f", {found.attempts} attempts" if found.attempts > 1 else ""
    said = clean(
        f"{outcome.cause.value.replace('_', ' ')}{f' by {outcome.by}' if outcome.by else ''}{fault}{attempts}"
    )
    return said, YELLOW if outcome.verdict.value == "unknown" else ""
