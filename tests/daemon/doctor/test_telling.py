"""The findings as text and as JSON."""

import msgspec

from gattkeeper.daemon.doctor.findings import note, ok, problem, warning
from gattkeeper.daemon.doctor.telling import as_json, as_text, exit_code
from gattkeeper.fronts.cli.style import Terminal

FINDINGS = [
    ok("bluez", "BlueZ 5.66"),
    note("others", "node may use the adapter too", "end it"),
    warning("discovery", "hci0 says that it scans, and heard nothing in 3 s", "bluetoothctl power off"),
    problem("adapter", "hci0 (F4:4E:FC:00:00:01) is powered off", "bluetoothctl power on"),
]


def test_text_is_aligned_wrapped_and_summed_up():
    assert as_text(FINDINGS, Terminal(columns=50)).splitlines() == [
        "✓ bluez       BlueZ 5.66",
        "· others      node may use the adapter too",
        "              → end it",
        "! discovery   hci0 says that it scans, and heard",
        "              nothing in 3 s",
        "              → bluetoothctl power off",
        "✗ adapter     hci0 (F4:4E:FC:00:00:01) is powered",
        "              off",
        "              → bluetoothctl power on",
        "",
        "1 problem, 1 warning, 1 note",
    ]


def test_colours_are_for_terminals_and_nothing_from_outside_steers_one():
    assert as_text(FINDINGS[:1], Terminal(color=True)).startswith("\x1b[32m✓\x1b[0m bluez")
    assert "\x1b" not in as_text([ok("bluez", "\x1b[31mred")], Terminal())


def test_a_healthy_machine_is_told_so():
    assert as_text(FINDINGS[:1], Terminal()).endswith("\n\nnothing is wrong")
    assert as_text([FINDINGS[3]] * 2, Terminal()).endswith("\n\n2 problems")


def test_json_is_one_line_with_counts():
    line = as_json(FINDINGS)
    assert "\n" not in line
    told = msgspec.json.decode(line)
    assert (told["problems"], told["warnings"], told["notes"]) == (1, 1, 1)
    assert told["findings"][0] == {"area": "bluez", "level": "ok", "what": "BlueZ 5.66"}


def test_only_a_problem_makes_the_exit_code():
    assert [exit_code(FINDINGS[:count]) for count in range(5)] == [0, 0, 0, 0, 1]
