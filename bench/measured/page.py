"""The results as a page for people and as a file for programs.

Knows their form. The words about a suite are its own docstring.
"""

import os
import platform
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from measured.figures import Figure, ratio_text, sample_text

_HEAD = """Written by `make bench`; it ends with an error when a goal is missed. Every figure is a ratio of two
things that were measured in turn in one run, so it holds on other machines; the times beside it are those of the
machine of that run ({machine}). A ratio is the median of its pairs; in brackets stands where four fifths of them
lie. *Virtual time* is exact: it counts what the radio and the protocol take, and no processor."""

_PICTURE = "![How much of what each goal allows is used](performance.svg)\n"


def page(suites: Mapping[str, tuple[str, Sequence[Figure]]]) -> str:
    """Markdown: by suite its words and a table."""
    machine = f"{os.cpu_count()} shared cores, {platform.machine()}, Python {platform.python_version()}"
    parts = [f"# Performance\n\n{textwrap.fill(_HEAD.format(machine=machine), 112)}\n\n{_PICTURE}"]
    for title, (words, figures) in suites.items():
        parts += [f"## {title}\n\n{words.strip()}\n\n{table(figures)}"]
    return "\n".join(parts)


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table with a line for each figure."""
    lines = ["| what | ours | theirs | ratio | goal | met |", "| --- | --- | --- | --- | --- | --- |"]
    for one in figures:
        ours = f"{one.ours_is}: {sample_text(one.ours, one.unit)}"
        theirs = f"{one.theirs_is}: {sample_text(one.theirs, one.unit)}"
        met = "yes" if one.met else "**no**"
        lines.append(f"| {one.name} | {ours} | {theirs} | {ratio_text(one)} | {one.goal} | {met} |")
    return "\n".join(lines) + "\n"


def line(one: Figure) -> str:
    """The same for a terminal."""
    ours, theirs = sample_text(one.ours, one.unit), sample_text(one.theirs, one.unit)
    verdict = "ok" if one.met else "MISSED"
    return (
        f"{verdict:>6}  {one.name}: {ratio_text(one)}, goal {one.goal}"
        f"  ({one.ours_is} {ours}, {one.theirs_is} {theirs})"
    )


def facts(figure: Figure) -> dict[str, Any]:
    """The same for a program, with all samples."""
    return {
        "name": figure.name,
        "ours_is": figure.ours_is,
        "theirs_is": figure.theirs_is,
        "ours": figure.ours,
        "theirs": figure.theirs,
        "unit": figure.unit.value,
        "ratio": figure.ratio,
        "goal": str(figure.goal),
        "met": figure.met,
    }
