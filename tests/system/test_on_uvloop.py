"""A daemon on uvloop keeps the same promises: eight programs at once, a script under `run`, a stop, a clean end."""

import json
import subprocess
import sys

import pytest

from system.evidence import Evidence
from system.home import SETTINGS, running_home

pytestmark = pytest.mark.system

FAST = SETTINGS.replace('log_level = "warning"', 'log_level = "info"\nevent_loop = "uvloop"')
TAPS = (("lounge", 73), ("lounge", 55), ("kitchen", 5), ("kitchen", 80)) * 2
ROUNDS = 5
PROGRAM = """
import asyncio
from bleak import BleakClient

async def main():
    async with BleakClient("F0:00:00:00:00:01") as client:
        await client.write_gatt_char("b11d0005-9f5c-4a64-8b5e-6d1f0c3a7e21", b"mine", response=True)

asyncio.run(main())
"""


def test_a_daemon_on_uvloop_serves_programs_scripts_and_stops_and_ends_in_order(tmp_path):
    program = tmp_path / "blind.py"
    program.write_text(PROGRAM)
    with running_home(tmp_path, FAST) as home:
        told = {}
        for _ in range(ROUNDS):
            clients = [home.spawn("act", device, "target_percent", str(to), "--json") for device, to in TAPS]
            answers = [json.loads(client.communicate(timeout=120)[0]) for client in clients]
            told |= {answer["command_id"]: answer["verdict"] for answer in answers}
        words = ["run", "--socket", str(home.socket), "--", sys.executable, str(program)]
        subprocess.run([sys.executable, "-m", "gattkeeper", *words], check=True, timeout=120)
        assert home.ask("stop", "lounge").returncode == 0
        assert home.end() == 0
        evidence, applied = Evidence(home.rows()), home.applied()
    assert "the event loop is uvloop" in (tmp_path / "daemon.log").read_text()
    assert len(told) == ROUNDS * len(TAPS)
    evidence.each_accepted_ended_once()
    evidence.one_in_flight_per_device()
    evidence.callers_heard_what_stands_there(told)
    assert b"mine" in [one.payload for one in applied]
