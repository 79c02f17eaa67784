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


def _add_journal(verb: argparse.ArgumentParser) -> None:
    named = verb.add_mutually_exclusive_group()
    named.add_argument("--journal", metavar="FILE", help="the journal (default: that of the settings)")
    named.add_argument("--config", metavar="FILE", help="the settings file")
