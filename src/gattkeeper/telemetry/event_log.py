"""One log line per phase: the timing log that shows at a glance when commands overlap.

Knows the words of the log. Where its lines go is for the settings of `logging` to say.
"""

import logging

from gattkeeper.model.command import Command
from gattkeeper.model.operation import kind_of
from gattkeeper.model.outcome import Outcome, Phase, PhaseMark, Resolution
from gattkeeper.model.status import Alert

COMMANDS_MAX = 10_000
"""Open commands whose start is remembered; beyond it the oldest loses its offset, not its lines."""


class EventLog:
    """An observer that writes `command=… device=… phase=… offset=…` lines at level INFO."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger if logger is not None else logging.getLogger("gattkeeper.timing")
        self._accepted_at_us: dict[str, int] = {}

    def accepted(self, command: Command, at_us: int) -> None:
        """A command was taken on."""
        if len(self._accepted_at_us) >= COMMANDS_MAX:
            del self._accepted_at_us[next(iter(self._accepted_at_us))]
        self._accepted_at_us[command.id] = at_us
        self._write(command, Phase.ACCEPTED.value, at_us, command.label or kind_of(command.operation))

    def marked(self, command: Command, mark: PhaseMark) -> None:
        """A command entered a phase. Acceptance and outcome have lines of their own."""
        if mark.phase in (Phase.ACCEPTED, Phase.OUTCOME):
            return
        attempt = f"attempt {mark.attempt}" if mark.attempt else ""
        self._write(command, mark.phase.value, mark.at_us, ", ".join(filter(None, (attempt, mark.note))))

    def ended(self, command: Command, outcome: Outcome, at_us: int) -> None:
        """A command has its outcome."""
        what = f"{outcome.verdict.value} ({outcome.cause.value})"
        if outcome.by:
            what += f" by {outcome.by}"
        if outcome.fault is not None:
            what += f": {outcome.fault}"
        self._write(command, Phase.OUTCOME.value, at_us, what)
        self._accepted_at_us.pop(command.id, None)

    def resolved(self, command: Command, resolution: Resolution, at_us: int) -> None:
        """It is known what a command that ended unknown did."""
        what = "applied" if resolution.applied else "not applied"
        self._logger.info(
            "command=%s device=%s resolved=%s at=%.6f by %s: %s",
            command.id,
            command.device,
            what,
            at_us / 1_000_000,
            _one_line(resolution.who),
            _one_line(resolution.why),
        )

    def connection(self, device: str, state: str, at_us: int) -> None:
        """A device's connection changed."""
        self._logger.info("device=%s connection=%s at=%.6f", device, state, at_us / 1_000_000)

    def availability(self, device: str, state: str, at_us: int) -> None:
        """A device is left alone, may be tried again, or is back."""
        self._logger.info("device=%s availability=%s at=%.6f", device, state, at_us / 1_000_000)

    def alert(self, alert: Alert, at_us: int) -> None:
        """A gauge crossed its threshold, or is well below it again."""
        level, state = (logging.WARNING, "raised") if alert.raised else (logging.INFO, "cleared")
        self._logger.log(
            level,
            "device=%s alert=%s %s value=%d at=%.6f%s",
            alert.device,
            alert.kind.value,
            state,
            alert.value,
            at_us / 1_000_000,
            f" {_one_line(alert.text)}" if alert.text else "",
        )

    def _write(self, command: Command, phase: str, at_us: int, note: str) -> None:
        offset_us = at_us - self._accepted_at_us.get(command.id, at_us)
        self._logger.info(
            "command=%s device=%s phase=%s offset=%.3f s%s",
            command.id,
            command.device,
            phase,
            offset_us / 1_000_000,
            f" {_one_line(note)}" if note else "",
        )


def _one_line(text: str) -> str:
    """Text of a stack or of a caller must not forge log lines."""
    return "".join(character if character.isprintable() else "?" for character in text)
