"""What people of the centre ask for: a command without its number, its times and its signature."""

from typing import Annotated

import msgspec
from msgspec import Meta

from crypto import command
from crypto.command import Command, CommandKind
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.wire import B64, Id, Sha256


class CommandRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``branch``: None for all. ``for_s``: seconds for which it is to hold. Of the others those of its kind.

    ``manifest``: the signed manifest itself, where it is short enough to be repeated to all.
    """

    kind: CommandKind
    branch: Id | None
    for_s: Annotated[int, Meta(ge=1, le=command.LIFETIME_MAX_S)]
    pause_ms: int | None = None
    text: str | None = None
    manifest_version: int | None = None
    manifest_sha256: Sha256 | None = None
    manifest: B64 | None = None
    above: Annotated[int, Meta(ge=0, lt=command.NUMBER_MAX)] = 0
    """Its number is to be greater than this: for a centre that lost its counters."""


def command_of(request: CommandRequest, manifest: TrustedManifest, *, number: int, issued_s: int) -> Command:
    """The command that a request becomes, issued at a time in seconds since 1970.

    Raises:
        ProofError: a field is out of its range, the branch is none of the manifest's, or another manifest is announced.
    """
    statement = manifest.manifest
    if request.branch is not None and request.branch not in {one.id for one in statement.branches}:
        raise ProofError(f"the manifest defines no branch {request.branch!r}: check the id")
    if request.manifest_sha256 not in (None, manifest.sha256):
        raise ProofError(
            f"manifest version {request.manifest_version} is another one than version {statement.version}, by which "
            "this centre goes: it would refuse what branches seal under that. Take centerd over to it first, with the "
            "one before in earlier_manifests (docs/commands.md)"
        )
    return Command(
        kind=request.kind,
        election=statement.election,
        round=statement.round,
        branch=request.branch,
        number=number,
        issued_at=command.seconds_text(issued_s),
        expires_at=command.seconds_text(issued_s + request.for_s),
        pause_ms=request.pause_ms,
        text=request.text,
        manifest_version=request.manifest_version,
        manifest_sha256=request.manifest_sha256,
    )
