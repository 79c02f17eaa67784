"""`gattkeeper replay`: a recording as lines people read, and whether the core decides the same again.

Knows how a step is told. What a recording is stands in `runtime.recording`.
"""

from collections.abc import Iterator
from pathlib import Path

from gattkeeper.core.effects import Effect, Marked
from gattkeeper.runtime.recording import Step, replay


def tell_replay(path: Path, *, quiet: bool) -> Iterator[str]:
    """Lines of the replay. A step that was decided differently begins with "!"; the last line sums up.

    Raises UsageError when the file is no recording.
    """
    steps = different = 0
    began_us = None
    for step in replay(path):
        steps += 1
        different += not step.same
        began_us = step.now_us if began_us is None else began_us
        if not quiet or not step.same:
            yield from _tell_step(step, began_us)
    verdict = "the same decisions" if not different else f"{different} decided differently"
    yield f"{steps} events, {verdict}"


def _tell_step(step: Step, began_us: int) -> Iterator[str]:
    event = step.event
    about = " ".join(
        str(getattr(event, name))
        for name in ("adapter", "device", "command_id", "id", "token")
        if hasattr(event, name)
    )
    command = getattr(event, "command", None)
    if command is not None:
        about = f"{command.device} {command.id} {command.label}".rstrip()
    fault = getattr(event, "fault", None)
    flag = " " if step.same else "!"
    told = f"{type(event).__name__} {about} {fault or ''}".rstrip()
    yield f"{flag}{(step.now_us - began_us) / 1e6:10.6f} {told}"
    for effect in step.effects:
        yield f"{flag}             -> {_tell_effect(effect)}"


def _tell_effect(effect: Effect) -> str:
    if isinstance(effect, Marked):
        return f"{effect.command.id} {effect.mark.phase.value} {effect.mark.note}".rstrip()
    about = " ".join(
        str(getattr(effect, name)) for name in ("device", "command_id", "epoch", "token") if hasattr(effect, name)
    )
    outcome = getattr(effect, "outcome", None)
    if outcome is not None:
        about = f"{outcome.command_id} {outcome.verdict.value} {outcome.cause.value}"
    return f"{type(effect).__name__} {about}".rstrip()
