"""The bundle that a courier carries: which envelopes the kit gave away, signed with its device key.

Each envelope is signed by itself, and is taken without a bundle too. The bundle adds what no single envelope can say:
which others were given to the courier, so that the centre names those that got lost on the way.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta

from crypto import codec, envelope
from crypto.envelope import Envelope
from crypto.errors import SignatureInvalidError, StatementError
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import device_of_key, manifest_of
from crypto.reports import check_fields
from crypto.statements import Digits, Statement
from crypto.wire import TYPE_COURIER_BUNDLE, Id, Sha256

BUNDLED_MAX: Final = 256  # envelopes of one bundle


class BundledEnvelope(Statement, frozen=True, kw_only=True):
    """One envelope that the courier got. ``sha256``: of its JSON, whichever form it travels in."""

    seq: Digits
    kind: Literal["account", "tally"]
    terminal: Id
    close_no: Digits
    sha256: Sha256


class CourierBundle(Statement, frozen=True, kw_only=True):
    """What a kit gave to a courier, under the order ``released_by_order``."""

    type: Literal["courier-bundle"] = "courier-bundle"
    election: Id
    round: Digits
    branch: Id
    device: Id
    manifest_sha256: Sha256
    released_by_order: Digits
    envelopes: Annotated[tuple[BundledEnvelope, ...], Meta(min_length=1, max_length=BUNDLED_MAX)]


def sign_bundle(bundle: CourierBundle, key: SigningKey) -> bytes:
    """The signed bundle as a DSSE envelope; the same bundle gives the same bytes."""
    return envelope.sign(TYPE_COURIER_BUNDLE, codec.to_bytes(bundle), [key]).to_bytes()


def is_bundle(data: bytes) -> bool:
    """Whether this says that it is a signed bundle. Nothing is verified."""
    return TYPE_COURIER_BUNDLE.encode() in data


def check_bundle(data: bytes, manifest: TrustedManifest) -> CourierBundle:
    """Verify a bundle by the enrolled key of the device that it names.

    Raises:
        EncodingError, StatementError: no bundle, or one of another election, round, manifest or branch.
        SignatureInvalidError: not signed by the device that it names, and by that alone.
        ManifestError: the key or branch is unknown to the manifest, or the newest withdrew it.
    """
    envelope_ = Envelope.from_bytes(data)
    device = device_of_key(manifest, envelope_.signatures[0].keyid)
    keys = {envelope_.signatures[0].keyid: codec.unb64(device.public_key)}
    envelope.verify(envelope_, payload_type=TYPE_COURIER_BUNDLE, keys=keys)
    bundle = codec.from_bytes(envelope_.payload, CourierBundle)
    if bundle.device != device.id:
        raise SignatureInvalidError(f"signed by device {device.id!r} in the name of {bundle.device!r}")
    manifest = manifest_of(manifest, bundle.manifest_sha256, branch=bundle.branch, device=bundle.device)
    expected: dict[str, str | int] = {
        "election": manifest.manifest.election,
        "round": manifest.manifest.round,
        "manifest_sha256": manifest.sha256,
    }
    check_fields(f"the bundle of branch {bundle.branch!r}", bundle, expected)
    if bundle.device not in manifest.branch(bundle.branch).all_devices:
        raise StatementError(f"device {bundle.device!r} does not belong to branch {bundle.branch!r}")
    return bundle
