"""The options of `gattkeeper audit`. It reads the journal's files itself; only `accept` is for the daemon.

Knows spelling. What its verbs do stands in `daemon.audit`.
"""

import argparse

from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.record import KINDS

PAGE = 50
"""Commands that `audit query` shows when nobody says how many."""

LIMIT_MAX = 10_000
"""Most commands it shows at once: they are held in memory."""

_MOMENT = "2026-11-21, 2026-11-21T10:00 (UTC unless a zone is named), 2 h ago, today, yesterday"


def add_audit(audit: argparse.ArgumentParser, kind: type[argparse.ArgumentParser], socket_help: str) -> None:
    """Give `gattkeeper audit` its verbs, each with a parser of `kind`."""
    verbs = audit.add_subparsers(dest="audit_verb", metavar="VERB", required=True, parser_class=kind)
    verify = verbs.add_parser(
        "verify",
        help="whether the journal is what was written",
        description="Compute the chain of the journal's hashes anew, and name the first row that is not as it was "
        "written. May run beside the daemon. Exit code 0: whole, 1: not.",
    )
    _add_journal(verify)
    verify.add_argument("--json", action="store_true", help="one line of JSON on stdout")
    verify.add_argument(
        "--checkpoints",
        metavar="FILE",
        action="append",
        help="signed checkpoints that were kept elsewhere, besides those beside the journal; -: from stdin",
    )
    verify.add_argument(
        "--key", metavar="KEY", help="what `gattkeeper audit key` printed once, or a file with that"
    )
    key = verbs.add_parser(
        "key",
        help="the public key of the journal's checkpoints",
        description="Print the public key that vouches for every signed checkpoint of the journal. Keep it "
        "somewhere else, for `gattkeeper audit verify --key`. Nothing secret is printed.",
    )
    _add_journal(key)
    verbs.add_parser(
        "verifier",
        help="a program that verifies without gattkeeper",
        description="Print a Python program of one file that checks journals, exports and checkpoints with "
        "nothing but Python's standard library: gattkeeper audit verifier > verify.py",
    )
    _add_query(verbs)
    _add_export(verbs)
    _add_accept(verbs, socket_help)


def _add_query(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:  # argparse's own name
    query = verbs.add_parser(
        "query",
        help="commands of the journal and how they ended",
        description="Commands that were accepted, the newest first, with how each ended. Filters of different "
        "kinds must all hold; of those that may come more than once, one. May run beside the daemon.",
    )
    _add_journal(query)
    _add_filters(query)
    query.add_argument(
        "--limit", metavar="N", type=_limit, default=PAGE, help=f"so many at most (default: {PAGE})"
    )
    query.add_argument("--before", metavar="ROW", type=_row, help="only those accepted in a row before this one")
    query.add_argument("--json", action="store_true", help="a line of JSON for each on stdout")


def _add_export(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:  # argparse's own name
    export = verbs.add_parser(
        "export",
        help="the journal for other programs and people",
        description="jsonl: every row with its hash, oldest first, from which the chain can be verified without "
        "the journal. csv: a line for each command, for spreadsheets. html: a report to read and print, in one "
        "file. Filters go with csv and html. May run beside the daemon.",
    )
    _add_journal(export)
    export.add_argument("--format", choices=("jsonl", "csv", "html"), required=True)
    export.add_argument("--output", metavar="FILE", help="into this file, whole or not at all (default: stdout)")
    export.add_argument("--force", action="store_true", help="replace the file if it is there")
    _add_filters(export)


def _add_accept(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", socket_help: str) -> None:
    accept = verbs.add_parser(
        "accept",
        help="take the journal as it is, with what is missing",
        description="Record that somebody takes the journal as it is, with what the daemon's start found missing "
        "or changed; until then it starts nothing that changes a device (see the setting `on_flaw`). Look at what "
        "`gattkeeper audit verify` says first, and at the devices.",
    )
    accept.add_argument("--who", required=True, metavar="NAME", help="who decides")
    accept.add_argument("--why", required=True, metavar="TEXT", help="why that is right")
    accept.add_argument("--json", action="store_true", help="one line of JSON on stdout")
    accept.add_argument("--socket", metavar="PATH", help=socket_help)
    accept.set_defaults(verb="audit accept")


def _add_filters(verb: argparse.ArgumentParser) -> None:
    """What `daemon.audit.querying.wanted_by` reads."""
    verb.add_argument("--device", metavar="NAME", action="append", help="of this device; may come more than once")
    verb.add_argument(
        "--events", action="store_true", help="rows about no command: starts, settings, stops, latches, alerts ..."
    )
    verb.add_argument(
        "--kind", metavar="KIND", choices=KINDS, action="append", help=f"of these only those: {', '.join(KINDS)}"
    )
    verb.add_argument("--since", metavar="WHEN", help=f"accepted from then on: {_MOMENT}")
    verb.add_argument("--until", metavar="WHEN", help="accepted before then")
    verdicts = [verdict.value for verdict in Verdict]
    verb.add_argument(
        "--verdict",
        choices=[*verdicts, "open"],
        action="append",
        help="that ended so; open: not ended; may come more than once",
    )
    verb.add_argument(
        "--cause",
        metavar="CAUSE",
        choices=[cause.value for cause in Cause],
        action="append",
        help="that ended for this cause; may come more than once",
    )
    verb.add_argument("--operation", metavar="KIND", help="of this kind: write, read, subscribe, ...")
    verb.add_argument("--front", metavar="NAME", help="that came in this way: library, socket, ...")
    verb.add_argument("--principal", metavar="NAME", help="that this principal asked for")
    verb.add_argument("--id", metavar="ID", help="the command with this id")
    verb.add_argument("--label", metavar="TEXT", help="with this text in what was asked for")


def _limit(text: str) -> int:
    return _number(text, LIMIT_MAX)


def _row(text: str) -> int:
    return _number(text, 2**63 - 1)


def _number(text: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!a} is no number from 1 to {most}")
    return int(text)


def _add_journal(verb: argparse.ArgumentParser) -> None:
    named = verb.add_mutually_exclusive_group()
    named.add_argument("--journal", metavar="FILE", help="the journal (default: that of the settings)")
    named.add_argument("--config", metavar="FILE", help="the settings file")
