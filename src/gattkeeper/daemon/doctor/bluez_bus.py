"""What BlueZ says over D-Bus, and what that means beside what the kernel and a running keeper say.

Knows adapters, discoveries and connections. How the bus is asked is the link's business.
"""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from gattkeeper.core.lifecycle import ConnectionState
from gattkeeper.daemon.doctor.findings import Finding, note, ok, problem, warning
from gattkeeper.links.bluez_look import LISTEN_S, BluezView
from gattkeeper.links.bluez_watch import ADAPTER, DEVICE

NO_ADDRESS = "00:00:00:00:00:00"
_CENTRAL = "central"
_CONNECTED = ConnectionState.CONNECTED.value
_DISCONNECTED = ConnectionState.DISCONNECTED.value

_FREE = "bluetoothctl disconnect {}; if it stays, bluetoothctl power off, then power on"


class Context(Struct, frozen=True, kw_only=True):
    """What else is known. `kept`: the state of a keeper's connections by address; None when none runs."""

    kept: Mapping[str, str] | None = None
    kernel_links: Mapping[str, int] = {}  # connections by adapter, hci0
    others: tuple[str, ...] = ()  # programs on the bus that are known to use Bluetooth
    slots: Mapping[str, int] = {}  # of the settings, by what the adapter is asked for as


def adapter_findings(view: BluezView, context: Context) -> list[Finding]:
    """Every adapter: is it there, on, whole, and the only one of its address."""
    adapters = _adapters(view)
    if not adapters:
        cure = "plug one in; if it is there: rfkill list, dmesg, then sudo systemctl restart bluetooth"
        return [problem("adapter", "BlueZ has no adapter", cure)]
    found = [_adapter_finding(hci, properties, context) for hci, properties in adapters.items()]
    addresses = Counter(str(properties.get("Address")) for properties in adapters.values())
    for address, count in addresses.items():
        if count > 1:
            twins = " and ".join(hci for hci, one in adapters.items() if one.get("Address") == address)
            what = f"{twins} have the same address {address}: devices and bonds cannot tell them apart"
            found.append(
                problem("adapter", what, "use one of them, or give one another address (btmgmt public-addr)")
            )
    return found


def discovery_findings(view: BluezView, context: Context) -> list[Finding]:
    """Discoveries that run, and whether anything comes of them."""
    found: list[Finding] = []
    for hci, properties in _adapters(view).items():
        if not properties.get("Discovering"):
            continue
        if not view.heard.get(f"/org/bluez/{hci}"):
            what = (
                f"{hci} says that it scans, and heard nothing in {LISTEN_S:g} s: nothing is near, or it is stuck"
            )
            cure = "end the program that scans; if it goes on: bluetoothctl power off, then power on"
            found.append(warning("discovery", what, cure))
        else:
            found.append(note("discovery", f"{hci} scans for some program: BlueZ does not say for which"))
    if context.others:
        what = f"{', '.join(context.others)} may use the adapter too: known for Bluetooth, and on the system bus"
        cure = "give the adapter to one program: end the others, or send their commands through gattkeeper"
        found.append(note("others", what, cure))
    return found or [ok("discovery", "nobody scans")]


def connection_findings(view: BluezView, context: Context) -> list[Finding]:
    """Connections that only one side believes in."""
    found: list[Finding] = []
    connected: dict[str, bool] = {}
    by_adapter: Counter[str] = Counter()
    for path, interfaces in view.objects.items():
        properties = interfaces.get(DEVICE, {})
        if properties.get("Connected"):
            connected[str(properties.get("Address"))] = bool(properties.get("ServicesResolved"))
            by_adapter[path.split("/")[3]] += 1
    for address, resolved in connected.items():
        found += _about_connection(address, resolved=resolved, kept=context.kept)
    kept = [address for address, state in (context.kept or {}).items() if state == _CONNECTED]
    for address in sorted(set(kept) - connected.keys()):
        what = f"the keeper is connected to {address}, and BlueZ says it is not"
        found.append(warning("connection", what, "look again; if it stays, restart the keeper"))
    for hci in sorted({*by_adapter, *context.kernel_links}):
        kernel, bluez = context.kernel_links.get(hci, 0), by_adapter[hci]
        if kernel > bluez:
            what = f"the kernel has {kernel} connections on {hci}, BlueZ knows of {bluez}"
            cure = "classic audio devices count too; if there are none: bluetoothctl power off, then power on"
            found.append(warning("connection", what, cure))
    return found or [ok("connection", f"{len(connected)} connected, as everybody says")]


def _about_connection(address: str, *, resolved: bool, kept: Mapping[str, str] | None) -> list[Finding]:
    cure = _FREE.format(address)
    if kept is not None and kept.get(address, _DISCONNECTED) != _DISCONNECTED:
        return []  # also one that is coming up or going down
    if not resolved:
        what = f"BlueZ holds a connection to {address} whose services it does not know: it may be a phantom"
        return [warning("connection", what, cure)]
    who = "no keeper runs" if kept is None else "the keeper does not hold it"
    what = f"BlueZ is connected to {address}, and {who}: another program does, or one that has died"
    return [note("connection", what, f"a device that is connected is not heard by scans; {cure}")]


def _adapters(view: BluezView) -> dict[str, dict[str, object]]:
    return {
        path.rpartition("/")[2]: interfaces[ADAPTER]
        for path, interfaces in sorted(view.objects.items())
        if ADAPTER in interfaces
    }


def _adapter_finding(hci: str, properties: dict[str, object], context: Context) -> Finding:
    address = str(properties.get("Address"))
    name = f"{hci} ({address})"
    if address == NO_ADDRESS:
        return problem(
            "adapter", f"{name} did not start", "unplug it and plug it in again; see dmesg for its firmware"
        )
    if not properties.get("Powered"):
        cure = "bluetoothctl power on; if that is refused: rfkill unblock bluetooth"
        return problem("adapter", f"{name} is powered off", cure)
    given = properties.get("Roles")
    roles = [str(role) for role in given] if isinstance(given, list) else []
    if roles and _CENTRAL not in roles:
        cure = "use another adapter: this one cannot connect to Low Energy devices"
        return problem("adapter", f"{name} cannot be a central", cure)
    slots = context.slots.get(hci) or context.slots.get(address)
    places = f", {slots} connections at once by the settings" if slots else ""
    return ok("adapter", f"{name} is on, {', '.join(roles) or 'roles not told'}{places}")
