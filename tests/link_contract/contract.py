"""The suite that every link passes, whatever its stack: the promises of `runtime.ports`, one check each.

A test module of a link makes a bench (see `bench.LinkBench`) and runs each check on a fresh one:

    @pytest.mark.parametrize("check", CHECKS, ids=name_of)
    def test_contract(check: Check) -> None:
        run_virtual(on_fresh_bench(check))
"""

from collections.abc import Awaitable, Callable

from link_contract import checks_connection, checks_link_layer, checks_operation, checks_pairing
from link_contract.bench import LinkBench

Check = Callable[[LinkBench], Awaitable[None]]

CHECKS: tuple[Check, ...] = tuple(
    check
    for module in (checks_operation, checks_link_layer, checks_connection, checks_pairing)
    for name, check in vars(module).items()
    if name.startswith("check_")
)


def name_of(check: Check) -> str:
    """The check's name as a test id."""
    return check.__name__.removeprefix("check_")
