"""An act in words: what is decided, for those who are to sign it and those who want to know."""

from collections.abc import Iterator, Sequence
from typing import Final

from center.audit.record import printable
from crypto import rfc3339
from crypto.act_statements import Adjudication, OpeningOrder, ScheduleChange
from crypto.acts import AnyAct
from crypto.errors import StatementError
from crypto.manifest import TrustedManifest
from crypto.statements import Official, Schedule

_MINUTE_MS: Final = 60_000
_CAUSES: Final = {
    "replacement-kit": "another kit took over during the day",
    "two-kits": "two kits sent for the same terminal",
    "terminal-destroyed": "the terminal is destroyed",
    "kit-destroyed": "the kit was destroyed before it sent",
    "re-vote": "the poll was held again",
    "merged-branch": "its voters voted at another branch",
    "not-used": "the terminal was not used",
    "disputed": "the officials at the branch do not agree",
}
_TIMES: Final = {
    "open_not_before": "opening of the poll",
    "close_not_before": "close of the poll",
    "tally_not_before": "count",
    "opening_not_before": "opening of the sealed tallies",
}


def act_lines(act: AnyAct, manifest: TrustedManifest) -> Iterator[str]:
    """What an act decides. Its branch must be one of the manifest's."""
    yield f"{act.type} number {act.number}, election {act.election} round {act.round}"
    yield f"manifest {act.manifest_sha256}"
    if isinstance(act, Adjudication):
        yield from _adjudication(act, manifest)
    elif isinstance(act, OpeningOrder):
        yield from _order(act)
    else:
        yield from _change(act, manifest)


def signature_lines(signed: Sequence[Official], sha256: str) -> Iterator[str]:
    """Who signed, and who has to yet."""
    names = ", ".join(f"{one.id} ({one.body})" for one in signed)
    yield f"signed by  {names or 'nobody yet'}"
    bodies = {one.body for one in signed}
    if not bodies:
        yield "missing    commissioners of two different bodies"
    elif len(bodies) == 1:
        yield f"missing    a commissioner of another body than {next(iter(bodies))!r}"
    else:
        yield f"complete   hand it in with center submit; SHA-256 {sha256}"


def _adjudication(act: Adjudication, manifest: TrustedManifest) -> Iterator[str]:
    yield f"branch     {act.branch}  {printable(manifest.branch(act.branch).name)}"
    yield f"terminal   {act.terminal}"
    if act.decision == "count":
        yield f"decision   of all its envelopes this one COUNTS: {act.envelope_sha256}"
    elif act.decision == "set-aside":
        yield "decision   SET ASIDE: nothing of it counts"
    else:
        yield "decision   ABSENT: nothing will come from it"
    yield f"cause      {act.cause}: {_CAUSES[act.cause]}"
    yield f"reason     {printable(act.reason)}"


def _order(act: OpeningOrder) -> Iterator[str]:
    yield f"decision   OPEN what the first {act.log.size} leaves of the log count"
    yield f"log root   {act.log.root}"
    yield f"listing    {act.listing_sha256}"
    yield f"units      {act.counted} counted, {act.set_aside} set aside, {act.absent} absent"


def _change(act: ScheduleChange, manifest: TrustedManifest) -> Iterator[str]:
    if act.branch is None:
        yield "for        ALL branches"
    else:
        yield f"branch     {act.branch}  {printable(manifest.branch(act.branch).name)}"
    before: Schedule = manifest.manifest.schedule
    for name, words in _TIMES.items():
        yield f"not before {getattr(act.schedule, name)}  {_moved(act.schedule, before, name)}  {words}"
    yield f"reason     {printable(act.reason)}"


def _moved(schedule: Schedule, before: Schedule, name: str) -> str:
    try:
        moved_ms = rfc3339.to_ms(getattr(schedule, name)) - rfc3339.to_ms(getattr(before, name))
    except StatementError:
        return "NO SUCH MOMENT"
    return f"{moved_ms / _MINUTE_MS:+.0f} min against the manifest" if moved_ms else "as in the manifest"
