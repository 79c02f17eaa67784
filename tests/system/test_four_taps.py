"""The four taps from eight processes at once, a hundred times."""

import json
from hashlib import sha256

import pytest

from system.evidence import Evidence
from system.home import running_home

pytestmark = pytest.mark.system

ROUNDS = 100
TAPS = (("lounge", 73), ("lounge", 55), ("kitchen", 5), ("kitchen", 80)) * 2
VERDICT_BY_CODE = {0: "delivered", 5: "not_delivered"}


def test_no_overlap_nothing_lost_nothing_answered_twice(tmp_path):
    told: dict[str, str] = {}
    with running_home(tmp_path) as home:
        for _ in range(ROUNDS):
            clients = [home.spawn("act", device, "target_percent", str(to), "--json") for device, to in TAPS]
            for client in clients:
                out, err = client.communicate(timeout=120)
                answer = json.loads(out)
                assert client.returncode in VERDICT_BY_CODE, out + err
                assert answer["verdict"] == VERDICT_BY_CODE[client.returncode]
                assert answer["command_id"] not in told, "one outcome was given to two callers"
                told[answer["command_id"]] = answer["verdict"]
        assert home.end() == 0
        evidence, applied = Evidence(home.rows()), home.applied()
    assert len(told) == len(evidence.commands) == ROUNDS * len(TAPS)
    evidence.each_accepted_ended_once()
    evidence.one_in_flight_per_device()
    evidence.callers_heard_what_stands_there(told)
    for device in ("lounge", "kitchen"):
        mine = [one for one in evidence.commands.values() if one.device == device]
        delivered = [evidence.sha256[one.id] for one in mine if told[one.id] == "delivered"]
        reached = [sha256(one.payload).hexdigest() for one in applied if one.device == device]
        assert reached == delivered  # in order, and no other
