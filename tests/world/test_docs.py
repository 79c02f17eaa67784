"""The example of docs/world.md, as it stands there."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "world.md"


def test_the_example_of_the_page_runs(capsys):
    example = PAGE.read_text().split("```python\n")[1].split("```")[0]
    exec(compile(example, str(PAGE), "exec"), {"__name__": "example"})  # noqa: S102 - our own page
    assert "TIMED_OUT_IN_FLIGHT" in capsys.readouterr().out
