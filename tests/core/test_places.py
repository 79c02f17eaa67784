"""Places for connections on one adapter."""

from core.drive import A_READ, Drive
from gattkeeper.core import places


def answers(drive: Drive) -> tuple[bool, bool, bool, bool]:
    state = drive.scheduler._state
    adapter = state.adapters["hci"]
    return (
        places.is_free(adapter),
        places.becomes_free(state, adapter),
        places.can_be_made(state, adapter),
        places.has_place(state, adapter),
    )


def test_a_place_is_free_taken_idle_and_being_left() -> None:
    drive = Drive("a", slots=1)
    assert answers(drive) == (True, False, False, True)
    drive.submit("read", A_READ, "a")
    assert answers(drive) == (False, False, False, True), "an attempt may still end"
    drive.connected("a")
    assert answers(drive) == (False, False, False, False)
    drive.answer(b"x", "a")
    assert answers(drive) == (False, False, True, True)
    drive.lost("a")
    assert answers(drive) == (False, True, True, True)
    drive.gone("a")
    assert answers(drive) == (True, False, False, True)
