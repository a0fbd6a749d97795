"""A kit in hostile hands: seals as the product does, but what and for what it likes. And the trustees who open."""

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from crypto import codec, enc_proof, envelope
from crypto.election_key_rules import board_keys
from crypto.hpke import hpke_open_with_dh, hpke_seal
from crypto.seal import OpenedTally, open_tally_with_answer
from crypto.statements import SealedHeader, SealedTally
from crypto.submissions import check_submission, header_of, seal_info
from crypto.trustees import OpeningContext, VerifiedPartial, combine, partial_opening, verify_partial
from crypto.wire import TYPE_SEALED_TALLY
from tests.attacks.stage import ELECTION, sealed_of
from tests.center.branch import Device
from tests.crypto.election_fixture import seed_of

BOARD: Final = ELECTION.manifest.election_key.board
assert BOARD is not None
KEYS: Final = board_keys(BOARD)
ORDER_SHA256: Final = "0a" * 32  # of the order under which the trustees answer


def context(data: bytes, order_sha256: str = ORDER_SHA256) -> OpeningContext:
    return OpeningContext(ELECTION.manifest.election, 1, order_sha256, codec.sha256_hex(data))


def answers(data: bytes, *trustees: int) -> list[VerifiedPartial]:
    """Verified answers of some trustees for an envelope."""
    enc, about = codec.unb64(sealed_of(data).enc), context(data)
    partials = [partial_opening(ELECTION.shares[trustee - 1], enc, about) for trustee in trustees]
    return [verify_partial(partial, enc, about, KEYS) for partial in partials]


def opened(data: bytes) -> OpenedTally:
    """What two trustees open together."""
    sealed = sealed_of(data)
    answer = combine(answers(data, 1, 2), KEYS.threshold, codec.unb64(sealed.enc))
    return open_tally_with_answer(sealed, answer, ELECTION.loaded)


def honest(device: Device) -> tuple[bytes, bytes]:
    """An honest envelope, and what is inside."""
    data = device.tally()
    sealed = sealed_of(data)
    enc = codec.unb64(sealed.enc)
    answer = combine(answers(data, 1, 2), KEYS.threshold, enc)
    public = ELECTION.loaded.election_public_key
    inside = hpke_open_with_dh(answer, enc, public, seal_info(sealed), b"", codec.unb64(sealed.ciphertext))
    return data, inside


def sealed_by(
    device: Device,
    header: SealedHeader,
    inside: bytes,
    *,
    info_of: SealedHeader | None = None,
    seal: Callable[..., tuple[bytes, bytes]] = hpke_seal,
) -> bytes:
    """Seal ``inside`` under ``header``, with a good proof and signature; the HPKE info may be another header's."""
    ephemeral = seed_of("ephemeral key of a hostile kit")
    info = seal_info(info_of or header)
    enc, ciphertext = seal(ELECTION.loaded.election_public_key, info, b"", inside, ephemeral=ephemeral)
    proof = enc_proof.prove(ephemeral, enc=enc, info=seal_info(header), ciphertext=ciphertext)
    return signed_tally(
        device,
        SealedTally(
            **{name: getattr(header, name) for name in SealedHeader.__struct_fields__},
            enc=codec.b64(enc),
            enc_proof=codec.b64(proof),
            ciphertext=codec.b64(ciphertext),
        ),
    )


def signed_tally(device: Device, sealed: SealedTally) -> bytes:
    return envelope.sign(TYPE_SEALED_TALLY, codec.to_bytes(sealed), [device.key]).to_bytes()


def changed(data: bytes, kit: Device, **fields: Any) -> bytes:
    """The sealed tally with other fields, signed by the device all the same."""
    return signed_tally(kit, structs.replace(sealed_of(data), **fields))


def header(data: bytes, **fields: Any) -> SealedHeader:
    return structs.replace(header_of(sealed_of(data)), **fields)


def check(data: bytes) -> SealedTally:
    statement = check_submission(data, ELECTION.loaded).statement
    assert isinstance(statement, SealedTally)
    return statement
