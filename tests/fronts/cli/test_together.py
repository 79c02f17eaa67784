"""Several commands of one call: told one by one, with the exit code of the worst."""

import pytest

from fronts.cli.story import command, outcome
from fronts.keeper_bench import bench
from gattkeeper.errors import GattkeeperError, StoppedError, StorageError
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.fronts.cli.together import Together
from gattkeeper.runtime.handle import Handle

pytestmark = pytest.mark.asyncio

UNKNOWN = ("unknown", "timed_out_in_flight")
FAILED = ("not_delivered", "expired")
OVERTAKEN = ("not_delivered", "superseded")
DONE = ("delivered", "acknowledged")
STOPPED = StoppedError("it is stopped")


@pytest.mark.parametrize(
    ("ends", "refused", "gives_up", "code"),
    [
        ((DONE, DONE), None, False, 0),
        ((DONE, OVERTAKEN), None, False, 5),
        ((OVERTAKEN,), None, True, 6),
        ((OVERTAKEN,), STOPPED, True, 3),
        ((OVERTAKEN,), StorageError("disk full"), False, 75),
        ((FAILED, OVERTAKEN), STOPPED, False, 1),
        ((DONE, FAILED, UNKNOWN), STOPPED, True, 4),
    ],
)
async def test_the_exit_code_is_that_of_the_worst(tmp_path, ends, refused, gives_up, code):
    async with bench(tmp_path) as b:
        together = Together(
            service=b.service,
            terminal=Terminal(),
            as_json=True,
            handles=[*map(ended, ends), *([Handle(command("c9", "lounge", "up"))] if gives_up else [])],
            refused={} if refused is None else {"kitchen": refused},
        )
        assert together.rest({}, "", waited=True)[-1] == f"x{code}\n".encode()


async def test_each_is_told_once_and_a_refusal_before_all(tmp_path):
    async with bench(tmp_path) as b:
        refused: dict[str, GattkeeperError] = {"kitchen": STOPPED}
        together = Together(
            service=b.service,
            terminal=Terminal(),
            as_json=False,
            handles=[ended(DONE), ended(FAILED, "c2")],
            refused=refused,
        )
        said = b"".join([frame async for frame in together.until_ended(1.0)]).decode().splitlines()
        assert said[0] == "egattkeeper: kitchen: it is stopped"
        assert [line.split("  ")[0] for line in said[1:]] == ["o✓ lounge up", "e✗ lounge up"]
        last = b"".join(together.rest({}, "all of it", waited=True)).decode().splitlines()
        assert last == ["oall of it", "x1"]


def ended(how: tuple[str, str], command_id: str = "c1") -> Handle:
    handle = Handle(command(command_id, "lounge", "up"))
    handle.end(outcome(command_id, *how))
    return handle
