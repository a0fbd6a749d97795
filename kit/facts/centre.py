"""What the centre asked for, and was followed."""

from typing import Annotated, Literal

from msgspec import Meta

from crypto.wire import Id, Sha256
from kit.facts.base import FactBase

CommandKind = Literal["pacing", "clock", "message", "manifest"]


class CommandFollowed(FactBase, frozen=True, tag="command-followed"):
    """A command of the centre was verified and is followed. ``note``: all of it, verbatim (crypto.command)."""

    kind: CommandKind
    number: int
    rung: Id
    """What brought it."""
    note: Annotated[str, Meta(max_length=4096)]


class ManifestAdopted(FactBase, frozen=True, tag="manifest-adopted"):
    """From the next life on this kit works under a newer manifest of the same election and round."""

    version: int
    manifest_sha256: Sha256
