"""Every value of the published COCKTAIL-DKG vectors, computed again byte for byte."""

from hashlib import sha512
from typing import Any

import pytest

from crypto import cocktail, schnorr
from crypto.cocktail_wire import (
    SUITE,
    Contribution,
    Setup,
    Transcript,
    join_ciphertexts,
    parse_message1,
    parse_transcript,
    session_setup,
)
from crypto.edwards import scalar_from_wide
from tests.crypto.vector_files import committed, needs_shared, shared

NAME = "cocktail-dkg-ed25519-sha512.json"
PREFIXES = {
    "nonce_input": b"COCKTAIL-DKG-Ed25519-SHA512-NONCE",
    "challenge_input": b"COCKTAIL-DKG-Ed25519-SHA512-H7",
}


def raw(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def derived(seed: bytes, vector: dict[str, Any], label: str, counter: bytes = b"") -> bytes:
    numbers = vector["t"].to_bytes(4, "little") + vector["n"].to_bytes(4, "little")
    return sha512(seed + SUITE + numbers + label.encode() + counter).digest()


def run(vector: dict[str, Any], seed: bytes) -> tuple[Setup, list[bytes], list[bytes]]:
    """Setup, static secrets, and everybody's message 1, all from the seed."""
    participants = range(1, vector["n"] + 1)
    secrets = [scalar_from_wide(derived(seed, vector, f"static_secret_key_{i}")) for i in participants]
    statics = [cocktail.static_public(secret) for secret in secrets]
    setup = session_setup(bytes.fromhex(vector["session_tag"]), vector["t"], statics)
    payloads = [derived(seed, vector, f"payload_{i}") if "payloads" in vector else b"" for i in participants]
    messages = []
    for i, secret in zip(participants, secrets, strict=True):
        counters = [counter.to_bytes(8, "little") for counter in range(vector["t"] + 1)]
        entropy = b"".join(derived(seed, vector, f"round1_participant_{i}", counter) for counter in counters)
        messages.append(
            cocktail.round1(setup, secret, entropy=entropy, payloads=[payloads[i - 1]] * vector["n"])
        )
    return setup, secrets, messages


def check_round1(vector: dict[str, Any], setup: Setup, messages: list[bytes]) -> None:
    for i, (message, expected) in enumerate(zip(messages, vector["round1"], strict=True), 1):
        parsed = parse_message1(message, setup, i)
        assert expected["participant_id"] == i
        assert parsed.contribution.ephemeral.hex() == expected["ephemeral_public_key"]
        assert [point.hex() for point in parsed.contribution.commitment] == expected["vss_commitment"]
        assert parsed.contribution.proof.hex() == expected["pop"]
        assert [ciphertext.hex() for ciphertext in parsed.ciphertexts] == expected["encrypted_shares"]
        check_intermediate(expected["pop_intermediate"], parsed.contribution, setup.context)


def check_intermediate(expected: dict[str, str], contribution: Contribution, context: bytes) -> None:
    values = {name: bytes.fromhex(value) for name, value in expected.items()}
    assert values["message"] == contribution.proof_message(context)
    assert values["nonce_commitment"] == contribution.proof[:32]
    for name, prefix in PREFIXES.items():
        assert values[name].startswith(prefix)
        assert values[name].endswith(values["message"])
        assert schnorr.hash_to_scalar(values[name]) == values[name.removesuffix("_input")]
    assert values["challenge_input"][len(PREFIXES["challenge_input"]) :].startswith(
        contribution.proof[:32] + contribution.commitment[0]
    )


CHECKS_OF_A_PARTICIPANT = 5  # message 1, the steps of its proof, share, verification share, signature
CHECKS_OF_A_CEREMONY = 2  # group key, transcript


def check(vector: dict[str, Any], seed: bytes) -> int:
    """Compute everything anew; returns how many checks that were. Context, keys and recovery come on top."""
    setup, secrets, messages = run(vector, seed)
    assert setup.context.hex() == vector["context"]
    assert secrets == raw(vector["config"]["static_secret_keys"])
    assert list(setup.statics) == raw(vector["config"]["static_public_keys"])
    check_round1(vector, setup, messages)

    relayed = cocktail.relay(setup, enumerate(messages, 1))
    outcomes = [
        cocktail.round2(setup, secret, message2, sent=sent)
        for secret, message2, sent in zip(secrets, relayed, messages, strict=True)
    ]
    for outcome, expected in zip(outcomes, vector["round2"], strict=True):
        assert outcome.index == expected["participant_id"]
        assert outcome.share.hex() == expected["secret_share"]
        assert outcome.public.verification_shares[outcome.index - 1].hex() == expected["verification_share"]
        assert outcome.public.group_key.hex() == vector["group_public_key"]
        assert [payload.hex() for payload in outcome.payloads] == vector.get("payloads", [""] * vector["n"])

    extension = bytes.fromhex(vector["extension"])
    if "payloads" in vector:
        sizes = [(vector["n"]).to_bytes(8, "little")]
        sizes += [part for p in raw(vector["payloads"]) for part in (len(p).to_bytes(8, "little"), p)]
        assert extension == sha512(b"".join(sizes)).digest()
    signatures = [
        cocktail.certify(outcome, secret, extension=extension)
        for outcome, secret in zip(outcomes, secrets, strict=True)
    ]
    assert [(item["signer_id"], item["signature"]) for item in vector["round3"]["signatures"]] == [
        (index, signature.hex()) for index, signature in enumerate(signatures, 1)
    ]
    certificate = cocktail.finish(outcomes[0], enumerate(signatures, 1), extension=extension)
    assert sha512(certificate.transcript).hexdigest() == vector["round3"]["transcript_hash"]
    expected_transcript = Transcript(setup, outcomes[0].contributions, extension)
    assert parse_transcript(certificate.transcript) == expected_transcript
    assert cocktail.check_certificate(certificate) == (expected_transcript, outcomes[0].public)

    recovery = vector.get("recovery")
    if recovery:
        index = recovery["participant_id"]
        bundle = join_ciphertexts(raw(recovery["ciphertexts"]))
        assert bundle == outcomes[index - 1].bundle
        recovered = cocktail.recover(certificate, secrets[index - 1], bundle)
        assert recovered == outcomes[index - 1]
        assert recovered.share.hex() == recovery["recovered_secret_share"]
        assert (
            recovered.public.verification_shares[index - 1].hex() == recovery["recovered_verification_share"]
        )
    assert len(messages) == len(outcomes) == len(signatures) == vector["n"]
    return vector["n"] * CHECKS_OF_A_PARTICIPANT + CHECKS_OF_A_CEREMONY


@pytest.mark.parametrize("number", [0, 1], ids=["plain", "payloads"])
def test_committed_vectors_of_2_of_3(number: int) -> None:
    vectors = committed(NAME)
    assert check(vectors["vectors"][number], bytes.fromhex(vectors["seed"])) == 17


@needs_shared
def test_all_published_vectors() -> None:
    vectors = shared(NAME)
    assert len(vectors["vectors"]) == 4
    assert vectors["ciphersuite"].encode() == SUITE
    assert sum(check(vector, bytes.fromhex(vectors["seed"])) for vector in vectors["vectors"]) == 133
