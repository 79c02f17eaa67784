"""Four taps at once, as a timeline: the commands that pictures and texts are tested with."""

from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Attempt, Cause, Outcome, Phase, PhaseMark, Verdict
from gattkeeper.telemetry.timeline import Timeline

NOW_US = 3_200_000

LOUNGE_55 = "accepted=4 lock_wait=4 lock_acquired=5 scan=5 connect_start=300 connected=700 discovered=1200 setup=1210 dispatched=1220 answered=1290 outcome=1290"
KITCHEN_80 = "accepted=9 lock_wait=9 lock_acquired=1210 scan=1210 connect_start=1500 backoff=1900 retry=2100 lock_acquired=2100 connect_start=2100 connected=2500 discovered=2800 dispatched=2810 late_answer=2900 outcome=3000"
CONNECTIONS = (
    ("lounge", "connecting", 5),
    ("lounge", "connected", 1210),
    ("kitchen", "connecting", 1210),
    ("kitchen", "disconnected", 1900),
    ("kitchen", "connecting", 2100),
    ("kitchen", "connected", 2800),
    ("kitchen", "disconnecting", 3000),
)


def command(command_id, device, label):
    return Command(
        id=command_id,
        device=device,
        operation=Write(target=characteristic_ref("fe51"), payload=b"\x01"),
        label=label,
    )


def marks(text, after_us=0):
    pairs = (word.split("=") for word in text.split())
    return tuple(PhaseMark(phase=Phase(phase), at_us=after_us + int(at_ms) * 1000) for phase, at_ms in pairs)


def play(timeline, one, text, verdict, cause, *, after_us=0, by="", ends=True):
    told = marks(text, after_us)
    timeline.accepted(one, told[0].at_us)
    for mark in told:
        if ends or mark.phase not in (Phase.LATE_ANSWER, Phase.OUTCOME):
            timeline.marked(one, mark)
    if ends:
        timeline.ended(one, outcome(one.id, verdict, cause, told, by=by), told[-1].at_us)


def outcome(command_id, verdict, cause, timeline=(), *, by="", fault=None):
    attempts = (Attempt(number=1, started_at_us=0, ended_at_us=400_000, fault=fault),) if fault else ()
    return Outcome(
        command_id=command_id,
        verdict=Verdict(verdict),
        cause=Cause(cause),
        by=by,
        timeline=timeline,
        fault=fault,
        attempts=attempts,
    )


NO_ANSWER = Fault(kind=FaultKind.TIMED_OUT, stack="keeper", text="no answer within 5 s")


def four_taps(timeline=None, *, after_us=0, ends=True):
    timeline = timeline or Timeline()
    first = after_us // 1000  # ids stay unique when the story is told twice
    c1, c2, c3, c4 = (f"c{first + number}" for number in (1, 2, 3, 4))
    told = {"after_us": after_us}
    play(
        timeline,
        command(c1, "lounge", "target_percent 73"),
        "accepted=0 outcome=4",
        "not_delivered",
        "superseded",
        by=c2,
        **told,
    )
    play(timeline, command(c2, "lounge", "target_percent 55"), LOUNGE_55, "delivered", "acknowledged", **told)
    play(
        timeline,
        command(c3, "kitchen", "target_percent 5"),
        "accepted=6 outcome=9",
        "not_delivered",
        "superseded",
        by=c4,
        **told,
    )
    play(
        timeline,
        command(c4, "kitchen", "target_percent 80"),
        KITCHEN_80,
        "unknown",
        "timed_out_in_flight",
        ends=ends,
        **told,
    )
    for device, state, at_ms in CONNECTIONS:
        timeline.connection(device, state, after_us + at_ms * 1000)
    return timeline


def reversed_roles():
    """What must not happen on one adapter: two connection attempts at the same time."""
    timeline = Timeline()
    connecting = (
        "accepted=0 lock_acquired=0 connect_start={0} connected=2000 discovered=2500 dispatched=2600 outcome=2700"
    )
    play(timeline, command("a", "lounge", "up"), connecting.format(10), "delivered", "acknowledged")
    play(timeline, command("b", "kitchen", "up"), connecting.format(20), "delivered", "acknowledged")
    for device, from_ms in (("lounge", 10), ("kitchen", 20)):
        timeline.connection(device, "connecting", from_ms * 1000)
        timeline.connection(device, "connected", 2_500_000)
    return timeline
