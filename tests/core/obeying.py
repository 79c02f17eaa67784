"""The next thing that a stack says which does as it is asked, of connections and recoveries.

Knows a drive that is watched. What is answered to operations is the histories' own business.
"""

from core.drive import Drive


def obey(drive: Drive) -> bool:
    """Say one thing; whether there was anything to say."""
    assert drive.watch is not None
    for name, device in drive.watch.devices.items():
        match device.connection:
            case "connecting" if not device.linked:
                drive.linked(name)
            case "connecting" | "discovering":
                drive.connected(name)
            case "abandoning":
                drive.connect_failed(device=name)
            case "disconnecting":
                drive.gone(name)
            case _:
                continue
        return True
    return bool(drive.recovering) and bool(drive.recovered())
