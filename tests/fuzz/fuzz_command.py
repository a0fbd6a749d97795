"""What claims to be a command of the centre: evidence errors, nothing else, and nothing that the log did not sign."""

import contextlib

from crypto import command, command_packing
from crypto.errors import EvidenceError
from tests.crypto.election_fixture import make_election

WORLD = make_election(2)


def one_input(data: bytes) -> None:
    """The bytes as they are, as the inside of a packed command, and as the text of a note that the log signed."""
    for given in (data, bytes([command_packing.FIRST_BYTE]) + data[:1000], data[:-64] + data[-64:]):
        with contextlib.suppress(EvidenceError):
            command.check(command_packing.note_of(given, WORLD.loaded), WORLD.loaded)
            raise AssertionError("a signature was found by chance")
    text = command.MAGIC + "\n" + data.decode("utf-8", "replace")[: command.COMMAND_MAX]
    with contextlib.suppress(EvidenceError):
        note = WORLD.log.sign(text)
        checked = command.check(note, WORLD.loaded)
        assert command.text_of(checked, WORLD.log.name) == text, "a command has more than one form"
