"""Names of USB serial adapters that stay when adapters are plugged in in another order.

udev makes /dev/serial/by-id from maker, product and serial number. Two adapters of one product without a serial number
have one such name, and it leads to whichever was seen last; their places, /dev/serial/by-path, tell them apart.
"""

from __future__ import annotations

from pathlib import Path

SERIAL = Path("/dev/serial")
MOVES = ("/dev/ttyUSB", "/dev/ttyACM")
"""Names that change with the order of plugging in."""


def advice(port: str, serial: Path = SERIAL) -> str:
    """What is to be said of a port's name; empty: nothing. `serial`: udev's folder."""
    by_id, by_path = _links(serial / "by-id"), _links(serial / "by-path")
    if port.startswith(MOVES):
        device = Path(port).resolve()
        better = by_path.get(device) if _twins(by_id, by_path) else by_id.get(device) or by_path.get(device)
        stays = f"write {better}" if better else "ls -l /dev/serial/by-id shows names that stay"
        return f"{port} may be another device tomorrow; {stays}"
    twins = _twins(by_id, by_path)
    if Path(port).parent != serial / "by-id" or not twins:
        return ""
    device = Path(port).resolve()
    places = sorted(str(by_path[target]) for target in {device, *twins} if target in by_path)
    text = f"{port} is the name of several adapters alike, and leads to one of them"
    return f"{text}; tell them apart by their places: {', '.join(places)}"


def _links(folder: Path) -> dict[Path, Path]:
    """Device -> the link that leads to it."""
    try:
        return {link.resolve(): link for link in sorted(folder.iterdir())}
    except OSError:
        return {}


def _twins(by_id: dict[Path, Path], by_path: dict[Path, Path]) -> set[Path]:
    """Adapters that have a place and no name of their own: another one has taken it."""
    return set(by_path) - set(by_id) if by_id else set()
