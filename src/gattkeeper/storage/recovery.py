"""What became of commands whose keeper died: outcomes from what the journal says, and nothing else.

Knows which rows prove what. Finding the rows and writing the outcomes down is `journal`'s business.
"""

from collections.abc import Iterable

from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, Ran
from gattkeeper.model.operation import has_effect
from gattkeeper.model.outcome import Attempt, Cause, Outcome, Phase, PhaseMark, Verdict
from gattkeeper.model.record import (
    Accepted,
    AttemptFailed,
    Ended,
    Intended,
    Record,
)

Step = Intended | AttemptFailed


def settle(records: Iterable[Record]) -> list[Outcome]:
    """An outcome for each command that was accepted and has not ended, in the order of acceptance.

    `records` are rows of the journal, oldest first; those of one command may stand among others'. Rows
    that were never accepted, or have ended, give none.

    - Never intended: `not_delivered / never_sent`. An intent is durable before the hand-over, so without
      one the stack never had it.
    - Every intent was answered by a fault which says that the device did not carry it out: the same,
      or `not_delivered / rejected` when the device itself said no to the last.
    - An emergency stop does not wait for its intent to be durable, so neither proves anything for one.
    - Else it may have run: `unknown / crashed_in_flight`, or `not_delivered / failed` when the operation
      cannot change the device.
    """
    accepted: dict[str, Accepted] = {}
    steps: dict[str, list[Step]] = {}
    for record in records:
        match record:
            case Accepted(command=command):
                accepted[command.id] = record
                steps[command.id] = []
            case Intended(command_id=command_id) | AttemptFailed(command_id=command_id):
                steps.setdefault(command_id, []).append(record)
            case Ended(outcome=outcome):
                accepted.pop(outcome.command_id, None)
            case _:
                pass
    return [_outcome(row, steps[command_id]) for command_id, row in accepted.items()]


def _outcome(accepted: Accepted, steps: list[Step]) -> Outcome:
    command = accepted.command
    verdict, cause = _verdict(command, steps)
    return Outcome(
        command_id=command.id,
        verdict=verdict,
        cause=cause,
        fault=_last_fault(steps),
        attempts=_attempts(steps),
        epoch=max((step.epoch for step in steps if isinstance(step, Intended)), default=0),
        timeline=_timeline(accepted, steps),
        progress=max((step.step - 1 for step in steps if isinstance(step, Intended) and step.step), default=0),
    )


def _verdict(command: Command, steps: list[Step]) -> tuple[Verdict, Cause]:
    if not command.stop and not _may_have_run(steps):
        last = _last_fault(steps)
        refused = last is not None and last.ran is Ran.REFUSED
        return Verdict.NOT_DELIVERED, Cause.REJECTED if refused else Cause.NEVER_SENT
    if has_effect(command.operation):
        return Verdict.UNKNOWN, Cause.CRASHED_IN_FLIGHT
    return Verdict.NOT_DELIVERED, Cause.FAILED


def _may_have_run(steps: list[Step]) -> bool:
    """Whether any hand-over lacks a fault that clears it. A fault clears its own attempt only."""
    unanswered: set[tuple[int, int]] = set()
    for step in steps:
        attempt = (step.attempt, step.epoch)
        if isinstance(step, AttemptFailed):
            if step.fault.ran is Ran.MAYBE and attempt in unanswered:
                return True
            unanswered.discard(attempt)
        elif attempt in unanswered:
            return True
        else:
            unanswered.add(attempt)
    return bool(unanswered)


def _last_fault(steps: list[Step]) -> Fault | None:
    """The fault of the last step; none when that is a hand-over nobody answered."""
    last = steps[-1] if steps else None
    return last.fault if isinstance(last, AttemptFailed) else None


def _attempts(steps: list[Step]) -> tuple[Attempt, ...]:
    """The attempts that are known to have ended. One that was never handed over starts where it ends."""
    started_at_us = {(step.attempt, step.epoch): step.at_us for step in steps if isinstance(step, Intended)}
    return tuple(
        Attempt(
            number=step.attempt,
            started_at_us=started_at_us.get((step.attempt, step.epoch), step.at_us),
            ended_at_us=step.at_us,
            fault=step.fault,
        )
        for step in steps
        if isinstance(step, AttemptFailed)
    )


def _timeline(accepted: Accepted, steps: list[Step]) -> tuple[PhaseMark, ...]:
    """The phases that left a row. Times are on the clock of the keeper that died."""
    return (
        PhaseMark(phase=Phase.ACCEPTED, at_us=accepted.at_us),
        *(
            PhaseMark(phase=Phase.DISPATCHED, at_us=step.at_us, attempt=step.attempt)
            for step in steps
            if isinstance(step, Intended)
        ),
    )
