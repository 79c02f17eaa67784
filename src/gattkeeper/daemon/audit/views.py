"""A command of the journal as one flat row: what `--json`, CSV and the table show.

Knows names of columns. They are stable: programs read them.
"""

from msgspec import Struct

from gattkeeper.daemon.audit.moments import utc_text
from gattkeeper.model.digest import Digest
from gattkeeper.model.operation import kind_of, parts_of
from gattkeeper.model.outcome import Outcome
from gattkeeper.storage.query import OPEN, Found


class CommandView(Struct, frozen=True, kw_only=True):
    """One command. Moments are ISO 8601 in UTC, empty where there is none; lengths of time are microseconds."""

    seq: int  # of the row that accepted it: `--before` takes it
    command_id: str
    accepted_utc: str
    accepted_mono_us: int  # compares within one boot only
    boot_id: str
    clock_synced: bool | None  # whether the system kept its wall clock right; None: nobody knows
    ended_utc: str
    device: str
    label: str  # what a person asked for
    operation: str
    target: str  # characteristics, short
    payload_length: int  # bytes of all its payloads
    payload_sha256: str  # of its payload; where there are several, of each: "steps.1=… steps.2=…"
    stop: bool
    front: str
    principal: str
    uid: int | None
    pid: int | None
    verdict: str  # "open": it has not ended
    cause: str
    value_length: int  # bytes of all the values that it brought
    value_sha256: str
    by: str  # the command that superseded or stopped it
    fault: str  # the kind of trouble that decided
    stack: str  # whose words the next two are
    stack_code: int | None
    stack_text: str
    attempts: int
    latency_us: int | None
    resolved: str  # "applied", "not_applied", or empty
    resolved_utc: str
    resolved_by: str  # who decided, as it was said
    resolved_front: str  # by whom it was handed in, and how
    resolved_principal: str
    resolved_uid: int | None
    resolved_why: str
    phases_us: dict[str, int]  # how long it was in each, by name


def view_of(found: Found) -> CommandView:
    """The row for one command."""
    command, outcome, resolution = found.command, found.outcome, found.resolution
    fault = outcome.fault if outcome else None
    targets = (getattr(part, "target", None) for part in parts_of(command.operation))
    return CommandView(
        seq=found.seq,
        command_id=command.id,
        accepted_utc=utc_text(found.utc_us),
        accepted_mono_us=found.mono_us,
        boot_id=found.boot_id,
        clock_synced=found.clock_synced,
        ended_utc="" if found.ended_utc_us is None else utc_text(found.ended_utc_us),
        device=command.device,
        label=command.label,
        operation=kind_of(command.operation),
        target=", ".join(dict.fromkeys(str(target) for target in targets if target is not None)),
        payload_length=_length(found.digests),
        payload_sha256=_sha256(found.digests),
        stop=command.stop,
        front=command.origin.front,
        principal=command.origin.principal,
        uid=command.origin.uid,
        pid=command.origin.pid,
        verdict=outcome.verdict.value if outcome else OPEN,
        cause=outcome.cause.value if outcome else "",
        value_length=_length(found.value_digests),
        value_sha256=_sha256(found.value_digests),
        by=outcome.by if outcome else "",
        fault=fault.kind.value if fault else "",
        stack=fault.stack if fault else "",
        stack_code=fault.code if fault else None,
        stack_text=(fault.text or fault.name) if fault else "",
        attempts=found.attempts,
        latency_us=found.latency_us,
        resolved="" if resolution is None else "applied" if resolution.applied else "not_applied",
        resolved_utc="" if found.resolved_utc_us is None else utc_text(found.resolved_utc_us),
        resolved_by=resolution.who if resolution else "",
        resolved_front=resolution.origin.front if resolution else "",
        resolved_principal=resolution.origin.principal if resolution else "",
        resolved_uid=resolution.origin.uid if resolution else None,
        resolved_why=resolution.why if resolution else "",
        phases_us=_phases_us(outcome) if outcome else {},
    )


def _length(digests: tuple[Digest, ...]) -> int:
    return sum(digest.length for digest in digests)


def _sha256(digests: tuple[Digest, ...]) -> str:
    if len(digests) == 1:
        return digests[0].sha256
    return " ".join(f"{digest.at}={digest.sha256}" for digest in digests)


def _phases_us(outcome: Outcome) -> dict[str, int]:
    """A phase lasts until the next mark. One that came more than once counts each time."""
    lengths: dict[str, int] = {}
    for mark, following in zip(outcome.timeline, outcome.timeline[1:], strict=False):
        lengths[mark.phase.value] = lengths.get(mark.phase.value, 0) + following.at_us - mark.at_us
    return lengths
