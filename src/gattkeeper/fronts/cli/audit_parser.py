"""The options of `gattkeeper audit`. It reads the journal's files itself: no daemon is asked.

Knows spelling. What its verbs do stands in `daemon.audit`.
"""

import argparse


def add_audit(audit: argparse.ArgumentParser, kind: type[argparse.ArgumentParser]) -> None:
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


def _add_journal(verb: argparse.ArgumentParser) -> None:
    named = verb.add_mutually_exclusive_group()
    named.add_argument("--journal", metavar="FILE", help="the journal (default: that of the settings)")
    named.add_argument("--config", metavar="FILE", help="the settings file")
