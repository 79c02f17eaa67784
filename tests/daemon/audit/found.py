"""Commands as the journal gives them, for tests of how they are shown.

Knows one of each kind, with texts that do their worst.
"""

from gattkeeper.model.command import Command, Origin
from gattkeeper.model.digest import digests_of, without_payloads
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Attempt, Cause, Outcome, Phase, PhaseMark, Resolution, Verdict
from gattkeeper.storage.query import Found

UTC_US = 1_795_267_800_000_000  # 2026-11-21T13:30:00Z
HOSTILE = "=1+1</td><script>alert('x')</script>\x1b[2J\u202e"
POSITION = CharacteristicRef(uuid="0000fe51-0000-1000-8000-00805f9b34fb")


def found(
    verdict: Verdict | None = Verdict.DELIVERED,
    *,
    seq: int = 7,
    device: str = "lounge",
    label: str = "set_position 73",
    principal: str = "nurse",
    latency_us: int | None = 30_000,
    utc_us: int = UTC_US,
    resolution: Resolution | None = None,
) -> Found:
    command = Command(
        device=device,
        id=f"c{seq}",
        operation=Write(target=POSITION, payload=b"\x01"),
        label=label,
        origin=Origin(front="socket", principal=principal, uid=1000, pid=77),
    )
    return Found(
        seq=seq,
        utc_us=utc_us,
        command=without_payloads(command),
        digests=digests_of(command),
        outcome=None if verdict is None else outcome(verdict, command.id),
        ended_utc_us=None if verdict is None else utc_us + 30_000,
        latency_us=None if verdict is None else latency_us,
        attempts=2,
        resolution=resolution,
        resolved_utc_us=None if resolution is None else utc_us + 60_000_000,
    )


def outcome(verdict: Verdict, command_id: str) -> Outcome:
    causes = {
        Verdict.DELIVERED: Cause.ACKNOWLEDGED,
        Verdict.SENT: Cause.ACCEPTED_LOCALLY,
        Verdict.NOT_DELIVERED: Cause.REJECTED,
        Verdict.UNKNOWN: Cause.TIMED_OUT_IN_FLIGHT,
    }
    fault = None
    if verdict is Verdict.UNKNOWN:
        fault = Fault(kind=FaultKind.TIMED_OUT, stack="att", code=0x0E, text=HOSTILE)
    marks = ((Phase.ACCEPTED, 0), (Phase.WAITING, 1_000), (Phase.DISPATCHED, 10_000), (Phase.WAITING, 15_000))
    timeline = tuple(PhaseMark(phase=phase, at_us=at_us) for phase, at_us in (*marks, (Phase.OUTCOME, 30_000)))
    return Outcome(
        command_id=command_id,
        verdict=verdict,
        cause=causes[verdict],
        fault=fault,
        attempts=(Attempt(number=1, started_at_us=1, ended_at_us=2),),
        timeline=timeline,
    )


def resolution(*, applied: bool = True, who: str = "eve", why: str = "looked at it") -> Resolution:
    by = Origin(front="cli", principal="ann", uid=1000, pid=78)
    return Resolution(command_id="c7", applied=applied, who=who, why=why, origin=by)
