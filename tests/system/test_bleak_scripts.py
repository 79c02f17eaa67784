"""Plain Bleak scripts under a real daemon: nothing of them remains, whatever ends them, or it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gattkeeper.model.command import Priority
from gattkeeper.model.record import Accepted
from system.evidence import Evidence
from system.home import Home, running_home

pytestmark = pytest.mark.system

SCRIPT = """
import asyncio, sys
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError
from gattkeeper.bleak import Client, Scanner

LABEL = "b11d0005-9f5c-4a64-8b5e-6d1f0c3a7e21"

async def main():
    device = await BleakScanner.find_device_by_name("lounge", backend=Scanner)
    gone = asyncio.Event()
    async with BleakClient(device, lambda _client: gone.set(), backend=Client) as client:
        await client.write_gatt_char(LABEL, sys.argv[1].encode(), response=True)
        print((await client.read_gatt_char(LABEL)).decode(), flush=True)
        if len(sys.argv) > 2:
            await asyncio.wait_for(gone.wait(), 60)
            print("disconnected", flush=True)
    print("dbus_fast" in sys.modules, flush=True)

asyncio.run(main())
"""
PLAIN = """
import asyncio, sys
from bleak import BleakClient

async def main(address, name):
    async with BleakClient(address) as client:
        for count in range(5):
            payload = f"{name}, {count}".encode()
            await client.write_gatt_char("b11d0005-9f5c-4a64-8b5e-6d1f0c3a7e21", payload, response=True)
    print("written")

asyncio.run(main(*sys.argv[1:]))
"""
LIMIT_S = 60.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with running_home(tmp_path) as home:
        yield home


def script(home: Home, *words: str) -> "subprocess.Popen[str]":
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "GATTKEEPER_SOCKET": str(home.socket),
        "GATTKEEPER_CLIENT": "blind.py",
    }
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words], env=environment, stdout=subprocess.PIPE, text=True
    )


def holders(home: Home) -> list[str]:
    status = json.loads(home.ask("status", "--json").stdout)
    return [lease["holder"] for device in status["devices"] for lease in device["leases"]]


def under_run(home: Home, program: Path, *words: str) -> "subprocess.Popen[str]":
    """A program that nobody changed."""
    served = ["run", "--socket", str(home.socket), "--", sys.executable, str(program), *words]
    return subprocess.Popen(
        [sys.executable, "-m", "gattkeeper", *served], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_script_that_knows_nothing_of_it_is_served_by_run(home: Home, tmp_path: Path) -> None:
    plain = tmp_path / "blind.py"
    plain.write_text(
        SCRIPT.replace(", backend=Client", "")
        .replace(", backend=Scanner", "")
        .replace("from gattkeeper.bleak import Client, Scanner\n", "")
    )
    words = [
        "run",
        "--priority",
        "background",
        "--socket",
        str(home.socket),
        "--",
        sys.executable,
        str(plain),
        "mine",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "gattkeeper", *words], capture_output=True, text=True, timeout=LIMIT_S, check=True
    )
    assert done.stdout.split() == ["mine", "False"]
    commands = [row.command for row in home.rows() if isinstance(row, Accepted)]
    assert {command.priority for command in commands} == {Priority.BACKGROUND}


def test_eight_plain_scripts_at_once_all_come_to_their_end_and_never_overlap(home: Home, tmp_path: Path) -> None:
    program = tmp_path / "label.py"
    program.write_text(PLAIN)
    devices = ("F0:00:00:00:00:01", "F0:00:00:00:00:02")
    running = [under_run(home, program, devices[number % 2], f"script {number}") for number in range(8)]
    for each in running:
        out, err = each.communicate(timeout=2 * LIMIT_S)
        assert (each.returncode, out) == (0, "written\n"), err
    assert home.end() == 0
    evidence, applied = Evidence(home.rows()), home.applied()
    evidence.each_accepted_ended_once()
    evidence.one_in_flight_per_device()
    evidence.devices_agree(applied)
    assert sorted(one.payload.decode() for one in applied) == sorted(
        f"script {number}, {count}" for number in range(8) for count in range(5)
    )


def test_a_script_uses_a_device_and_opens_no_bus(home: Home) -> None:
    running = script(home, "mine")
    out, _ = running.communicate(timeout=LIMIT_S)
    assert (running.returncode, out.split()) == (0, ["mine", "False"])
    assert [each.payload for each in home.applied()] == [b"mine"]
    assert holders(home) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_script_that_is_killed_holds_nothing(home: Home, number: signal.Signals) -> None:
    running = script(home, "mine", "stay")
    assert running.stdout is not None
    assert running.stdout.readline() == "mine\n"
    assert holders(home) == [f"blind.py (pid {running.pid})"]
    running.send_signal(number)
    running.communicate(timeout=LIMIT_S)
    give_up_at = time.monotonic() + LIMIT_S
    while holders(home):
        assert time.monotonic() < give_up_at
    home.ask("stop")  # and the device is there for others


def test_a_script_whose_daemon_is_killed_sees_a_disconnect(home: Home) -> None:
    running = script(home, "mine", "stay")
    assert running.stdout is not None
    assert running.stdout.readline() == "mine\n"
    home.end(signal.SIGKILL)
    out, _ = running.communicate(timeout=LIMIT_S)
    assert (running.returncode, out.split()) == (0, ["disconnected", "False"])
