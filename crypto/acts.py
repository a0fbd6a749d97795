"""Acts of the centre, verified: two commissioners of different bodies over the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crypto import canonical, codec, envelope, rfc3339
from crypto.act_statements import Adjudication, OpeningOrder, ScheduleChange
from crypto.envelope import Envelope
from crypto.errors import SignatureInvalidError, StatementError
from crypto.identity import SigningKey, key_id
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import manifest_of_act, withdrawn_commissioner
from crypto.reports import check_fields
from crypto.statements import Official
from crypto.wire import STATEMENT_MAX, TYPE_ADJUDICATION, TYPE_OPENING_ORDER, TYPE_SCHEDULE_CHANGE

AnyAct = Adjudication | OpeningOrder | ScheduleChange

_TYPES: Final[dict[str, type[AnyAct]]] = {
    TYPE_ADJUDICATION: Adjudication,
    TYPE_OPENING_ORDER: OpeningOrder,
    TYPE_SCHEDULE_CHANGE: ScheduleChange,
}
_STATEMENTS: Final[dict[str, type[AnyAct]]] = {
    "adjudication": Adjudication,
    "opening-order": OpeningOrder,
    "schedule-change": ScheduleChange,
}
_NAMES: Final = {type_: name for name, type_ in _TYPES.items()}


@dataclass(frozen=True, slots=True)
class CheckedAct:
    """An act that holds by itself. ``data`` is the envelope verbatim, ``sha256`` its hexadecimal hash."""

    statement: AnyAct
    sha256: str
    data: bytes
    commissioners: tuple[Official, ...]


def is_act(payload_type: str) -> bool:
    """Whether a DSSE payload type is that of an act."""
    return payload_type in _TYPES


def check_act(data: bytes, manifest: TrustedManifest) -> CheckedAct:
    """Verify one act; says nothing about its number, nor about what it speaks of in the log.

    Where ``manifest`` has earlier ones, an act made under one of them holds too, if those who signed it are
    commissioners in both; not so an opening order, for its listing follows from one manifest.

    Raises:
        EncodingError, StatementError: not an act, or one of another election, round or manifest, or about a branch,
            terminal or envelope that cannot be meant.
        SignatureInvalidError: not signed by commissioners of two different bodies, or by anybody else.
        ManifestError: the branch is unknown to the manifest.
    """
    envelope_ = Envelope.from_bytes(data)
    type_ = _type_of(envelope_)
    signed = _signers(envelope_, manifest)
    if len({one.body for one in signed}) < 2:  # noqa: PLR2004 - "two of different bodies" is the rule itself
        raise SignatureInvalidError(
            f"the act is signed for {signed[0].body!r} alone: a commissioner of another body must sign it too"
        )
    statement = codec.from_bytes(envelope_.payload, type_)
    check_unsigned(statement, manifest)
    _check_signers(statement, signed, manifest)
    return CheckedAct(statement, codec.sha256_hex(data), data, signed)


def _check_signers(statement: AnyAct, signed: Sequence[Official], manifest: TrustedManifest) -> None:
    """Of an act made under an earlier manifest: whoever signs it is a commissioner there, too."""
    was = manifest_of_act(manifest, statement.manifest_sha256)
    for one in signed:
        if one not in was.commissioners.values():
            raise SignatureInvalidError(
                f"{one.id!r} is no commissioner in manifest version {was.manifest.version}, under which the "
                f"{statement.type} number {statement.number} was made: draft it anew"
            )


def to_draft(act: AnyAct) -> bytes:
    """An act that nobody signed yet, as its canonical statement: what commissioners' signatures will cover."""
    return codec.to_bytes(act)


def read_draft(data: bytes) -> AnyAct:
    """The act in a draft. Raises EncodingError, StatementError: not the draft of an act."""
    value = canonical.decode(data, max_bytes=STATEMENT_MAX)
    name = value.get("type") if isinstance(value, dict) else None
    type_ = _STATEMENTS.get(name) if isinstance(name, str) else None
    if type_ is None:
        raise StatementError(
            f"this is no draft of an act: its type is {name!r}, and not one of {sorted(_STATEMENTS)}"
        )
    return codec.from_bytes(data, type_)


def read_act(data: bytes) -> AnyAct:
    """What an act says, nothing verified: neither its signatures nor its election.

    Raises EncodingError, StatementError: not an act.
    """
    envelope_ = Envelope.from_bytes(data)
    return codec.from_bytes(envelope_.payload, _type_of(envelope_))


def signers_of(data: bytes, manifest: TrustedManifest) -> tuple[Official, ...]:
    """The commissioners who signed an act so far, in the order of their key ids; what it says is not looked at.

    Raises EncodingError, StatementError: not an act. SignatureInvalidError: anybody else signed, or one wrongly.
    """
    envelope_ = Envelope.from_bytes(data)
    _type_of(envelope_)
    return _signers(envelope_, manifest)


def sign_act(act: AnyAct, keys: Sequence[SigningKey]) -> bytes:
    """Sign an act; returns the envelope bytes that ``check_act`` reads, once all who are needed have signed."""
    return envelope.sign(_NAMES[type(act)], codec.to_bytes(act), keys).to_bytes()


def add_signature(data: bytes, key: SigningKey, manifest: TrustedManifest) -> bytes:
    """Add a commissioner's signature to an act that another one signed; returns the new envelope.

    Raises EncodingError, StatementError: not an act, or not of this election. SignatureInvalidError: not the key of a
    commissioner, or one that signed it already; or a signature in it is wrong or of somebody else.
    """
    envelope_ = Envelope.from_bytes(data)
    type_ = _type_of(envelope_)
    _signers(envelope_, manifest)
    if key_id(key.public) not in manifest.commissioners:
        raise SignatureInvalidError("this is not the key of a commissioner: take the right key file")
    check_unsigned(codec.from_bytes(envelope_.payload, type_), manifest)
    mine = envelope.sign(envelope_.payload_type, envelope_.payload, [key])
    if any(one.keyid == key.key_id for one in envelope_.signatures):
        raise SignatureInvalidError("this commissioner signed the act already: a second one has to")
    return envelope.merge(envelope_, mine).to_bytes()


def _signers(envelope_: Envelope, manifest: TrustedManifest) -> tuple[Official, ...]:
    commissioners = manifest.commissioners
    withdrawn = withdrawn_commissioner(manifest, [one.keyid for one in envelope_.signatures])
    if withdrawn is not None:
        raise SignatureInvalidError(withdrawn)
    keys = {keyid: codec.unb64(one.public_key) for keyid, one in commissioners.items()}
    signers = envelope.verify(envelope_, payload_type=envelope_.payload_type, keys=keys)
    return tuple(commissioners[signer] for signer in signers)


def _type_of(envelope_: Envelope) -> type[AnyAct]:
    type_ = _TYPES.get(envelope_.payload_type)
    if type_ is None:
        raise StatementError(f"{envelope_.payload_type!r} is no act of the centre: one of {sorted(_TYPES)}")
    return type_


def check_unsigned(statement: AnyAct, manifest: TrustedManifest) -> None:
    """Raise StatementError or ManifestError for what no commissioner should put a signature to."""
    was = manifest_of_act(manifest, statement.manifest_sha256)
    if was is not manifest and isinstance(statement, OpeningOrder):
        raise StatementError(
            f"the opening order number {statement.number} was made under manifest version {was.manifest.version}, and "
            f"{manifest.manifest.version} is the newest: draft it anew"
        )
    expected: dict[str, str | int] = {
        "election": was.manifest.election,
        "round": was.manifest.round,
        "manifest_sha256": was.sha256,
    }
    check_fields(f"the {statement.type} number {statement.number}", statement, expected)
    if (statement.number == 1) != (statement.prev is None):
        raise StatementError(
            f"the {statement.type} number {statement.number} must name the one before it, and number 1 none"
        )
    for one in {was.sha256: was, manifest.sha256: manifest}.values():
        _check_places(statement, one)
    if isinstance(statement, ScheduleChange):
        for name in statement.schedule.__struct_fields__:
            rfc3339.to_ms(
                getattr(statement.schedule, name)
            )  # what is no moment would stop all who wait for it
    names_one = isinstance(statement, Adjudication) and statement.envelope_sha256 is not None
    if isinstance(statement, Adjudication) and (statement.decision == "count") != names_one:
        raise StatementError("an adjudication names the envelope that counts, and none where nothing does")


def _check_places(statement: AnyAct, manifest: TrustedManifest) -> None:
    """Raise StatementError or ManifestError for a branch or terminal that the manifest does not have."""
    if isinstance(statement, ScheduleChange) and statement.branch is not None:
        manifest.branch(statement.branch)
    if isinstance(statement, Adjudication):
        branch = manifest.branch(statement.branch)
        if statement.terminal not in branch.all_terminals:
            raise StatementError(f"terminal {statement.terminal!r} does not belong to branch {branch.id!r}")
