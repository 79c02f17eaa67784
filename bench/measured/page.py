"""The results as a page for people and as a file for programs.

Knows their form. The words about a suite are its own docstring.
"""

import os
import platform
import textwrap
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, to_builtins

from measured.figures import NONE, Course, Figure, Finding, Parts, ratio_text, sample_text
from measured.goals import GOALS, of_goals

_HEAD = """Written by `make bench`; it ends with an error when a goal is missed. Every figure is a ratio of two
things that were measured in turn in one run, so it holds on other machines; the times beside it are those of the
machine of that run ({machine}). A ratio is the median of its pairs; in brackets stands where four fifths of them
lie. *Virtual time* is exact: it counts what the radio and the protocol take, and no processor."""

_PICTURE = "![How much of what each goal allows is used](performance.svg)\n"
_COURSES = "![The same, hour by hour](performance-day.svg)\n"


class Suite(Struct, frozen=True, kw_only=True):
    """What a suite found, and its words; or how it ended without."""

    title: str
    words: str
    found: tuple[Finding, ...] = ()
    failed: str = ""

    @property
    def figures(self) -> list[Figure]:
        """What can be met or missed."""
        return [one for one in self.found if isinstance(one, Figure)]

    @property
    def courses(self) -> list[Course]:
        """What goes into a picture."""
        return [one for one in self.found if isinstance(one, Course)]


def page(suites: Sequence[Suite]) -> str:
    """Markdown: the goals, and by suite its words and a table."""
    machine = f"{os.cpu_count()} shared cores, {platform.machine()}, Python {platform.python_version()}"
    parts = [f"# Performance\n\n{textwrap.fill(_HEAD.format(machine=machine), 112)}\n\n{_PICTURE}"]
    figures = [figure for suite in suites for figure in suite.figures]
    parts.append(f"## The goals\n\n{goals_table(figures)}{reasons(figures)}{gates(figures)}")
    parts += [f"## {suite.title}\n\n{suite.words.strip()}\n\n{_body(suite)}" for suite in suites]
    return "\n".join(parts)


def _body(suite: Suite) -> str:
    if suite.failed:
        return f"**It failed, and gave no figures:** `{suite.failed}`\n"
    parts = [table(suite.figures)] if suite.figures else []
    parts += [parts_table(one) for one in suite.found if isinstance(one, Parts)]
    return "\n".join([*parts, _COURSES] if suite.courses else parts)


def goals_table(figures: Sequence[Figure]) -> str:
    """A Markdown table with every goal: its figures, and what is asked of them."""
    lines = ["| goal | measured | ratio | target | stretch | |", "| --- | --- | --- | --- | --- | --- |"]
    for goal, measured in of_goals(figures).items():
        lines.append(f"| {goal} | {GOALS[goal]} | | | | {'' if measured else '**not measured**'} |")
        lines += [f"| | {_what(one)} | {ratio_text(one)} | {one.goal} | {_stretch(one)} |" for one in measured]
    return "\n".join(lines) + "\n"


def _what(one: Figure) -> str:
    return f"{one.name}: {one.ours_is} to {one.theirs_is}"


def _stretch(one: Figure) -> str:
    """The last two columns of a goal."""
    met = "met" if one.met else "**MISSED**"
    if one.goal.stretch is None:
        return f"| {met}"
    beyond = one.met and one.goal.holds(one.ratio, one.goal.stretch)
    return f"{one.goal.text(one.goal.stretch)} | {'stretch met' if beyond else met}"


def reasons(figures: Sequence[Figure]) -> str:
    """A list of the figures that miss, with the reason of each that is known; nothing where none does."""
    missed: dict[str, list[str]] = {}
    for one in sorted(figures, key=lambda one: (not one.of, int(one.of[1:] or 0))):
        if not one.met:
            missed.setdefault(one.because, []).append(f"{one.of + ', ' * bool(one.of)}{_what(one)}")
    lines = [f"- {'; '.join(which)}. {because}".rstrip() for because, which in missed.items()]
    return "\n".join(["", "What is missed, and why:", "", *lines, ""]) if lines else ""


def gates(figures: Sequence[Figure]) -> str:
    """A table of what must not happen at all."""
    return f"\nWhat must not happen at all:\n\n{table([one for one in figures if one.goal == NONE])}"


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table with a line for each figure."""
    lines = ["| what | ours | theirs | ratio | goal | met |", "| --- | --- | --- | --- | --- | --- |"]
    for one in figures:
        ours = f"{one.ours_is}: {sample_text(one.ours, one.unit)}"
        theirs = f"{one.theirs_is}: {sample_text(one.theirs, one.unit)}"
        met = "yes" if one.met else "**no**"
        lines.append(f"| {one.name} | {ours} | {theirs} | {ratio_text(one)} | {one.goal} | {met} |")
    return "\n".join(lines) + "\n"


def parts_table(parts: Parts) -> str:
    """A Markdown table with a line for each part."""
    lines = [f"| {parts.name} | share | calls |", "| --- | --- | --- |"]
    lines += [f"| {one.name} | {one.share:.1%} | {one.calls:.0f} |" for one in parts.parts]
    return "\n".join(lines) + "\n"


def line(one: Finding) -> str:
    """The same for a terminal."""
    if isinstance(one, Parts):
        return f"        {one.name}: " + ", ".join(f"{part.name} {part.share:.0%}" for part in one.parts)
    if isinstance(one, Course):
        return f"        {one.name}, by {one.step}: {' '.join(f'{value:.4g}' for value in one.values)}"
    ours, theirs = sample_text(one.ours, one.unit), sample_text(one.theirs, one.unit)
    verdict = "ok" if one.met else "MISSED"
    return (
        f"{verdict:>6}  {one.of + ' ' * bool(one.of)}{one.name}: {ratio_text(one)}, goal {one.goal}"
        f"  ({one.ours_is} {ours}, {one.theirs_is} {theirs})"
    )


def facts(suites: Sequence[Suite], *, quick: bool) -> dict[str, Any]:
    """The same for a program, with all samples."""
    figures = [figure for suite in suites for figure in suite.figures]
    goals = {
        goal: {"about": GOALS[goal], "figures": [one.name for one in those], "met": all(one.met for one in those)}
        for goal, those in of_goals(figures).items()
        if those
    }
    beside = [one for suite in suites for one in suite.found if not isinstance(one, Figure)]
    return {
        "quick": quick,
        "goals": goals,
        "failed": {suite.title: suite.failed for suite in suites if suite.failed},
        "figures": [_figure_facts(figure) for figure in figures],
        "beside": [to_builtins(one) for one in beside],
    }


def _figure_facts(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "of": figure.of,
        "ours_is": figure.ours_is,
        "theirs_is": figure.theirs_is,
        "ours": figure.ours,
        "theirs": figure.theirs,
        "unit": figure.unit.value,
        "ratio": figure.ratio,
        "spread": figure.spread,
        "goal": str(figure.goal),
        "stretch": figure.goal.stretch,
        "met": figure.met,
        "because": "" if figure.met else figure.because,
    }
