"""The page about outcomes has every verdict and every cause, each where it belongs."""

import re
from pathlib import Path

from gattkeeper.model.outcome import Cause, Verdict

PAGE = (Path(__file__).parents[1] / "docs" / "outcomes.md").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)


def test_the_page_has_every_verdict_and_every_cause_once() -> None:
    head, *sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    assert rows(head) == [verdict.value for verdict in Verdict]
    causes = [cause for section in sections for cause in rows(section)]
    assert sorted(causes) == sorted(cause.value for cause in Cause)


def test_each_cause_stands_under_its_verdict() -> None:
    parts = {
        title: rows(text)
        for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    }
    in_flight = {cause.value for cause in Cause if cause.value.endswith("_in_flight")}
    assert set(parts["unknown"]) == in_flight | {"stack_restarted", "partly", "unclear_answer"}
    assert set(parts["delivered, sent"]) == {
        "acknowledged",
        "app_ack",
        "read_back",
        "value",
        "accepted_locally",
        "assumed",
    }
