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


def test_query_has_its_filters() -> None:
    line = (
        "audit query --device a --device b --verdict open --verdict unknown --cause expired --limit 5 --before 9"
    )
    args = build_parser().parse_args(line.split())
    assert (args.device, args.verdict, args.cause) == (["a", "b"], ["open", "unknown"], ["expired"])
    assert (args.limit, args.before, args.json) == (5, 9, False)


@pytest.mark.parametrize("number", ["0", "-1", "10001", "1e3", "٣", "9" * 40])
def test_a_page_has_a_size_within_reason(number: str) -> None:
    with pytest.raises(CommandLineError):
        build_parser().parse_args(["audit", "query", f"--limit={number}"])


def test_export_needs_a_format() -> None:
    with pytest.raises(CommandLineError, match="--format"):
        build_parser().parse_args(["audit", "export"])


@pytest.mark.parametrize("line", [["audit"], ["audit", "verify", "--journal", "a", "--config", "b"]])
def test_what_is_meant_has_to_be_said(line: list[str]) -> None:
    with pytest.raises(CommandLineError):
        build_parser().parse_args(line)


def test_help_says_what_the_exit_codes_are() -> None:
    with pytest.raises(HelpRequested, match="Exit code 0: whole, 1: not"):
        build_parser().parse_args(["audit", "verify", "--help"])
