"""How verbs that start programs are spelled, for the whole parser."""

import pytest

from gattkeeper.fronts.cli.parsers import CommandLineError, HelpRequested, build_parser


def test_the_lock_takes_a_command_with_its_own_options() -> None:
    args = build_parser().parse_args(
        ["lock", "--adapter", "hci1", "--wait", "2", "--", "python", "x.py", "--fast"]
    )
    assert (args.adapter, args.wait, args.kill_after) == ("hci1", 2.0, None)
    assert args.command == ["python", "x.py", "--fast"]


@pytest.mark.parametrize("words", [["lock"], ["lock", "--wait", "x", "--", "y"], ["lock", "--fast", "--", "y"]])
def test_mistakes_are_told(words: list[str]) -> None:
    with pytest.raises(CommandLineError, match="--help"):
        build_parser().parse_args(words)


def test_help_says_how_it_is_called_and_what_the_exit_codes_mean() -> None:
    with pytest.raises(HelpRequested, match=r"(?s)-- CMD \[ARG \.\.\.\].*75 the wait ended"):
        build_parser().parse_args(["lock", "--help"])
