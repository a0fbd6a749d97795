"""From the kit to the centre and back without a network: media, photographs, receipts; nothing lost, nothing twice."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from center.log.ledger import Ledger
from crypto.carrier import from_compact
from crypto.codec import sha256_hex
from crypto.courier_bundle import check_bundle
from kit import exit_codes
from kit.facts import MediaHandedOut, Phase
from tests.center.site import Site, ran
from tests.kit.harness import ONE_TERMINAL, TALLY_MS, Branch
from tests.kit.real_kit import real_kit
from tests.kit.staff import order, work_until

NAMES: Final = [
    "branch-1-device-1-1.compact",
    "branch-1-device-1-1.dsse.json",
    "branch-1-device-1-2.compact",
    "branch-1-device-1-2.dsse.json",
    "branch-1-device-1-bundle.json",
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, ONE_TERMINAL)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def unheard(phase: Phase) -> Branch:
    """A branch that no receipt has ever reached."""
    branch = Branch(ONE_TERMINAL)
    branch.center_answers = False
    return work_until(branch, phase)


def released() -> Branch:
    branch = unheard("sending")
    assert order(branch, "release-media")["accepted"]
    return branch


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def in_log(site: Site) -> list[bytes]:
    ledger = Ledger.open_to_read(str(site.state_dir / "ledger.db"))
    try:
        return [entry.data for entry in ledger.entries()]
    finally:
        ledger.close()


async def center(site: Site, *arguments: object) -> tuple[int, str, str]:
    return await asyncio.to_thread(ran, "center", *map(str, arguments), "--config", site.config)


async def test_courier_brings_everything_and_takes_the_receipts_back(site: Site, stick: Path) -> None:
    branch = released()
    sealed = [item.data for item in branch.station.outbox.items.values()]
    site.start_centerd()
    async with real_kit(branch) as kit:
        code, out, err = await kit.ctl("courier", "export", str(stick), "--lang", "en")
        assert (code, "5 files written" in out) == (exit_codes.OK, True), err
        assert names(stick) == NAMES
        bundle = check_bundle((stick / NAMES[-1]).read_bytes(), ONE_TERMINAL.loaded)
        assert [item.sha256 for item in bundle.envelopes] == [sha256_hex(data) for data in sealed]
        assert from_compact((stick / NAMES[2]).read_bytes(), ONE_TERMINAL.loaded) == sealed[1]

        code, out, err = await center(site, "import", stick, "--receipts", stick)
        assert (code, out.count("logged as leaf")) == (exit_codes.OK, 2), err
        assert sorted(in_log(site)) == sorted(sealed)
        code, out, err = await center(site, "import", stick)
        assert (code, out.count("held already")) == (exit_codes.OK, 2), err
        assert sorted(in_log(site)) == sorted(sealed), "imported twice, counted once"

        for data in sealed:
            proof = stick / f"{sha256_hex(data)}.tlog-proof"
            code, _, err = await kit.ctl("receipt", "bring", str(proof), "--lang", "en")
            assert code == exit_codes.OK, err
        await kit.until_status(lambda status: status["phase"] == "delivered", "delivered")
        code, out, _ = await kit.ctl("courier", "export", str(stick), "--lang", "en")
        assert (code, "nothing to carry" in out) == (exit_codes.OK, True)
        assert await kit.end() == 0
        assert len([fact for fact in kit.facts() if isinstance(fact, MediaHandedOut)]) == 1


async def test_screen_is_photographed_and_sent_from_any_telephone(site: Site, stick: Path) -> None:
    """The texts of the codes, as any reader gives them, mixed and twice; then pictures."""
    branch = released()
    sealed = [item.data for item in branch.station.outbox.items.values()]
    site.start_centerd()
    async with real_kit(branch) as kit:
        code, out, err = await kit.ctl("courier", "show", "--json")
        assert code == exit_codes.OK, err
        codes: list[str] = json.loads(out)["codes"]
        texts = stick / "codes.txt"
        texts.write_text(
            "".join(f"QR-Code:{text}\n" for text in (*reversed(codes), codes[0])), encoding="ascii"
        )
        code, out, err = await center(site, "import", texts)
        assert (code, out.count("logged as leaf")) == (exit_codes.OK, 2), err
        code, out, err = await kit.ctl("courier", "pictures", str(stick), "2", "--lang", "en")
        assert code == exit_codes.OK, err
        code, out, err = await center(
            site, "import", *(stick / name for name in names(stick) if name.endswith(".png"))
        )
        assert (code, out.count("held already")) == (exit_codes.OK, 1), err
        assert sorted(in_log(site)) == sorted(sealed)


async def test_courier_leaves_without_an_order(stick: Path) -> None:
    async with real_kit(unheard("sending")) as kit:
        for command in (["export", str(stick)], ["show"], ["pictures", str(stick)], ["print"]):
            code, _, err = await kit.ctl("courier", *command, "--lang", "en")
            assert (code, "release-media" in err) == (exit_codes.FORBIDDEN, True)
        assert names(stick) == []


async def test_what_was_sealed_since_the_order_is_left_out_silently(stick: Path) -> None:
    branch = unheard("accounted")
    order(branch, "release-media")
    branch.advance_to_wall(TALLY_MS)
    work_until(branch, "sending")
    async with real_kit(branch) as kit:
        code, _, err = await kit.ctl("courier", "export", str(stick), "--lang", "en")
        assert (code, "left out: envelopes 2; two officials" in err) == (exit_codes.WARNING, True)
        code, _, err = await kit.ctl("courier", "show", "2", "--lang", "en")
        assert (code, "envelope 2 is not released" in err) == (exit_codes.USAGE, True)


async def test_stick_is_not_there_or_full(stick: Path) -> None:
    async with real_kit(released()) as kit:
        code, _, err = await kit.ctl("courier", "export", str(stick / "none"), "--lang", "en")
        assert (code, "is the medium mounted" in err) == (exit_codes.CANNOT_CREATE, True)
        code, _, err = await kit.ctl("courier", "export", "/dev/full", "--lang", "fa")
        assert (code, "حافظهٔ دیگری بیاورید" in err) == (exit_codes.CANNOT_CREATE, True)
        (stick / NAMES[1]).symlink_to(kit.config)
        before = kit.config.read_bytes()
        code, _, err = await kit.ctl("courier", "export", str(stick), "--lang", "en")
        assert (code, "a link or no ordinary file" in err) == (exit_codes.CANNOT_CREATE, True)
        assert kit.config.read_bytes() == before
        status: dict[str, Any] = (await kit.ask({"op": "status"}))["status"]
        assert status["phase"] == "sending", "the kit goes on as before"


async def test_kit_without_a_printer_is_asked_to_print() -> None:
    async with real_kit(released()) as kit:
        code, _, err = await kit.ctl("courier", "print", "--lang", "en")
        assert (code, "there is no printer" in err) == (exit_codes.UNAVAILABLE, True)


async def test_terminal_is_too_small_for_a_code() -> None:
    async with real_kit(released()) as kit:
        code, _, err = await kit.ctl("courier", "show", "--lang", "en", COLUMNS="30", LINES="10")
        assert (code, "the terminal has 30 columns" in err) == (exit_codes.DATA, True)
        code, out, err = await kit.ctl("courier", "show", "1", "--lang", "en", COLUMNS="80", LINES="24")
        assert (code, "code 1 of" in out) == (exit_codes.OK, True), err
        assert max(len(line) for line in out.splitlines() if set(line) <= set("█▀▄ ")) <= 80
