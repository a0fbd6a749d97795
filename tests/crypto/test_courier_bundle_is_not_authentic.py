"""A courier's bundle: signed by the kit that it names, for this election, or refused."""

import msgspec
import pytest

from crypto.courier_bundle import BundledEnvelope, CourierBundle, check_bundle, is_bundle, sign_bundle
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError, StatementError
from tests.crypto.election_fixture import ELECTION, key_of, make_election

OURS = make_election(2)
BUNDLE = CourierBundle(
    election=ELECTION,
    round=1,
    branch="branch-1",
    device="device-1",
    manifest_sha256=OURS.loaded.sha256,
    released_by_order=7,
    envelopes=(BundledEnvelope(seq=1, kind="tally", terminal="terminal-1-1", close_no=1, sha256="0" * 64),),
)


def test_bundle_of_the_kit_is_refused() -> None:
    data = sign_bundle(BUNDLE, OURS.devices["device-1"])
    assert data == sign_bundle(BUNDLE, OURS.devices["device-1"]), "writing it again changes nothing"
    assert is_bundle(data)
    assert check_bundle(data, OURS.loaded) == BUNDLE


@pytest.mark.parametrize(
    ("change", "signer", "error"),
    [
        ({}, "device-2", SignatureInvalidError),
        ({"device": "device-2"}, "device-2", StatementError),
        ({"branch": "branch-9"}, "device-1", ManifestError),
        ({"election": "another"}, "device-1", StatementError),
        ({"round": 2}, "device-1", StatementError),
        ({"manifest_sha256": "1" * 64}, "device-1", StatementError),
    ],
)
def test_bundle_of_others_is_believed(
    change: dict[str, object], signer: str, error: type[EvidenceError]
) -> None:
    with pytest.raises(error):
        check_bundle(
            sign_bundle(msgspec.structs.replace(BUNDLE, **change), OURS.devices[signer]), OURS.loaded
        )


def test_bundle_of_a_stranger_is_believed() -> None:
    with pytest.raises(EvidenceError):
        check_bundle(sign_bundle(BUNDLE, key_of("a stranger")), OURS.loaded)
    with pytest.raises(EvidenceError):
        check_bundle(b"{}", OURS.loaded)
