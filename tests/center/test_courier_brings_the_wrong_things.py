"""``center import``: what couriers bring by mistake, in part, twice, or in bad faith; each is told what it is."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from center.cli import photographs
from center.intake.spool import DONE, SPOOL_DIR
from crypto.carrier import to_compact
from crypto.carrier_code import write
from crypto.codec import sha256_hex
from crypto.courier_bundle import BundledEnvelope, CourierBundle, sign_bundle
from tests.center.branch import Device
from tests.center.command import Ran, center
from tests.center.site import Site
from tests.crypto.election_fixture import ELECTION, make_election

OURS: Final = make_election(2)
CHARS: Final = 200  # of one code, so that there are several


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose centerd ran once, and does not now."""
    site = Site(tmp_path, OURS)
    site.state_dir.mkdir(mode=0o700)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def bring(site: Site, *arguments: object) -> Ran:
    return center("import", *arguments, "--config", site.config)


def waiting(site: Site) -> list[str]:
    names = (path.name for path in (site.state_dir / SPOOL_DIR).iterdir() if path.is_file())
    return sorted(name for name in names if not name.startswith("."))


def put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def bundle_of(device: Device, *envelopes: bytes) -> bytes:
    bundle = CourierBundle(
        election=ELECTION,
        round=1,
        branch=device.branch,
        device=device.id,
        manifest_sha256=OURS.loaded.sha256,
        released_by_order=5,
        envelopes=tuple(
            BundledEnvelope(
                seq=seq, kind="tally", terminal="terminal-1-1", close_no=1, sha256=sha256_hex(data)
            )
            for seq, data in enumerate(envelopes, 1)
        ),
    )
    return sign_bundle(bundle, device.key)


def device() -> Device:
    return Device(OURS, "branch-1")


def test_same_envelope_in_three_forms_is_three(site: Site, stick: Path) -> None:
    kit = device()
    data = kit.tally()
    put(stick, "a.dsse.json", data)
    put(stick, "b.compact", to_compact(data, OURS.loaded))
    put(stick, "codes.txt", "\n".join(write(to_compact(data, OURS.loaded), CHARS)))
    put(stick, "json-codes.txt", "\n".join(write(data)))
    put(stick, "x-bundle.json", bundle_of(kit, data))
    ran = bring(site, stick, stick / "a.dsse.json")
    assert (ran.code, ran.out.count("queued: centerd is not running")) == (75, 1), ran.err
    assert "a.dsse.json" in ran.out
    assert len(waiting(site)) == 1


def test_missing_parts_are_not_named(site: Site, stick: Path) -> None:
    texts = write(to_compact(device().tally(), OURS.loaded), CHARS)
    first = put(stick, "photo-1.txt", texts[0])
    rest = put(stick, "photo-2.txt", "\n".join(texts[2:-1]))
    ran = bring(site, rest, first)
    assert ran.code == 65
    assert f"of {len(texts)} parts these are missing: 2, {len(texts)} " in ran.err
    assert waiting(site) == []
    put(stick, "photo-3.txt", "\n".join([texts[-1], texts[1]]))
    assert bring(site, stick).code == 75
    assert len(waiting(site)) == 1


def test_parts_that_came_before_are_forgotten(site: Site, stick: Path) -> None:
    texts = write(to_compact(device().tally(), OURS.loaded), CHARS)
    for number, text in enumerate(texts[:-1]):
        ran = bring(site, put(stick, f"photo-{number}.txt", text))
        assert (ran.code, f" {len(texts)} " in ran.err) == (65, True)
    other = bring(site, put(stick, "other.dsse.json", Device(OURS, "branch-2").tally()))
    assert (other.code, "of 1 envelopes of earlier imports" in other.out) == (75, True)
    ran = bring(site, put(stick, "last.txt", texts[-1]))
    assert (ran.code, "last.txt, an earlier import): queued" in ran.out) == (75, True), ran.err
    assert len(waiting(site)) == 2
    assert (site.state_dir / SPOOL_DIR / ".parts").read_bytes() == b""


def test_forged_part_that_was_kept_stands_in_the_way(site: Site, stick: Path) -> None:
    texts = write(to_compact(device().tally(), OURS.loaded), CHARS)
    forged = texts[0][:-3] + ("000" if texts[0][-3:] != "000" else "100")
    assert bring(site, put(stick, "forged.txt", forged)).code == 65
    ran = bring(site, put(stick, "rest.txt", "\n".join(texts[1:])))
    assert (ran.code, "these are missing: 1 " in ran.err) == (65, True)
    ran = bring(site, put(stick, "first.txt", texts[0]))
    assert (ran.code, ran.out.count("queued")) == (75, 1), ran.err


def test_file_of_parts_is_junk(site: Site, stick: Path) -> None:
    bring(site, put(stick, "notes.txt", "milk"))
    put(site.state_dir / SPOOL_DIR, ".parts", b"\xff\n\nBKE1:01/02:xyz\n")
    assert bring(site, put(stick, "good.dsse.json", device().tally())).code == 75


def test_parts_of_two_envelopes_make_a_third(site: Site, stick: Path) -> None:
    one, other = device().tally(), Device(OURS, "branch-2").tally()
    ones, others = (write(to_compact(data, OURS.loaded), CHARS) for data in (one, other))
    mixed = put(stick, "mixed.txt", "\n".join([*ones[1:], *others[:-1]]))
    ran = bring(site, mixed)
    assert (ran.code, ran.err.count("these are missing")) == (65, 2)
    put(stick, "late.txt", "\n".join([ones[0], others[-1]]))
    ran = bring(site, stick)
    assert (ran.code, ran.out.count("queued")) == (75, 2)


def test_bundle_lists_what_got_lost_on_the_way(site: Site, stick: Path) -> None:
    kit = device()
    account, tally = kit.account(), kit.tally()
    put(stick, "1.dsse.json", account)
    put(stick, "x-bundle.json", bundle_of(kit, account, tally))
    ran = bring(site, stick)
    assert (ran.code, "envelope 2 of device-1: the bundle lists it" in ran.err) == (65, True)
    assert len(waiting(site)) == 1, "what is there is taken all the same"


def test_bundle_is_of_another_election(site: Site, stick: Path) -> None:
    kit = device()
    foreign = msgspec.json.decode(bundle_of(kit, kit.tally()))
    foreign["signatures"][0]["sig"] = "A" * 86 + "=="
    put(stick, "x-bundle.json", json.dumps(foreign, separators=(",", ":"), sort_keys=True))
    ran = bring(site, stick)
    assert (ran.code, "x-bundle.json: " in ran.err) == (65, True)


def test_useless_things_stop_the_good_ones(site: Site, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = device().tally()
    put(stick, "good.dsse.json", good)
    put(stick, "cut.dsse.json", good[:-9])
    put(stick, "cut.compact", to_compact(good, OURS.loaded)[:-9])
    put(stick, "empty.compact", b"")
    put(stick, "wrong.txt", "BKE1:01/02:0123456789ABCDEF:ZZZ")
    put(stick, "photo.heic", b"\0\0\0\x18ftypheic")
    put(stick, "code.svg", b"<?xml version='1.0'?><svg>")
    put(stick, "photo.png", b"\x89PNG\r\n\x1a\nnot really")
    put(stick, "notes.txt", "milk, bread")
    put(stick, "x.tlog-proof", "c2sp.org/tlog-proof@v1\n")
    put(stick, "index.json", '{"type":"media-index"}')
    put(stick, ".x.dsse.json.part", good[:100])
    (stick / "link.dsse.json").symlink_to(stick / "good.dsse.json")
    os.mkfifo(stick / "pipe")
    monkeypatch.setattr(photographs.CodeReader, "__init__", lambda self: setattr(self, "_readers", [set]))
    ran = bring(site, stick, stick / "none", "--json")
    told: list[dict[str, Any]] = [json.loads(line) for line in ran.out.splitlines()]
    by_name = {Path(one["words"].partition(": ")[0]).name: one["state"] for one in told}
    assert ran.code == 65
    assert [one["state"] for one in told].count("queued") == 1
    refused = {name for name, state in by_name.items() if state == "refused"}
    assert refused == {
        *(
            "cut.dsse.json",
            "cut.compact",
            "empty.compact",
            "wrong.txt",
            "photo.heic",
            "code.svg",
            "photo.png",
        ),
        *("link.dsse.json", "pipe", "none"),
    }
    ignored = {name for name, state in by_name.items() if state == "left-alone"}
    assert ignored == {"notes.txt", "x.tlog-proof", "index.json"}
    assert len(waiting(site)) == 1


def test_nothing_useful_is_all_well(site: Site, stick: Path) -> None:
    put(stick, "notes.txt", "milk, bread")
    ran = bring(site, stick)
    assert (ran.code, "nothing here is an envelope" in ran.err) == (65, True)


def test_photograph_needs_a_reader_that_is_not_there(
    site: Site, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stick, "photo.png", b"\x89PNG\r\n\x1a\n")
    monkeypatch.setattr(photographs, "_zbarimg", lambda: None)
    monkeypatch.setattr(photographs, "_zxing", lambda: None)
    ran = bring(site, stick)
    assert (ran.code, "no reader of QR codes is installed" in ran.err) == (69, True)


def test_file_name_of_a_stranger_moves_the_cursor(site: Site, stick: Path) -> None:
    put(stick, "\x1b[2Jx.dsse.json", b"{}")
    ran = bring(site, stick)
    assert (ran.code, "\x1b" in ran.err + ran.out) == (65, False)


def test_envelope_is_counted_twice(site: Site, stick: Path) -> None:
    kit = device()
    account, tally = kit.account(), kit.tally()
    put(stick, "codes.txt", "\n".join(write(to_compact(tally, OURS.loaded))))
    put(stick, "account.dsse.json", account)
    assert bring(site, stick).code == 75
    site.start_centerd()
    ran = bring(site, stick, "--receipts", stick)
    assert (ran.code, ran.out.count("leaf 0"), ran.out.count("leaf 1")) == (0, 1, 1), ran.err
    again = bring(site, stick)
    assert (again.code, again.out.count("held already")) == (0, 2)
    status = center("status", "--state-dir", site.state_dir, "--json")
    assert json.loads(status.out)["received"] == 2, status.out
    assert (stick / f"{sha256_hex(tally)}.tlog-proof").is_file()
    put(stick, "x-bundle.json", bundle_of(kit, account, tally))
    (stick / "codes.txt").unlink()
    last = bring(site, stick)
    assert (last.code, last.err) == (0, ""), "what the bundle lists is in the log"
    assert waiting(site) == []
    assert list((site.state_dir / SPOOL_DIR / DONE).iterdir())
