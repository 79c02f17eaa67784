"""What holds for every test: hypothesis profiles, the left-out list, and no task that outlives its test.

Knows pytest only. Fixtures that build parts of gattkeeper live in the folders of those parts.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Generator
from typing import Any, TypeVar

import hypothesis
import pytest
import pytest_asyncio

Report = pytest.TestReport | pytest.CollectReport
AnyReport = TypeVar("AnyReport", pytest.TestReport, pytest.CollectReport)

NO_REASON = ("", "Skipped", "unconditional skip", "<Skipped instance>")
"""What pytest reports for a skip that gives no reason."""

GUEST_TESTS = "tests/bluez_vm/test_guest_"
"""How the tests begin that share a virtual machine. Those with one of their own may run beside them."""

# Times on a shared machine say nothing, and a database would make one run depend on the one before.
for profile, derandomize in (("dev", False), ("ci", True)):
    hypothesis.settings.register_profile(
        profile, database=None, deadline=None, derandomize=derandomize, print_blob=True
    )
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


class LeftOut:
    """Lists at the end what was skipped and why. Reports of xdist's workers arrive here as well."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def note(self, report: Report) -> None:
        if is_skip(report):
            self.reasons[report.nodeid] = skip_reason(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.reasons:
            return
        terminalreporter.section(f"Left out on this machine: {len(self.reasons)}")
        for test, reason in sorted(self.reasons.items()):
            terminalreporter.line(f"{test}: {reason}")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # a shell that puts a run into the background has it, and all it starts, ignore what a terminal sends
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGQUIT"):
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    own = tempfile.TemporaryDirectory(prefix="gattkeeper-tests-")  # locks and sockets of this run alone
    config.add_cleanup(own.cleanup)
    os.environ["XDG_RUNTIME_DIR"] = own.name
    config.pluginmanager.register(LeftOut(), "left-out")
    config.addinivalue_line(
        "markers", "system: starts real programs (the daemon, dbus-daemon); `make test-fast` leaves it out"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Spread tests over the workers, those that share one guest over one of them."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # noqa: PLC0415 - not always there

    class OneGuest(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return "guest" if nodeid.startswith(GUEST_TESTS) else nodeid

    return OneGuest(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_silent_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_silent_skip((yield))


def is_skip(report: Report) -> bool:
    """An expected failure is reported as skipped too, but it did run."""
    return report.skipped and not hasattr(report, "wasxfail")


def skip_reason(report: Report) -> str:
    """The reason in a skipped report, whose longrepr is (path, line, "Skipped: reason")."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(text).removeprefix("Skipped:").strip()


def refuse_silent_skip(report: AnyReport) -> AnyReport:
    """Make a skip without a reason a failure: nobody could tell whether the test matters here."""
    if is_skip(report) and skip_reason(report) in NO_REASON:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} is skipped without a reason; give one, the left-out list prints it"
    return report


@pytest.fixture(autouse=True)
def leaked_tasks_fail(request: pytest.FixtureRequest) -> None:
    """Set up first, hence taken down last: what the other fixtures started must be gone by then."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("no_task_left")


@pytest_asyncio.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fail a test that ends while a task it started is still running."""
    yield
    await asyncio.sleep(0)  # tasks cancelled in the last moment end in this turn
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        pytest.fail("tasks outlived their test: " + ", ".join(sorted(map(repr, left))), pytrace=False)
