"""The sealer: holds the device key, draws entropy, makes envelopes. Nobody else sees the key."""

from collections.abc import Callable

from crypto import submissions
from crypto.codec import b64
from crypto.courier_bundle import CourierBundle, sign_bundle
from crypto.envelope import Envelope
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest
from crypto.seal import seal_tally
from crypto.statements import AccountSubmission, JournalCheckpoint, Submission
from kit.effects import SealTally, SignAccount
from kit.events import EnvelopeReady
from kit.ports import Entropy


class LocalSealer:
    """Signs and seals with a key in this process. ``device``: a standby's id; None: the device of the branch."""

    def __init__(
        self,
        key: SigningKey,
        entropy: Entropy,
        manifest: TrustedManifest,
        branch: str,
        checkpoint: Callable[[], JournalCheckpoint],
        *,
        device: str | None = None,
    ) -> None:
        self._key, self._entropy, self._manifest = key, entropy, manifest
        self._branch, self._checkpoint = manifest.branch(branch), checkpoint
        self._device = device or self._branch.device

    def make(self, order: SignAccount | SealTally) -> EnvelopeReady:
        """The envelope for one account or tally."""
        if isinstance(order, SignAccount):
            data = self._account(order)
            return EnvelopeReady("account", order.terminal, order.close_no, order.seq, data)
        return EnvelopeReady("tally", order.terminal, order.close_no, order.seq, self._tally(order))

    def bundle(self, bundle: CourierBundle) -> bytes:
        """Sign what a courier gets."""
        return sign_bundle(bundle, self._key)

    def _outer(self, order: SignAccount | SealTally) -> Submission:
        manifest = self._manifest.manifest
        return Submission(
            election=manifest.election,
            round=manifest.round,
            branch=self._branch.id,
            device=self._device,
            terminal=order.terminal,
            close_no=order.close_no,
            seq=order.seq,
            prev=order.prev,
            manifest_sha256=self._manifest.sha256,
            journal=self._checkpoint(),
            supersedes=None,  # a kit knows its own envelopes alone, and seals each unit once
            cause=order.cause,
        )

    def _account(self, order: SignAccount) -> bytes:
        outer = self._outer(order)
        submission = AccountSubmission(
            **{name: getattr(outer, name) for name in Submission.__struct_fields__},
            account=b64(order.account),
            voters_signed_in=order.voters_signed_in,
            findings=order.findings,
        )
        return submissions.sign_account(submission, self._key)

    def _tally(self, order: SealTally) -> bytes:
        return seal_tally(
            self._outer(order),
            tally_envelope=Envelope.from_bytes(order.tally),
            blind=self._entropy(32),
            device_key=self._key,
            manifest=self._manifest,
            ephemeral=self._entropy(32),
        )
