"""systemd-networkd owns the cables: it takes away what it does not know, and addresses when a carrier goes."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import pytest

from tests.peers import uplink_cables as cables
from tests.peers.networkd import Networkd, networkd
from tests.peers.uplink_cables import eventually, ip, rules, spec, table, watched, way

pytestmark = pytest.mark.peer("ip", "dbus-daemon", "networkctl")
DOCS: Final = Path(__file__).parents[2] / "docs" / "uplinks.md"
FIBRE: Final = """\
[Match]
Name=fib0
[Network]
LinkLocalAddressing=no
IPv6AcceptRA=no
[Address]
Address=10.1.0.2/24
[Route]
Gateway=10.1.0.1
Metric=100
"""
OURS: Final = re.compile(r"Removing foreign .*7101")
Story = Callable[[Networkd], Coroutine[Any, Any, None]]


def tell(folder: Path, story: Story, files: dict[str, str] | None = None) -> None:
    with cables.branch() as namespace:
        ip("link", "add", "fib0", "type", "veth", "peer", "name", "fib0f")
        ip("-batch", "-", said="link set fib0f up\nlink set fib0 up\n")
        with networkd(namespace, folder, {"network/10-fibre.network": FIBRE, **(files or {})}) as it:
            it.until_configured("fib0")
            asyncio.run(story(it))


def advised() -> dict[str, str]:
    """The file that our own documentation tells people to write."""
    text = DOCS.read_text(encoding="utf-8")
    found = re.search(r"`/etc/systemd/(networkd\.conf\.d/[\w.-]+)`:\n((?:\s+`.*\n)+)", text)
    assert found, "docs/uplinks.md says no more what to tell systemd-networkd"
    lines = re.findall(r"`([^`]+)`", found[2])
    assert lines[0] == "[Network]"
    return {found[1]: "\n".join(lines) + "\n"}


def in_order() -> bool:
    return (
        rules()
        == ["7101: from all oif fib0 lookup 7101 proto 171", "7201: from 10.1.0.2 lookup 7101 proto 171"]
        and any(line.startswith("default via 10.1.0.1 dev fib0") for line in table(7_101))
        and "table 7101" in way("192.0.2.1", "from", "10.1.0.2")
    )


def test_rules_and_routes_that_it_takes_away_are_put_back(tmp_path: Path) -> None:
    async def story(it: Networkd) -> None:
        async with watched(spec("fibre", "fib0")) as kit:
            await kit.up("fibre")
            await eventually(in_order)
            await asyncio.to_thread(it.reconfigure, "fib0")
            assert len(OURS.findall(it.said())) >= 3, "it took nothing away: nothing is tried here"
            await eventually(in_order)
            assert await kit.up("fibre")

    tell(tmp_path, story)


def test_what_we_advise_keeps_its_hands_off(tmp_path: Path) -> None:
    async def story(it: Networkd) -> None:
        async with watched(spec("fibre", "fib0")) as kit:
            await kit.up("fibre")
            await eventually(in_order)
            await asyncio.to_thread(it.reconfigure, "fib0")
            assert not OURS.findall(it.said())
            await eventually(in_order)

    tell(tmp_path, story, advised())


def test_carrier_goes_and_it_takes_the_address_with_it(tmp_path: Path) -> None:
    async def story(it: Networkd) -> None:
        async with watched(spec("fibre", "fib0")) as kit:
            await kit.up("fibre")
            ip("link", "set", "fib0f", "down")
            assert "no carrier" in await kit.down("fibre")
            await eventually(lambda: "10.1.0.2" not in ip("address", "show", "fib0"))
            ip("link", "set", "fib0f", "up")
            await asyncio.to_thread(it.until_configured, "fib0", 2)
            await kit.up("fibre")
            await eventually(in_order)

    tell(tmp_path, story)
