"""Which interface an uplink means, whatever it is called and numbered now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from failover.routing.picture import Link, Picture
from failover.routing.spec import UplinkSpec

NAMES_MAX: Final = 4  # interfaces that are named in words


@dataclass(frozen=True, slots=True)
class ModemWord:
    """What a modem's manager said last of the interface of its data.

    ``index``: of the interface that this name was found to be. ``again``: it was said (again) since then. Names are
    given anew, so what has another index now is not meant until it is named once more.
    """

    interface: str | None
    index: int | None = None
    again: bool = True


def find(spec: UplinkSpec, picture: Picture, modems: Mapping[str, ModemWord]) -> Link | str:
    """The interface of this uplink, or in words why there is none."""
    match spec.how:
        case "name":
            found = [link for link in picture.links if spec.value in (link.name, *link.other_names)]
            absent = f"there is no interface named {spec.value}"
        case "mac":
            found = _by_mac(spec.value.lower(), picture)
            absent = f"there is no interface with MAC {spec.value}"
        case "device":
            end = "/" + spec.value.strip("/")
            found = [link for link in picture.links if link.device and f"/{link.device}".endswith(end)]
            absent = (
                f"there is no interface at {spec.value}: nothing is plugged in there, or it has no driver"
            )
        case "modem":
            return _by_modem(spec.value, picture, modems.get(spec.value, ModemWord(None)))
    if len(found) > 1:
        names = ", ".join(sorted(link.name for link in found)[:NAMES_MAX])
        return f"{len(found)} interfaces are meant by {spec.how} {spec.value}: {names}; say it by another key"
    return found[0] if found else absent


def _by_mac(mac: str, picture: Picture) -> list[Link]:
    """Bridges and VLANs borrow the address of their port, which has it for good."""
    same = [link for link in picture.links if link.mac == mac]
    return [link for link in same if link.is_permanent] or same


def _by_modem(modem: str, picture: Picture, word: ModemWord) -> Link | str:
    if word.interface is None:
        return (
            f"modem {modem} names no network interface: its data is not connected, or no manager holds it "
            "(see `kitctl device`)"
        )
    for link in picture.links:
        if link.index == word.index:
            return link
    for link in picture.links:
        if link.name == word.interface and word.again:
            return link
    return f"modem {modem} said its interface was {word.interface}, and that one is gone"
