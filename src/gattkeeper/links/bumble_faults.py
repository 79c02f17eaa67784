"""What Bumble raises, as faults.

Knows Bumble's exceptions. What the numbers inside them mean stands in `fault_tables`.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bumble import core
from bumble.transport.common import TransportLostError

from gattkeeper.errors import LinkError
from gattkeeper.links.fault_tables.att import att_fault
from gattkeeper.links.fault_tables.hci import hci_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran

ADAPTER_GONE = Fault(kind=FaultKind.ADAPTER_GONE, stack="hci", text="the way to the adapter broke down")


def bumble_fault(error: Exception) -> Fault:
    """The fault behind an exception of Bumble's."""
    if isinstance(error, core.BaseError):
        return _numbered(error)
    if isinstance(error, core.CommandTimeoutError):
        return Fault(kind=FaultKind.WEDGED, stack="hci", text="the adapter does not answer commands")
    if isinstance(error, core.TimeoutError):
        return Fault(kind=FaultKind.TIMED_OUT, stack="att", text="no answer within the 30 s of an ATT transaction")
    if isinstance(error, TransportLostError | OSError):
        return ADAPTER_GONE
    return Fault(kind=FaultKind.UNLISTED, stack="bumble", name=type(error).__name__, text=str(error))


def _numbered(error: core.BaseError) -> Fault:
    match error.error_namespace:
        case "att":
            return att_fault(error.error_code)
        case "hci":
            return hci_fault(error.error_code)
        case "smp":  # the Security Manager of either side refused (Core Specification, Vol 3, Part H, 3.5.5)
            return Fault(
                kind=FaultKind.PAIRING_FAILED,
                ran=Ran.REFUSED,
                stack="smp",
                code=error.error_code,
                name=error.error_name,
            )
    return Fault(kind=FaultKind.UNLISTED, stack="bumble", code=error.error_code, text=str(error))


@contextmanager
def as_link_errors(lost: Callable[[], Fault]) -> Iterator[None]:
    """Let nothing out but LinkError and the caller's own CancelledError.

    Bumble ends what is pending on a lost link with CancelledError. Only the task's own count of cancellations
    tells the two apart; `lost` says why the link went down.
    """
    task = asyncio.current_task()
    cancellations = task.cancelling() if task is not None else 0
    try:
        yield
    except LinkError:
        raise
    except asyncio.CancelledError:
        if task is not None and task.cancelling() > cancellations:
            raise
        raise LinkError(lost()) from None
    except Exception as error:
        raise LinkError(bumble_fault(error)) from error
