"""Manifests that do not follow one another: no centre may go by them together."""

from collections.abc import Callable

import pytest
from msgspec import structs, to_builtins

from crypto import canonical
from crypto.codec import from_bytes, to_bytes
from crypto.errors import ManifestError, StatementError
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import EARLIER_MAX, linked
from crypto.notes import NoteSigner
from crypto.statements import LogIdentity, Manifest
from crypto.wire import MANIFEST_MAX
from tests.center.manifests import moved_to_another_port, newer, signed
from tests.crypto.election_fixture import key_of, make_election

FIRST = make_election(1, opening="trustees")
SECOND = newer(FIRST, moved_to_another_port)
THIRD = newer(SECOND, moved_to_another_port)


def alone(election: object) -> TrustedManifest:
    loaded: TrustedManifest = getattr(election, "loaded")  # noqa: B009 - of an Election, or what stands in for one
    return TrustedManifest(loaded.manifest, loaded.sha256)


def test_a_chain_does_not_depend_on_the_order_in_which_its_files_are_named() -> None:
    for earlier in ((FIRST, SECOND), (SECOND, FIRST)):
        chain = linked(alone(THIRD), [alone(one) for one in earlier])
        assert [one.manifest.version for one in (chain, *chain.earlier)] == [3, 2, 1]


def test_a_first_manifest_is_written_as_before_and_says_nothing_of_another() -> None:
    payload = to_bytes(FIRST.manifest)
    assert b"supersedes" not in payload
    assert from_bytes(payload, Manifest, max_bytes=MANIFEST_MAX) == FIRST.manifest
    with pytest.raises(StatementError, match="supersedes"):
        from_bytes(
            canonical.encode(to_builtins(FIRST.manifest) | {"supersedes": None}),
            Manifest,
            max_bytes=MANIFEST_MAX,
        )


def test_a_link_is_missing() -> None:
    with pytest.raises(
        ManifestError, match=r"version 3 .* does not supersede version 1 .* give every manifest"
    ):
        linked(alone(THIRD), [alone(FIRST)])


def test_the_oldest_manifests_are_left_out() -> None:
    for newest, earlier in ((THIRD, [alone(SECOND)]), (SECOND, [])):
        with pytest.raises(ManifestError, match="which is missing: give every manifest"):
            linked(alone(newest), earlier)


def test_nobody_signed_that_one_follows_the_other() -> None:
    stranger = signed(FIRST, structs.replace(FIRST.manifest, version=2))
    with pytest.raises(ManifestError, match="it names none"):
        linked(stranger.loaded, [alone(FIRST)])


def test_one_manifest_is_given_twice() -> None:
    with pytest.raises(ManifestError, match="not newer"):
        linked(alone(FIRST), [alone(FIRST)])
    with pytest.raises(ManifestError, match="not newer"):
        linked(alone(SECOND), [alone(FIRST), alone(FIRST)])


def test_a_carrier_could_not_tell_two_manifests_apart() -> None:
    first = TrustedManifest(FIRST.manifest, "abababab" + "0" * 56)
    manifest = structs.replace(SECOND.manifest, supersedes=first.sha256)
    with pytest.raises(ManifestError, match="begin alike: give the newest another issued_at"):
        linked(TrustedManifest(manifest, "abababab" + "1" * 56), [first])
    assert linked(TrustedManifest(manifest, "abababac" + "1" * 56), [first]).earlier == (first,)


def test_a_chain_is_too_long() -> None:
    with pytest.raises(ManifestError, match="at most 15"):
        linked(alone(SECOND), [alone(FIRST)] * (EARLIER_MAX + 1))


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("election", lambda it: structs.replace(it, election="councils-8")),
        ("round", lambda it: structs.replace(it, round=2)),
        (
            "log",
            lambda it: structs.replace(it, log=LogIdentity(vkey=NoteSigner("log.other", key_of("x")).vkey)),
        ),
        (
            "witness policy",
            lambda it: structs.replace(it, witness_policy=structs.replace(it.witness_policy, m=2)),
        ),
        (
            "election key",
            lambda it: structs.replace(it, election_key=structs.replace(it.election_key, kid="k2")),
        ),
    ],
)
def test_receipts_and_tallies_of_one_would_not_hold_under_the_other(
    what: str, change: Callable[[Manifest], Manifest]
) -> None:
    with pytest.raises(ManifestError, match=f"another {what} than version 1"):
        newer(FIRST, change)


def test_an_older_manifest_cannot_be_the_newest() -> None:
    back = signed(SECOND, structs.replace(FIRST.manifest, supersedes=SECOND.loaded.sha256))
    with pytest.raises(ManifestError, match=r"version 1 .* is not newer than version 2"):
        linked(back.loaded, [alone(SECOND)])
