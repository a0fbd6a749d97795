"""What a leaf of the log can be, and how either kind is verified: an envelope of a branch, or an act of the centre."""

from crypto.acts import CheckedAct, check_act, is_act
from crypto.envelope import Envelope
from crypto.manifest import TrustedManifest
from crypto.submissions import CheckedSubmission, check_submission

CheckedLeaf = CheckedSubmission | CheckedAct


def holds_act(data: bytes) -> bool:
    """Whether a leaf says that it is an act; nothing is verified. Raises EncodingError, StatementError: no envelope."""
    return is_act(Envelope.from_bytes(data).payload_type)


def check_leaf(data: bytes, manifest: TrustedManifest) -> CheckedLeaf:
    """Verify a leaf by itself.

    Raises EvidenceError, as crypto.submissions.check_submission and crypto.acts.check_act do.
    """
    return check_act(data, manifest) if holds_act(data) else check_submission(data, manifest)
