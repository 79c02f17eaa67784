"""One command's timeline in full: every phase with its offset, every attempt with its fault.

A pure function: data in, lines out.
"""

from gattkeeper.fronts.cli.style import Terminal, clean, glyph_of, paint, seconds_text, verdict_word
from gattkeeper.fronts.cli.texts import resolution_text, what
from gattkeeper.model.outcome import Attempt
from gattkeeper.telemetry.timeline import CommandTimeline


def draw_detail(known: CommandTimeline, now_us: int, terminal: Terminal) -> list[str]:
    """A heading, a row for each phase (offset since acceptance, how long it took), then the attempts."""
    lines = [_heading(known, now_us, terminal), "    offset      took  phase"]
    following = [*(mark.at_us for mark in known.marks[1:]), known.until(now_us)]
    for mark, next_at_us in zip(known.marks, following, strict=True):
        offset_s = (mark.at_us - known.accepted_at_us) / 1e6
        took = seconds_text(next_at_us - mark.at_us) if next_at_us > mark.at_us else ""
        attempt = f"attempt {mark.attempt}" if mark.attempt > 1 else ""
        notes = ", ".join(filter(None, (attempt, clean(mark.note))))
        lines.append(f"{offset_s:8.3f} s  {took:>8}  {mark.phase.value:15} {notes}".rstrip())
    if known.outcome is not None:
        lines += [_attempt_line(attempt) for attempt in known.outcome.attempts]
    if known.resolution is not None:
        lines.append(resolution_text(known.resolution))
    return lines


def _heading(known: CommandTimeline, now_us: int, terminal: Terminal) -> str:
    length = seconds_text(known.until(now_us) - known.accepted_at_us)
    if known.outcome is None:
        return f"… {what(known.command)}  {length} so far  {known.command.id}"
    glyph, colour = glyph_of(known.outcome)
    by = f" by {known.outcome.by}" if known.outcome.by else ""
    verdict = f"{verdict_word(known.outcome)}{by}"
    return f"{paint(glyph, colour, terminal)} {what(known.command)}  {verdict}  {length}  {known.command.id}"


def _attempt_line(attempt: Attempt) -> str:
    length = seconds_text(attempt.ended_at_us - attempt.started_at_us)
    return f"attempt {attempt.number}: {length}, {'fine' if attempt.fault is None else clean(str(attempt.fault))}"
