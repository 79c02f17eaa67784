"""What the parsers take and refuse. What a verb does is tested elsewhere."""

import pytest

from gattkeeper.fronts.cli.parsers import CommandLineError, HelpRequested, build_parser


def parse(*argv):
    return build_parser().parse_args(list(argv))


@pytest.mark.parametrize("length", ["0", "-1", "nan", "inf", "1e400", "soon", ""])
@pytest.mark.parametrize("option", ["--wait", "--timeout", "--deadline"])
def test_lengths_of_time_are_seconds_above_zero(option, length):
    with pytest.raises(CommandLineError, match=f"argument {option}: "):
        parse("read", "lounge", "2a19", option, length)


@pytest.mark.parametrize(
    "argv",
    [
        ("timeline", "--last", "0"),
        ("timeline", "--last", "1001"),
        ("timeline", "--last", "٣"),
        ("subscribe", "lounge", "2a37", "--count", "-1"),
        ("read", "lounge", "2a19", "--priority", "first"),
        ("read", "lounge", "battery"),
        ("read", "lounge"),
        ("read", "lounge", "2a19", "--wait", "1", "--no-wait"),
        ("read", "lounge", "2a19", "--prio", "normal"),
        ("resolve", "c-1", "--why", "looked"),
        ("fly",),
        ("completion", "tcsh"),
    ],
)
def test_what_is_wrong_is_said_with_the_place_of_help(argv):
    with pytest.raises(CommandLineError, match=r"--help`\)$"):
        parse(*argv)


@pytest.mark.parametrize("argv", [("--help",), ("act", "-h"), ("config", "check", "--help")])
def test_help_is_handed_over_not_printed(argv, capsys):
    with pytest.raises(HelpRequested, match="usage: gattkeeper"):
        parse(*argv)
    assert capsys.readouterr() == ("", "")


def test_an_action_may_have_a_negative_argument():
    assert parse("act", "lounge", "tilt", "-5").argument == "-5"


def test_the_parser_remembers_nothing_between_two_command_lines():
    assert parse("read", "lounge", "2a19", "--json", "--wait", "2").wait == 2.0
    assert (parse("read", "lounge", "2a19").wait, parse("read", "lounge", "2a19").json) == (None, False)


def test_local_verbs_have_their_options():
    assert parse("serve", "--config", "a.toml", "--log").config == "a.toml"
    assert parse("config", "check", "a.toml").config == "a.toml"
    assert parse("demo", "--serve").serve is True
