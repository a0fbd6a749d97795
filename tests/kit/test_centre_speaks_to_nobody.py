"""The centre speaks to a branch: real centerd, broker, kitd and kitctl; and a kit that begins anew under a manifest."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crypto import command, command_packing, rfc3339
from crypto.codec import b64
from crypto.command import Command
from kit import exit_codes
from kit.facts import CommandFollowed, ManifestAdopted
from tests.center.command import Ran, center
from tests.center.manifests import newer
from tests.center.site import Site
from tests.crypto.election_fixture import ELECTION
from tests.kit.commission import command as command_line
from tests.kit.harness import ONE_TERMINAL, Branch
from tests.kit.real_kit import RealKit, real_kit
from tests.kit.staff import standing_in

NEW = newer(ONE_TERMINAL)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, ONE_TERMINAL)
    try:
        site.start_broker()
        site.start_centerd()
        yield site
    finally:
        site.close()


async def give(site: Site, *arguments: object) -> Ran:
    ran = await asyncio.to_thread(center, "command", *arguments, "--config", site.config)
    assert ran.code == 0, ran
    return ran


async def centre_of(kit: RealKit, key: str) -> dict[str, Any]:
    status = await kit.until_status(lambda status: bool(status["centre"][key]), key)
    centre: dict[str, Any] = status["centre"]
    return centre


async def test_message_reaches_nobody(site: Site) -> None:
    async with real_kit(Branch(), site.port) as kit:
        await give(site, "message", "Bring the boxes.", "--to", "branch-1")
        centre = await centre_of(kit, "messages")
        assert [one["text"] for one in centre["messages"]] == ["Bring the boxes."]
        code, out, _ = await kit.ctl("messages", "--lang", "en")
        assert code == exit_codes.OK
        assert ">>> from the centre" in out
        assert "Bring the boxes." in out
        _, out, _ = await kit.ctl("status", "--lang", "fa")
        assert "پیام مرکز" in out
        await give(site, "pace", "30s", "--for", "5m")
        assert (await centre_of(kit, "pacing"))["pacing"]["pause_ms"] == 30_000
        await kit.end()
        await kit.start()
        code, out, _ = await kit.ctl("messages")
        assert "Bring the boxes." in out, "a restart forgets nothing"
        await kit.end()
        followed = [fact for fact in kit.facts() if isinstance(fact, CommandFollowed)]
        assert [(fact.kind, fact.number) for fact in followed] == [("message", 1), ("pacing", 1)]
        assert {fact.rung for fact in followed} <= {"fibre", "4g"}


async def test_manifest_reaches_nobody(site: Site) -> None:
    assert site.stop_centerd() == 0
    file = site.folder / "manifest.dsse.json"
    file.rename(site.folder / "manifest-1.dsse.json")
    file.write_bytes(NEW.manifest_bytes)
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text(f'earlier_manifests = ["manifest-1.dsse.json"]\n{text}', encoding="utf-8")
    site.start_centerd()
    async with real_kit(Branch(), site.port) as kit:
        await kit.until_status(lambda status: bool(status["uplinks"]["usable"]), "an uplink")
        await give(site, "manifest", file)
        await ended(kit)
        assert (kit.folder / "state" / "manifest-2.dsse.json").read_bytes() == NEW.manifest_bytes
        await kit.start()  # as its supervisor does
        status = (await kit.ask({"op": "status"}))["status"]
        assert status["manifest_sha256"] == NEW.loaded.sha256
        code, out, err = await kit.ctl("journal", "verify", "--config", str(kit.config))
        assert code == exit_codes.OK, out + err
        await kit.end()
        assert [fact.version for fact in kit.facts() if isinstance(fact, ManifestAdopted)] == [2]


async def ended(kit: RealKit) -> None:
    process: subprocess.Popen[bytes] | None = kit.process
    assert process is not None
    await kit.until(lambda: process.poll() is not None, "the end of this life")
    assert process.returncode == exit_codes.OK


async def test_courier_brings_what_the_centre_says(tmp_path: Path) -> None:
    async with real_kit(Branch()) as kit:
        status = (await kit.ask({"op": "status"}))["status"]
        now_s = int(rfc3339.to_ms(status["time"])) // 1000
        issued, expires = command.seconds_text(now_s), command.seconds_text(now_s + 3600)
        one = Command(
            "message", ELECTION, 1, "branch-1", 1, issued, expires, text="سلام\N{ZERO WIDTH NON-JOINER}تان"
        )
        note = command.make(one, ONE_TERMINAL.log)
        packed = command_packing.pack(note, ONE_TERMINAL.loaded)
        (tmp_path / "note").write_text(note, encoding="utf-8")
        (tmp_path / "packed").write_bytes(packed)
        code, out, _ = await kit.ctl("command", "bring", str(tmp_path / "packed"), "--lang", "en")
        assert (code, out.splitlines()[0]) == (exit_codes.OK, "message 1: followed")
        code, out, _ = await kit.ctl("command", "bring", str(tmp_path / "note"), "--lang", "fa")
        assert code == exit_codes.OK
        assert "پیش‌تر" in out
        code, out, _ = await kit.ctl("command", "bring", "-", "--lang", "en", stdin=b64(packed) + "\n")
        assert (code, out.splitlines()[0]) == (exit_codes.OK, "message 1: followed before")
        (tmp_path / "bad").write_bytes(packed[:-1])
        code, _, err = await kit.ctl("command", "bring", str(tmp_path / "bad"))
        assert code == exit_codes.DATA
        assert "refused" in err
        code, _, err = await kit.ctl("command", "bring", str(tmp_path / "nothing"))
        assert code == exit_codes.USAGE


async def test_courier_brings_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(NEW.manifest_bytes)
    (tmp_path / "old").write_bytes(ONE_TERMINAL.manifest_bytes)
    async with real_kit(Branch()) as kit:
        code, _, err = await kit.ctl("manifest", "bring", str(tmp_path / "old"))
        assert code == exit_codes.DATA
        assert "version 1 already" in err
        code, out, err = await kit.ctl("manifest", "bring", str(tmp_path / "new"), "--lang", "en")
        assert code == exit_codes.OK, err
        assert out.strip().endswith("version: 2")
        await ended(kit)
        (kit.folder / "state" / "manifest-2.dsse.json").unlink()
        with kit.log.open("ab") as log:
            code = subprocess.call(command_line("kitd", "--config", kit.config), stderr=log)  # noqa: ASYNC221
        assert code == exit_codes.CONFIG
        assert "copy that very manifest" in kit.log.read_text(encoding="utf-8")
        (kit.folder / "manifest.dsse.json").write_bytes(NEW.manifest_bytes)
        await kit.start()
        assert (await kit.ask({"op": "status"}))["status"]["manifest_sha256"] == NEW.loaded.sha256


async def test_manifest_is_laid_over_the_old_one() -> None:
    # As somebody does who copies files: the journal goes by the old one, which is nowhere else.
    async with real_kit(Branch()) as kit:
        await kit.end()
        (kit.folder / "manifest.dsse.json").write_bytes(NEW.manifest_bytes)
        await kit.start()
        await ended(kit)
        await kit.start()
        assert (await kit.ask({"op": "status"}))["status"]["manifest_sha256"] == NEW.loaded.sha256


async def test_manifest_is_laid_over_the_old_one_when_polls_are_open() -> None:
    branch = standing_in("open")
    async with real_kit(branch) as kit:
        await kit.end()
        (kit.folder / "manifest.dsse.json").write_bytes(NEW.manifest_bytes)
        await kit.start()
        status = (await kit.ask({"op": "status"}))["status"]
        assert status["manifest_sha256"] == branch.election.loaded.sha256
        assert "polls have begun" in str(status["centre"]["manifest"]["refusal"])
