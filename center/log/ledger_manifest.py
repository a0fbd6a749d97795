"""A ledger goes by one chain of manifests: what was sealed under another, nobody opens or audits."""

from typing import Final

import msgspec

from center.errors import ConfigError
from center.log.entries import Entry
from center.log.ledger import Ledger
from crypto.acts import check_act
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import manifest_of, named


class _Made(msgspec.Struct, frozen=True):
    """What a leaf says of where it was made, whatever else it says. An act names no device."""

    manifest_sha256: str
    branch: str | None = None
    device: str | None = None
    terminal: str | None = None


class _Signed(msgspec.Struct, frozen=True):
    """An envelope: what it carries, in base64."""

    payload: bytes


_MADE: Final = msgspec.json.Decoder(_Made)
_SIGNED: Final = msgspec.json.Decoder(_Signed)


def check_manifest(ledger: Ledger, manifest: TrustedManifest) -> None:
    """Raise ConfigError for the first leaf that would not be admitted under this manifest and those before it.

    What is in the log was receipted, and counts: a newer manifest that would silence any of it is not the one to go
    on under. Envelopes were verified when they came, and are not verified here (``center log audit`` does): a centre
    that starts again in the evening has little time.
    """
    stands: set[_Made] = set()
    for entry in ledger.entries():
        made = _made(entry)
        if made is None or made.manifest_sha256 == manifest.sha256 or made in stands:
            continue  # of what cannot be read an audit of the ledger tells
        if named(manifest, made.manifest_sha256) is None:
            raise ConfigError(
                f"the ledger holds what was sealed under manifest {made.manifest_sha256[:16]} (leaf {entry.leaf}), and "
                f"the configuration goes by {_names(manifest)}: nobody could open both. Where the newer one supersedes "
                "it, add its file to earlier_manifests; else go on under the one that the ledger began with"
            )
        try:
            if made.device is None:
                check_act(entry.data, manifest)
            else:
                _check_branch(made, made.device, manifest)
                stands.add(made)
        except EvidenceError as error:
            raise ConfigError(
                f"leaf {entry.leaf} of the ledger would no longer count: {error}. Go on under the manifests before, or "
                "have one signed that keeps what is logged; whether that counts, an adjudication says"
            ) from error


def _made(entry: Entry) -> _Made | None:
    try:
        return _MADE.decode(_SIGNED.decode(entry.data).payload)
    except msgspec.MsgspecError:
        return None


def _check_branch(made: _Made, device: str, manifest: TrustedManifest) -> None:
    manifest_of(
        manifest, made.manifest_sha256, branch=made.branch or "", device=device, terminal=made.terminal
    )


def _names(manifest: TrustedManifest) -> str:
    return ", ".join(one.sha256[:16] for one in (manifest, *manifest.earlier))
