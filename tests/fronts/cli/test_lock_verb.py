"""What `gattkeeper lock` understands without the whole parser. How it behaves stands in tests/system/test_lock.py."""

import pytest

from gattkeeper.fronts.cli.lock_verb import quick_call


@pytest.mark.parametrize(
    ("line", "adapter", "wait_s", "limit_s", "command"),
    [
        ("-- true", None, None, None, "true"),
        ("true", None, None, None, "true"),
        ("python x.py --wait 3", None, None, None, "python x.py --wait 3"),
        ("--adapter hci1 --wait 2.5 --kill-after=60 -- x -- y", "hci1", 2.5, 60.0, "x -- y"),
        ("--wait=0 -- -x", None, 0.0, None, "-x"),
    ],
)
def test_options_end_where_the_command_begins(
    line: str, adapter: str | None, wait_s: float | None, limit_s: float | None, command: str
) -> None:
    call = quick_call(line.split())
    assert call is not None
    assert (call.adapter, call.wait_s, call.limit_s) == (adapter, wait_s, limit_s)
    assert call.command == command.split()


@pytest.mark.parametrize(
    "line",
    ["", "--", "--help", "-h x", "--wait", "--wait x -- y", "--wait -1 -- y", "--wait nan -- y", "--fast -- x"],
)
def test_help_and_mistakes_are_left_to_the_whole_parser(line: str) -> None:
    assert quick_call(line.split()) is None
