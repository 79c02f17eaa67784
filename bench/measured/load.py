"""The load of a connected product, in virtual time on a simulated link that keeps its own account: 3 services with
11 characteristics, and four sources that use the device at once, each as fast as it is answered: a person's
taps, a background sync over everything, a telemetry timer and a set-up sequence. Each characteristic gives a
value that no other one has, so an answer that reaches the wrong caller is seen. Counted: operations whose
caller was told nothing, or something else than the device did; requests that overlapped; answers that were
somebody else's. The same sources with no queue between them and the link show that the account sees overlaps.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from gattkeeper.core.limits import Limits
from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.errors import LinkError
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.operation import Read, Sequence, Write
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import SimulatedLink, VirtualCharacteristic, VirtualDevice, VirtualService, run_virtual
from measured.air import Unheard
from measured.figures import NONE, Figure, Tick, Unit

TITLE = "A connected product under load (virtual time)"
OPERATIONS, QUICK_OPERATIONS = 1_000_000, 10_000
SERVICES = {"a000": 4, "b000": 4, "c000": 3}
INTERVAL_S = 0.0075
STEPS = 4
LOG_MAX = 10_000


class Product:
    """One device, and who uses it."""

    def __init__(self) -> None:
        self.uuids: list[str] = []
        services = []
        for service, count in SERVICES.items():
            characteristics = []
            for number in range(1, count + 1):
                uuid = f"{service[:2]}{number:02x}"
                self.uuids.append(uuid)
                value = uuid.encode()
                writable = Property.READ | Property.WRITE
                characteristics.append(VirtualCharacteristic(uuid, writable, on_read=lambda value=value: value))
            services.append(VirtualService(service, tuple(characteristics)))
        self.device = VirtualDevice("product", "F0:00:00:00:00:01", tuple(services))
        self.link = SimulatedLink([self.device], connection_interval_s=INTERVAL_S)
        self.done = self.untold = self.strays = self.overlaps = 0
        self.dice = random.Random(1)  # noqa: S311 - seeded dice, not secrets

    def any_uuid(self) -> str:
        return self.dice.choice(self.uuids)

    def forget(self) -> None:
        """The world's own logs would grow with the load."""
        self.overlaps += len(self.link.log.violations)
        for log in (self.link.log.violations, self.link.log.seen, self.device.applied):
            log.clear()


Do = Callable[[Read | Write | Sequence, Priority], Awaitable[object]]


class Sources:
    """All four of them, until there were so many operations."""

    def __init__(self, product: Product, do: Do, operations: int) -> None:
        self._product = product
        self._do = do
        self._operations = operations

    async def use(self) -> None:
        """All at once."""
        await asyncio.gather(self._person(), self._sync(), self._telemetry(), self._set_up())
        self._product.forget()

    def _goes_on(self) -> bool:
        return self._product.done < self._operations

    async def _read(self, uuid: str, priority: Priority) -> None:
        value = await self._do(Read(target=characteristic_ref(uuid)), priority)
        self._product.done += 1
        self._product.untold += value is None
        self._product.strays += value is not None and value != uuid.encode()

    async def _person(self) -> None:
        while self._goes_on():
            target = characteristic_ref(self._product.any_uuid())
            await self._do(Write(target=target, payload=b"tap"), Priority.INTERACTIVE)
            self._product.done += 1

    async def _sync(self) -> None:
        while self._goes_on():
            for uuid in self._product.uuids:
                await self._read(uuid, Priority.NORMAL)

    async def _telemetry(self) -> None:
        while self._goes_on():
            await self._read(self._product.uuids[0], Priority.BACKGROUND)
            if len(self._product.link.log.seen) > LOG_MAX:
                self._product.forget()

    async def _set_up(self) -> None:
        while self._goes_on():
            targets = [characteristic_ref(self._product.any_uuid()) for _ in range(STEPS)]
            steps = tuple(Write(target=target, payload=b"set") for target in targets)
            await self._do(Sequence(steps=steps), Priority.NORMAL)
            self._product.done += STEPS


async def with_keeper(operations: int) -> Product:
    """Every source is a caller of one keeper."""
    product = Product()
    book = ProfileBook([Entry(name="product", rules=DeviceRules(address=product.device.address))])
    keeper = Keeper(links={"radio": product.link}, book=book, limits=Limits())
    await keeper.start()

    async def do(operation: Read | Write | Sequence, priority: Priority) -> object:
        command = Command(device="product", operation=operation, priority=priority)
        outcome = await (await keeper.submit(command)).wait()
        product.untold += not outcome.succeeded
        return outcome.value

    await Sources(product, do, operations).use()
    status = keeper.status()
    product.untold += status.accepted - status.ended
    await keeper.close()
    return product


async def without(operations: int) -> Product:
    """Every source calls the link."""
    product = Product()
    await product.link.open(lambda _up, _fault: None)
    connection = await product.link.connect(product.device.address, Unheard())

    async def do(operation: Read | Write | Sequence, _priority: Priority) -> object:
        value: object = None
        with suppress(LinkError):
            for step in operation.steps if isinstance(operation, Sequence) else (operation,):
                value = await connection.perform(step)
        return value

    await Sources(product, do, operations).use()
    await product.link.close()
    return product


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    operations = QUICK_OPERATIONS if quick else OPERATIONS
    tick(f"{operations} operations")
    ours = run_virtual(with_keeper(operations))
    tick("without a queue")
    theirs = run_virtual(without(QUICK_OPERATIONS))
    assert theirs.overlaps, "the account sees no overlaps, so it shows nothing"
    counts = (
        ("overlaps", ours.overlaps, f"no queue, of {theirs.done}", theirs.overlaps),
        ("callers told nothing, or otherwise than it was", ours.untold, "limit", 0),
        ("answers that were somebody else's", ours.strays, "limit", 0),
    )
    return [
        Figure(
            name=f"{name} in {ours.done} operations",
            ours_is="gattkeeper",
            theirs_is=theirs_is,
            ours=(float(count),),
            theirs=(float(other),),
            goal=NONE,
            unit=Unit.COUNT,
        )
        for name, count, theirs_is, other in counts
    ]
