"""What Bumble raises becomes the fault that the tables know, and nothing else gets out."""

import asyncio

import pytest
from bumble import att, core, hci
from bumble.transport.common import TransportLostError

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_faults import ADAPTER_GONE, as_link_errors, bumble_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran

ROWS = [
    (att.ATT_Error(0x0D), FaultKind.REJECTED, Ran.REFUSED, "att", 0x0D),
    (att.ATT_Error(0x0E), FaultKind.BUSY, Ran.MAYBE, "att", 0x0E),
    (hci.HCI_Error(0x0C), FaultKind.BUSY, Ran.NO, "hci", 0x0C),
    (core.ConnectionError(0x3E, 1, None, "hci", "x"), FaultKind.TRANSIENT, Ran.NO, "hci", 0x3E),
    (core.ProtocolError(0x05, "smp", "x"), FaultKind.PAIRING_FAILED, Ran.REFUSED, "smp", 0x05),
    (core.ProtocolError(0x05, "sdp", "x"), FaultKind.UNLISTED, Ran.MAYBE, "bumble", 0x05),
    (core.CommandTimeoutError(), FaultKind.WEDGED, Ran.MAYBE, "hci", None),
    (core.TimeoutError(), FaultKind.TIMED_OUT, Ran.MAYBE, "att", None),
    (TransportLostError(), FaultKind.ADAPTER_GONE, Ran.MAYBE, "hci", None),
    (ValueError("odd"), FaultKind.UNLISTED, Ran.MAYBE, "bumble", None),
]


@pytest.mark.parametrize(("error", "kind", "ran", "stack", "code"), ROWS, ids=lambda each: str(each)[:40])
def test_bumble_row(error, kind, ran, stack, code):
    fault = bumble_fault(error)
    assert (fault.kind, fault.ran, fault.stack, fault.code) == (kind, ran, stack, code)


def test_a_cancellation_by_bumble_is_the_reason_of_the_loss():
    lost = Fault(kind=FaultKind.LINK_LOST, stack="hci", code=0x08)

    async def main():
        with as_link_errors(lambda: lost):
            raise asyncio.CancelledError

    with pytest.raises(LinkError) as caught:
        asyncio.run(main())
    assert caught.value.fault is lost


def test_the_callers_own_cancellation_stays_one():
    async def guarded():
        with as_link_errors(lambda: ADAPTER_GONE):
            await asyncio.Event().wait()

    async def main():
        task = asyncio.create_task(guarded())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_link_error_passes_unchanged():
    error = LinkError(ADAPTER_GONE)

    async def main():
        with as_link_errors(lambda: ADAPTER_GONE):
            raise error

    with pytest.raises(LinkError) as caught:
        asyncio.run(main())
    assert caught.value is error
