"""``center log``: what it prints proves what was asked to anyone, and it prints nothing else."""

from pathlib import Path
from typing import NamedTuple

import pytest

from crypto import receipt
from crypto.codec import sha256_hex
from crypto.consistency import Consistency
from crypto.errors import ProofError
from crypto.notes import NoteSigner, NoteVerifier
from crypto.statements import WitnessPolicy
from tests.center.branch import Center, Device
from tests.center.command import Ran, center
from tests.crypto.election_fixture import LOG_NAME, Election, key_of, make_election

NOBODY = WitnessPolicy(m=0, witnesses=())


class Scene(NamedTuple):
    election: Election
    state: Path
    envelopes: list[bytes]

    def log(self, *arguments: object) -> Ran:
        return center("log", arguments[0], "--state-dir", self.state, *arguments[1:])


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Three batches: checkpoints over 2, 3 and 6 envelopes."""
    state = tmp_path_factory.mktemp("state")
    election = make_election(3)
    running = Center(election, str(state / "ledger.db"))  # never closed: proofs are made while centerd runs
    devices = [Device(election, f"branch-{n}") for n in (1, 2, 3)]
    sent = [(device, make()) for device in devices for make in (device.account, device.tally)]
    for batch in (sent[:2], sent[2:3], sent[3:]):
        running.take(*batch)
    return Scene(election, state, [data for _, data in sent])


@pytest.mark.parametrize("size", [2, 3, 6, None])
def test_proof_that_does_not_prove(scene: Scene, size: int | None) -> None:
    for index, data in enumerate(scene.envelopes[: size or 6]):
        options = [] if size is None else ["--size", size]
        ran = scene.log("prove", "--envelope", sha256_hex(data).upper(), *options)
        assert (ran.code, ran.err) == (0, "")
        checked = receipt.verify(ran.out, data, log=scene.election.loaded.log_verifier, policy=NOBODY)
        assert (checked.index, checked.size) == (index, size or 6)


def test_checkpoint_of_another_size(scene: Scene) -> None:
    newest = scene.log("checkpoint")
    assert newest.out.startswith(f"{LOG_NAME}\n6\n")
    assert scene.log("checkpoint", "--size", 6) == newest
    assert scene.log("checkpoint", "--size", 2).out.startswith(f"{LOG_NAME}\n2\n")


@pytest.mark.parametrize(("old", "new"), [(2, 3), (2, 6), (3, 6), (6, 6)])
def test_consistency_that_does_not_prove(scene: Scene, old: int, new: int) -> None:
    ran = scene.log("consistency", "--from", old, "--to", new)
    assert (ran.code, ran.err) == (0, "")
    proof = Consistency.from_text(ran.out)
    assert proof.to_text() == ran.out
    assert proof.verify(scene.election.loaded.log_verifier).size == new
    with pytest.raises(ProofError, match="no signature"):
        proof.verify(NoteVerifier(NoteSigner(LOG_NAME, key_of("somebody else")).vkey))


def test_consistency_proof_with_any_line_changed(scene: Scene) -> None:
    text = scene.log("consistency", "--from", 3, "--to", 6).out
    lines = text.split("\n")
    for number, line in enumerate(lines):
        for changed in ([], [line, line], ["x" + line], [line[:-2] + "zz"] if line else ["z"]):
            edited = "\n".join([*lines[:number], *changed, *lines[number + 1 :]])
            if edited == text:
                continue
            with pytest.raises(ProofError):
                Consistency.from_text(edited).verify(scene.election.loaded.log_verifier)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prove", "--envelope", "ab" * 32], "no envelope abab"),
        (["prove", "--envelope", "LAST", "--size", 3], "does not cover it"),
        (["prove", "--envelope", "LAST", "--size", 4], "the nearest are 3, 6"),
        (["checkpoint", "--size", 0], "the nearest are 2"),
        (["checkpoint", "--size", 99], "the nearest are 6"),
        (["consistency", "--from", 0, "--to", 6], "the beginning of every log"),
        (["consistency", "--from", 6, "--to", 2], "not above the new one"),
        (["consistency", "--from", 1, "--to", 6], "no checkpoint was signed over 1"),
    ],
)
def test_what_cannot_be_proven_is_said(scene: Scene, arguments: list[object], words: str) -> None:
    last = sha256_hex(scene.envelopes[-1])
    ran = scene.log(*(last if one == "LAST" else one for one in arguments))
    assert (ran.code, ran.out) == (65, "")
    assert words in ran.err


def test_log_that_is_missing_or_empty(scene: Scene, tmp_path: Path) -> None:
    assert center("log", "checkpoint", "--state-dir", tmp_path).code == 69
    Center(scene.election, str(tmp_path / "ledger.db")).close()
    ran = center("log", "checkpoint", "--state-dir", tmp_path)
    assert (ran.code, ran.out) == (65, "")
    assert "nothing to prove yet" in ran.err
    assert center("log", "checkpoint", "--state-dir", tmp_path, "--size", "-1").code == 64
