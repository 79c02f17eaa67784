"""kill -9 at any moment: journal, callers and blinds never contradict each other."""

import json
import random
import signal
import time

import pytest

from gattkeeper.world.virtual_blind import BLIND_LABEL
from system.evidence import Evidence
from system.home import running_home

pytestmark = pytest.mark.system

KILLS = 20
CLIENTS = 6


def test_the_restart_tells_the_truth_whenever_the_daemon_is_killed(tmp_path):
    dice = random.Random(20)
    told: dict[str, str] = {}
    number = 0
    with running_home(tmp_path) as home:
        for _ in range(KILLS):
            clients = []
            for _ in range(CLIENTS):
                number += 1
                payload = number.to_bytes(4, "big").hex()
                device = dice.choice(("lounge", "kitchen"))
                clients.append(home.spawn("write", device, BLIND_LABEL, payload, "--json"))
            time.sleep(
                dice.random() * 0.6
            )  # the moment of death, anywhere from before the first to after the last
            assert home.end(signal.SIGKILL) == -signal.SIGKILL
            for client in clients:
                out, _ = client.communicate(timeout=60)
                answer = json.loads(out)
                if "verdict" in answer:
                    told[answer["command_id"]] = answer["verdict"]
            home.start()
        assert home.end() == 0
        evidence, applied = Evidence(home.rows()), home.applied()
    assert evidence.commands, "nothing was ever accepted: the kills came too early"
    evidence.each_accepted_ended_once()
    evidence.callers_heard_what_stands_there(told)
    evidence.devices_agree(applied)
