"""Where an official's key is used: a port, so that a token can take the place of the file that a PIN unlocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from crypto import envelope, key_file
from crypto.envelope import Envelope
from crypto.identity import SigningKey


class OfficialSigner(Protocol):
    """One official's key, wherever it lives. It signs what it is given; who holds it has read that before."""

    @property
    def official(self) -> str:
        """The official's id, as the manifest enrols the key."""

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        """The DSSE envelope with this official's signature, and no other."""


class KeyFileSigner:
    """An Ed25519 key in a file that the official's PIN opened. What stands behind it is procedural: a file copies."""

    def __init__(self, official: str, key: SigningKey) -> None:
        self._official, self._key = official, key

    @classmethod
    def unlock(cls, path: Path, ask_pin: Callable[[str], str], *, election: str, round_number: int) -> Self:
        """Open the file of one official; ``ask_pin`` is given the official's id.

        Raises:
            OSError: the file cannot be read.
            EvidenceError: it is no key file, of another role or election, or the PIN is wrong (crypto.key_file).
        """
        with path.open("rb") as file:
            data = file.read(key_file.KEY_FILE_MAX + 1)
        header = key_file.read_header(data)
        held = key_file.open_key(
            data, ask_pin(header.id), role="official", election=election, round_number=round_number
        )
        return cls(held.owner.id, held.signing)

    @property
    def official(self) -> str:
        """The official's id."""
        return self._official

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        """Sign."""
        return envelope.sign(payload_type, payload, [self._key])
