"""What anybody can do with receipts, without a kit and without a network: check them, compare them, join parts."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from crypto import acknowledgement, comparison, notes, receipt
from crypto.codec import sha256_hex
from crypto.comparison import Comparison
from crypto.consistency import CONSISTENCY_MAX
from crypto.errors import EncodingError
from crypto.manifest import TrustedManifest
from crypto.notes import CosignatureVerifier, NoteVerifier
from crypto.wire import ENVELOPE_MAX, RECEIPT_MAX
from kit import exit_codes
from kit.cli import journal_sources as sources
from kit.cli import receipt_codes as codes
from kit.cli.new_file import write_new
from kit.cli.receipt_words import ReceiptWords
from kit.cli.trust import trusted_manifest

COMPARED_MAX: Final = max(CONSISTENCY_MAX, ENVELOPE_MAX)  # bytes of one file to compare


def check(given: argparse.Namespace) -> int:
    """``kitctl receipt check``: one receipt against its envelope and the manifest."""
    say, manifest = ReceiptWords(given.lang), trusted_manifest(given)
    envelope = sources.limited(given.envelope, ENVELOPE_MAX)
    shown = _verified(_receipt_in(given.file, manifest.log_verifier), envelope, manifest)
    if given.json:
        print(json.dumps(shown))
    else:
        print(say(str(shown["grade"])))
        print(say("delivered" if shown["delivered"] else "waiting"))
        for key in ("envelope", "log", "leaf", "size", "root", "witnesses"):
            if shown[key] not in (None, []):
                value = ", ".join(shown[key]) if isinstance(shown[key], list) else shown[key]
                print(f"{say(key)} {value}")
    return exit_codes.OK if shown["delivered"] else exit_codes.WARNING


def _verified(text: str, envelope: bytes, manifest: TrustedManifest) -> dict[str, Any]:
    """What a receipt shows about an envelope, as plain JSON; raises ProofError."""
    log, policy = manifest.log_verifier, manifest.manifest.witness_policy
    shown: dict[str, Any] = {"envelope": sha256_hex(envelope), "log": log.name}
    if acknowledgement.is_acknowledgement(text):
        acknowledgement.verify(text, envelope, log=log)
        nothing = dict.fromkeys(("leaf", "size", "root"))
        return {"grade": "acknowledged", "delivered": False, **shown, **nothing, "witnesses": []}
    checked = receipt.verify(text, envelope, log=log, policy=policy)
    verifiers = [log, *map(CosignatureVerifier, policy.witnesses)]
    signed_by = notes.open_note(receipt.parse_unverified(text).note, verifiers).signed_by
    return {
        "grade": checked.grade,
        "delivered": receipt.delivered(checked, policy),
        **shown,
        "leaf": checked.index,
        "size": checked.size,
        "root": checked.root.hex(),
        "witnesses": [verifier.name for verifier in signed_by if verifier is not log],
    }


def _receipt_in(path: Path, log: NoteVerifier) -> str:
    """The receipt in a file, whichever form it has."""
    data = sources.limited(path, RECEIPT_MAX)
    if codes.is_part(data):
        raise EncodingError(f"{path}: one part of several; put them together first: kitctl receipt join")
    if data[:1] == bytes([acknowledgement.PACKED_VERSION]):
        return acknowledgement.unpack(data, log=log)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingError(f"{path}: no receipt: {error}") from error
    # Readers of codes end what they print with a newline of their own.
    return text.removesuffix("\n") if text.endswith("\n\n") else text


def compare(given: argparse.Namespace) -> int:
    """``kitctl receipt compare``: what several files say of one log."""
    say = ReceiptWords(given.lang)
    log = NoteVerifier(given.log) if given.log is not None else trusted_manifest(given).log_verifier
    files = [(str(path), sources.limited(path, COMPARED_MAX)) for path in given.files]
    found = comparison.compare(files, log)
    if given.json:
        print(json.dumps(found.plain()))
    else:
        print("\n".join(_lines(found, files, say)))
    outcomes = {"fork": exit_codes.CRITICAL, "undetermined": exit_codes.WARNING, "consistent": exit_codes.OK}
    return outcomes[found.verdict]


def _lines(found: Comparison, files: Sequence[tuple[str, bytes]], say: ReceiptWords) -> list[str]:
    lines = [say(found.verdict)]
    lines += [
        say("fork between", low=fork.low, last=fork.high - 1, one=fork.files[0], other=fork.files[1])
        for fork in found.forks
    ]
    lines += [say("gap", old=gap.old, new=gap.new) for gap in found.gaps]
    lines += [say("silent", name=name) for name in found.silent]
    lines += [say("unproven", name=name) for name in found.unproven]
    sizes = ", ".join(str(head.size) for head in found.heads)
    lines.append(say("heads", sizes=sizes) if found.heads else say("no heads"))
    if found.verdict == "undetermined" and not any(data.startswith(b"{") for _, data in files):
        lines.append(say("no envelopes"))
    return lines


def join(given: argparse.Namespace) -> int:
    """``kitctl receipt join``: put together what came off several codes."""
    # A part ends with a newline of the receipt's, and readers of codes add one of their own.
    parts = [sources.limited(path, RECEIPT_MAX) for path in given.files]
    try:
        whole = codes.joined(parts)
    except EncodingError:
        whole = codes.joined([part.removesuffix(b"\n") for part in parts])
    write_new(given.out, whole)
    return exit_codes.OK
