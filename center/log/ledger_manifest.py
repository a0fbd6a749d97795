"""A ledger goes by one manifest: what was sealed under one, nobody opens or audits under another."""

from center.errors import ConfigError
from center.log.ledger import Ledger
from crypto import canonical
from crypto.envelope import Envelope
from crypto.errors import EvidenceError


def check_manifest(ledger: Ledger, manifest_sha256: str) -> None:
    """Raise ConfigError where the ledger's first leaf was made under another manifest.

    All others are like it, for nothing else was admitted beside it.
    """
    first = next(ledger.entries(1), None)
    if first is None:
        return
    try:
        envelope = Envelope.from_bytes(first.data)
        payload = canonical.decode(envelope.payload, max_bytes=len(envelope.payload))
    except EvidenceError:
        return  # an audit of the ledger says so
    theirs = payload.get("manifest_sha256") if isinstance(payload, dict) else None
    if theirs not in (None, manifest_sha256):
        raise ConfigError(
            f"the ledger holds what was sealed under manifest {str(theirs)[:16]}, and the configuration names "
            f"{manifest_sha256[:16]}: nobody could open both. Go on under the one that the ledger began with"
        )
