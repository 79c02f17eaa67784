"""Progress is for terminals, and goes away."""

import pytest

from gattkeeper.daemon.audit import showing


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "PROGRESS_S", 0)


def test_a_terminal_sees_how_far_it_got(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = showing.Progress("exporting,")
    progress(12)
    progress.clear()
    progress.clear()
    assert capsys.readouterr().err == "\r\x1b[Kexporting, row 12\r\x1b[K"


def test_what_is_no_terminal_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = showing.Progress("exporting,")
    progress(12)
    progress.clear()
    assert capsys.readouterr().err == ""
