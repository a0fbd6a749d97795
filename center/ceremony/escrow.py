"""Plan B of the ceremony: one machine makes the election key and writes SLIP-39 shares of it."""

from typing import Annotated, Literal

from msgspec import Meta

from center.ceremony import papers
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.plan import Member, Plan
from center.opening import slip39
from crypto import codec, hpke
from crypto.errors import EncodingError, SealError
from crypto.statements import Digits, ElectionKey, Escrow, Statement
from crypto.wire import B64, Id


class EscrowRecord(Statement, frozen=True, kw_only=True):
    """What everybody may know of an escrow. Share ``i`` is with ``holders[i - 1]``."""

    type: Literal["escrow"] = "escrow"
    election: Id
    round: Digits
    kid: Id
    public_key: B64
    threshold: Annotated[int, Meta(ge=2, le=16)]
    holders: Annotated[tuple[Member, ...], Meta(min_length=3, max_length=16)]


def make(plan: Plan, private_key: bytes) -> tuple[EscrowRecord, dict[str, str]]:
    """Return the record, and for each holder the text of the share file. ``private_key``: 32 fresh random bytes.

    Raises CeremonyRefusedError when the plan asks for trustees.
    """
    if plan.opening != "slip39":
        raise CeremonyRefusedError(
            "the plan says opening = 'trustees': the key comes from kit-ceremony dkg; an escrow is never its fallback"
        )
    holders, threshold = plan.trustees.members, plan.trustees.threshold
    record = EscrowRecord(
        election=plan.election,
        round=plan.round,
        kid=plan.kid,
        public_key=codec.b64(hpke.x25519_public(private_key)),
        threshold=threshold,
        holders=holders,
    )
    shares = slip39.split(private_key, threshold, len(holders))
    slip39.restore(shares[-threshold:], hpke.x25519_public(private_key))
    texts = {
        one.id: _text(record, number, words)
        for number, (one, words) in enumerate(zip(holders, shares, strict=True), 1)
    }
    return record, texts


def election_key(plan: Plan, record: EscrowRecord) -> ElectionKey:
    """Return what the manifest says of the key; raises CeremonyRefusedError when record and plan differ."""
    if (record.election, record.round, record.kid) != (plan.election, plan.round, plan.kid) or (
        record.threshold,
        record.holders,
    ) != (plan.trustees.threshold, plan.trustees.members):
        raise CeremonyRefusedError(
            "the escrow is not the one of this plan: other election, round, key or holders"
        )
    try:
        hpke.check_x25519_public(codec.unb64(record.public_key))
    except (EncodingError, SealError) as error:
        raise CeremonyRefusedError(f"the escrow's public key: {error}") from error
    escrow = Escrow(threshold=record.threshold, shares=len(record.holders))
    return ElectionKey(kid=record.kid, public_key=record.public_key, opening="slip39", escrow=escrow)


def _text(record: EscrowRecord, number: int, words: str) -> str:
    holder = record.holders[number - 1]
    public = papers.fingerprint(codec.unb64(record.public_key))
    return (
        f"# SLIP-39 share {number} of {len(record.holders)} of the election key; {record.threshold} restore it.\n"
        f"# election {record.election}, round {record.round}, key {record.kid}, fingerprint {public}\n"
        f"# holder: {holder.id} ({holder.body})\n"
        "# No passphrase protects these words. Keep them in a sealed envelope, apart from the other shares.\n"
        f"{words}\n"
    )
