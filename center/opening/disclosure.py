"""Opened tallies without the key: what an opening discloses is enough to check the counts that it publishes.

The header of a sealed tally, signed and logged before the opening, commits to the terminal's tally by hash
(``inner_sha256`` over blind, device, hash of the tally, terminal's signature). Whoever knows blind and signatures
renders the tally from the published counts and checks all of it. Not shown by this: what the ciphertext decrypts to.
"""

from center.opening.types import Disclosure, OpenedUnit
from crypto import codec, envelope, identity
from crypto.envelope import Envelope, Signature
from crypto.errors import SealError
from crypto.identity import key_id
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import manifest_of_submission
from crypto.reports import check_report
from crypto.seal import OpenedTally
from crypto.statements import SealedTally, Tally, TallyCommitment
from crypto.wire import TYPE_TALLY, TYPE_TALLY_COMMITMENT


def disclose(sha256: str, opened: OpenedTally) -> Disclosure:
    """What to publish of an opened envelope (``sha256``) beside its counts."""
    return Disclosure(
        envelope_sha256=sha256,
        blind=opened.commitment.blind,
        terminal_signature=opened.commitment.terminal_signature,
        device_signature=codec.b64(opened.device_signature),
    )


def reopen(
    sealed: SealedTally, unit: OpenedUnit, disclosure: Disclosure, manifest: TrustedManifest
) -> OpenedTally:
    """Check the published counts of ``unit`` against the sealed tally that they are said to come from.

    Raises EvidenceError: the terminal did not sign them, or the device did not commit to them.
    """
    if unit.public_counter is None:
        raise SealError("the unit shows no counts")
    manifest = manifest_of_submission(manifest, sealed)
    tally = Tally(
        election=sealed.election,
        round=sealed.round,
        branch=sealed.branch,
        terminal=sealed.terminal,
        manifest_sha256=sealed.manifest_sha256,
        definition_sha256=manifest.definition_sha256(sealed.branch),
        close_no=sealed.close_no,
        contests=unit.contests,
        public_counter=unit.public_counter,
    )
    terminal = key_id(manifest.terminal_key(sealed.terminal))
    signature = Signature(terminal, codec.unb64(disclosure.terminal_signature))
    tally_envelope = Envelope(TYPE_TALLY, codec.to_bytes(tally), (signature,))
    tally_bytes = tally_envelope.to_bytes()
    check_report(tally_bytes, manifest, branch=sealed.branch, terminal=sealed.terminal, kind="tally")
    commitment = TallyCommitment(
        blind=disclosure.blind,
        device=sealed.device,
        tally_sha256=codec.sha256_hex(tally_envelope.payload),
        terminal_signature=disclosure.terminal_signature,
    )
    commitment_bytes = codec.to_bytes(commitment)
    if codec.sha256_hex(commitment_bytes) != sealed.inner_sha256:
        raise SealError("the device committed to something else than these counts (inner_sha256 differs)")
    device_signature = codec.unb64(disclosure.device_signature)
    message = envelope.pae(TYPE_TALLY_COMMITMENT, commitment_bytes)
    identity.verify(manifest.device_key(sealed.device), message, device_signature)
    return OpenedTally(tally, tally_envelope, commitment, device_signature)
