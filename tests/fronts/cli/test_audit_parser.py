"""How `gattkeeper audit` is spelled."""

import pytest

from gattkeeper.fronts.cli.parsers import CommandLineError, HelpRequested, build_parser


def test_verify_takes_a_journal_or_the_settings() -> None:
    args = build_parser().parse_args(["audit", "verify", "--journal", "j.db", "--json"])
    assert (args.verb, args.audit_verb, args.journal, args.config, args.json) == (
        "audit",
        "verify",
        "j.db",
        None,
        True,
    )


@pytest.mark.parametrize("line", [["audit"], ["audit", "verify", "--journal", "a", "--config", "b"]])
def test_what_is_meant_has_to_be_said(line: list[str]) -> None:
    with pytest.raises(CommandLineError):
        build_parser().parse_args(line)


def test_help_says_what_the_exit_codes_are() -> None:
    with pytest.raises(HelpRequested, match="Exit code 0: whole, 1: not"):
        build_parser().parse_args(["audit", "verify", "--help"])
