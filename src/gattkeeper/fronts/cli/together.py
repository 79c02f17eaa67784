"""Several commands of one call: each is told as soon as it has ended, and the exit code is that of the worst.

Knows handles and words. What the commands are is the business of the verb that submitted them.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence

from msgspec import Struct

from gattkeeper.errors import GattkeeperError
from gattkeeper.fronts import answers
from gattkeeper.fronts.answers import EXIT_DONE, EXIT_GAVE_UP, Answer
from gattkeeper.fronts.cli import frames, texts
from gattkeeper.fronts.cli.progress import progress_lines
from gattkeeper.fronts.cli.style import Terminal, clean
from gattkeeper.fronts.service import Service
from gattkeeper.runtime.handle import Handle

_WORST_FIRST = (
    answers.EXIT_UNKNOWN,
    answers.EXIT_NOT_DELIVERED,
    answers.EXIT_TRY_LATER,
    answers.EXIT_REFUSED,
    EXIT_GAVE_UP,
    answers.EXIT_OVERTAKEN,
)


class Together(Struct, frozen=True, kw_only=True):
    """The commands that were taken on, and by device why others were not."""

    service: Service
    terminal: Terminal
    as_json: bool
    handles: Sequence[Handle]
    refused: Mapping[str, GattkeeperError] = {}

    async def until_ended(self, wait_s: float | None) -> AsyncGenerator[bytes, None]:
        """Outcomes as they come, with progress between them, for `wait_s` seconds at most."""
        told: set[str] = set()
        for device, error in self.refused.items() if not self.as_json else ():
            yield frames.err(f"gattkeeper: {clean(device)}: {error}")
        async for line in progress_lines(self.service.timeline, self.terminal, self.handles, wait_s):
            for frame in self._ended(told):
                yield frame
            if self.terminal.tty:
                yield frames.progress(line)
        for frame in self._ended(told):
            yield frame

    def _ended(self, told: set[str]) -> list[bytes]:
        """How those ended that nobody was `told` of: one device out of reach does not hide the others."""
        result = []
        for handle in () if self.as_json else self.handles:
            if handle.outcome is not None and handle.id not in told:
                told.add(handle.id)
                book = self.service.keeper.book
                text = texts.outcome_text(book, handle.command, handle.outcome, self.terminal)
                result.append(frames.out(text) if handle.outcome.succeeded else frames.err(text))
        return result

    def rest(self, summary: Answer, words: str, *, waited: bool) -> list[bytes]:
        """What goes on, a line of `words`, and the exit code. As JSON: all outcomes, with `summary`."""
        still = [handle for handle in self.handles if handle.outcome is None]
        result = [frames.out(f"… {texts.what(handle.command)} goes on  {handle.id}") for handle in still]
        if words:
            result.append(frames.out(words))
        if self.as_json:
            result = [frames.out_json({**self._answer(), **summary})]
        return [*result, frames.exit_code(self._worst(gave_up=bool(still) and waited))]

    def _answer(self) -> Answer:
        book = self.service.keeper.book
        outcomes = [
            answers.outcome_answer(book, handle.command, handle.outcome)
            for handle in self.handles
            if handle.outcome is not None
        ]
        return {"outcomes": outcomes, "going_on": [one.id for one in self.handles if one.outcome is None]}

    def _worst(self, *, gave_up: bool) -> int:
        codes = {answers.exit_code_of(handle.outcome) for handle in self.handles if handle.outcome is not None}
        codes |= {answers.exit_code_for(error) for error in self.refused.values()}
        codes |= {EXIT_GAVE_UP} if gave_up else set()
        return next((code for code in _WORST_FIRST if code in codes), EXIT_DONE)
