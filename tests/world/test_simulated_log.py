"""What a simulated link writes down, and what it complains about."""

from gattkeeper.world import Seen, SeenKind, SimulatedLog


def request(pending: int, device: str = "lamp") -> Seen:
    return Seen(at_s=1.5, device=device, epoch=2, kind=SeenKind.REQUEST, pending=pending)


def test_what_concerns_a_device_is_found_in_order():
    log = SimulatedLog()
    for entry in (request(1), request(1, "door"), request(0)):
        log.note(entry)
    assert log.of("lamp") == [request(1), request(0)]
    assert log.violations == []


def test_two_requests_pending_on_a_connection_are_a_violation():
    log = SimulatedLog()
    log.note(request(2))
    assert log.violations == ["1.500000 s: 2 requests pending on lamp, epoch 2"]


def test_more_than_one_use_of_the_radio_is_a_violation():
    log = SimulatedLog()
    log.note_radio_use(0.5, ["lamp"], 0)
    log.note_radio_use(0.5, [], 1)
    assert log.violations == []
    log.note_radio_use(1.0, ["lamp", "door"], 0)
    log.note_radio_use(2.0, ["lamp"], 1)
    assert log.violations == [
        "1.000000 s: connecting lamp and connecting door at once",
        "2.000000 s: connecting lamp and scanning at once",
    ]
