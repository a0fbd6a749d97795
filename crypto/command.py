"""Commands: what the centre asks of branches, signed by the log's key, the same bytes by whatever rung they come.

A C2SP signed note (c2sp.org/signed-note), so that any tool for notes verifies it with the log's verifier key::

    branch-kit/command@v1
    log <origin>
    election <id> <round>
    to <branch, or * for all>
    <pacing | clock | message | manifest> <number>
    issued <RFC 3339, whole seconds>
    expires <RFC 3339, whole seconds>
    pause-ms <milliseconds>                          (of pacing)
    text <one line>                                  (of a message)
    manifest <version> <hexadecimal SHA-256>         (of a manifest; a clock hint ends with its times)

    <em dash> <origin> <base64 of key hash and signature>

Its first line sets it apart from everything else that the log signs (crypto.acknowledgement). No command opens, closes,
counts or silences anything, so that a stolen log key can do none of that: see ``docs/commands.md``.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from crypto import codec, notes, rfc3339
from crypto.errors import ProofError, StatementError
from crypto.manifest import TrustedManifest
from crypto.notes import NoteSigner
from crypto.wire import HEX32_PATTERN, ID_PATTERN

CommandKind = Literal["pacing", "clock", "message", "manifest"]

MAGIC: Final = "branch-kit/command@v1"
COMMAND_MAX: Final = 4 * 1024  # characters of one as a note: the name of the log stands in it twice
NUMBER_MAX: Final = 2**31 - 1  # of commands, and of versions of manifests
LIFETIME_MAX_S: Final = 24 * 3600  # seconds from issued to expires
PACING_LIFETIME_MAX_S: Final = 30 * 60  # seconds: pacing that nobody renews ends soon
PAUSE_MIN_MS: Final = 1_000
PAUSE_MAX_MS: Final = 300_000
TEXT_MAX: Final = 300  # characters of a message

KINDS: Final[tuple[CommandKind, ...]] = get_args(CommandKind)
_FOR_ALL: Final = "*"  # no id
_LINES: Final = 7  # before the kind's own
_TEXT_REFUSED: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls, what breaks lines, what overrides the direction of writing, and what nobody sees."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``branch``: whom it is for, None for all. ``number`` counts up from 1, each kind for itself.

    Times are RFC 3339 in UTC, whole seconds (``2027-06-18T07:00:00Z``). Of the last four fields those of its kind are
    set, and no others. ``pause_ms``: between two tries of a branch to deliver, 1,000 to 300,000 milliseconds.

    Raises:
        ProofError: when a field is out of its range, or not of this kind.
    """

    kind: CommandKind
    election: str
    round: int
    branch: str | None
    number: int
    issued_at: str
    expires_at: str
    pause_ms: int | None = None
    text: str | None = None
    manifest_version: int | None = None
    manifest_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ProofError(f"command: there is no kind {self.kind!r}; there are {', '.join(KINDS)}")
        for what, value in (("election", self.election), ("branch", self.branch or "x")):
            if re.fullmatch(ID_PATTERN, value) is None:
                raise ProofError(f"command: {value[:80]!r} is no id of a {what}")
        if self.branch == "" or not 0 <= self.round <= NUMBER_MAX or not 1 <= self.number <= NUMBER_MAX:
            raise ProofError(f"command: round {self.round} or number {self.number} is out of range")
        self._check_times()
        self._check_own_fields()

    @property
    def issued_s(self) -> int:
        """Seconds since 1970 at which it was signed, by the centre's clock."""
        return _seconds(self.issued_at)

    @property
    def expires_s(self) -> int:
        """Seconds since 1970 from which on nobody follows it any more."""
        return _seconds(self.expires_at)

    def _check_times(self) -> None:
        most = PACING_LIFETIME_MAX_S if self.kind == "pacing" else LIFETIME_MAX_S
        lifetime = self.expires_s - self.issued_s
        if not 0 < lifetime <= most:
            raise ProofError(
                f"command: {self.kind} {self.number} would live for {lifetime} s, from {self.issued_at} to "
                f"{self.expires_at}: 1 to {most} s are allowed"
            )

    def _check_own_fields(self) -> None:
        given = {
            "pacing": (self.pause_ms,),
            "clock": (),
            "message": (self.text,),
            "manifest": (self.manifest_version, self.manifest_sha256),
        }
        for kind, fields in given.items():
            if any((field is None) == (kind == self.kind) for field in fields):
                raise ProofError(f"command: {self.kind} {self.number} has not exactly the fields of its kind")
        if self.pause_ms is not None and not PAUSE_MIN_MS <= self.pause_ms <= PAUSE_MAX_MS:
            raise ProofError(
                f"command: a pause of {self.pause_ms} ms; {PAUSE_MIN_MS} to {PAUSE_MAX_MS} ms are allowed"
            )
        if self.text is not None:
            check_text(self.text)
        if self.manifest_version is not None and not 0 <= self.manifest_version <= NUMBER_MAX:
            raise ProofError(f"command: manifest version {self.manifest_version} is out of range")
        if self.manifest_sha256 is not None and re.fullmatch(HEX32_PATTERN, self.manifest_sha256) is None:
            raise ProofError("command: a manifest is named by 64 hexadecimal digits of its SHA-256")


def check_text(text: str) -> None:
    """Raise ProofError unless ``text`` may stand in a message: one line, 1 to ``TEXT_MAX`` characters, all visible.

    Persian's joiners and marks of direction may stand in it; controls, overrides and line ends may not.
    """
    if not 1 <= len(text) <= TEXT_MAX:
        raise ProofError(f"message: {len(text)} characters; 1 to {TEXT_MAX} are allowed")
    found = _TEXT_REFUSED.search(text)
    if found is not None:
        raise ProofError(
            f"message: character {found.start() + 1} is U+{ord(found[0]):04X}: write one line, without control "
            "characters or overrides of direction"
        )
    if text != text.strip():
        raise ProofError("message: it begins or ends with white space")


def make(command: Command, log: NoteSigner) -> str:
    """Return the note in which ``log`` gives a command."""
    return log.sign(text_of(command, log.name))


def text_of(command: Command, origin: str) -> str:
    """Return the one text of a command of the log ``origin``: what is signed."""
    own = ""
    if command.kind == "pacing":
        own = f"pause-ms {command.pause_ms}\n"
    elif command.kind == "message":
        own = f"text {command.text}\n"
    elif command.kind == "manifest":
        own = f"manifest {command.manifest_version} {command.manifest_sha256}\n"
    return (
        f"{MAGIC}\nlog {origin}\nelection {command.election} {command.round}\nto {command.branch or _FOR_ALL}\n"
        f"{command.kind} {command.number}\nissued {command.issued_at}\nexpires {command.expires_at}\n{own}"
    )


def is_command(text: str) -> bool:
    """Return whether ``text`` calls itself a command. It proves nothing."""
    return text.startswith(MAGIC + "\n")


def check(note: str, manifest: TrustedManifest) -> Command:
    """Check a command against the log's key, the election and the round of a manifest.

    For whom it is, whether it has expired and whether its number was followed before is for the reader to judge.

    Raises:
        ProofError: when anything in it is malformed, of another log, election or round, or does not verify, or when
            there is another signature beside the log's.
    """
    log, statement = manifest.log_verifier, manifest.manifest
    origin, command = _parse(note)
    if "\n" in note.rpartition("\n\n")[2].removesuffix("\n"):
        raise ProofError("command: it holds more than the log's signature, which stands alone in commands")
    notes.verify_note(note, [log])
    if origin != log.name:
        raise ProofError(f"command: it is of log {origin!r}, not of {log.name!r}")
    if (command.election, command.round) != (statement.election, statement.round):
        raise ProofError(
            f"command is for election {command.election} round {command.round}, not for {statement.election} round "
            f"{statement.round}"
        )
    return command


def read(note: str) -> Command:
    """Return the command in a note, **unverified**: for notes that were checked before, as those of a journal.

    Raises:
        ProofError: when it is malformed.
    """
    return _parse(note)[1]


def signer_of(note: str) -> str:
    """Return the name and the hash of the key that signed a checked note, as they begin its verifier key."""
    name, _, encoded = (
        note.rpartition("\n\n")[2].removeprefix("\N{EM DASH} ").removesuffix("\n").partition(" ")
    )
    return f"{name}+{codec.unb64(encoded)[:4].hex()}"


def seconds_text(epoch_s: int) -> str:
    """Return the time as commands write it; raises ProofError for one that no RFC 3339 time writes."""
    try:
        return rfc3339.to_text(epoch_s * 1000).replace(".000Z", "Z")
    except StatementError as error:
        raise ProofError(f"command: {error}") from error


def _parse(note: str) -> tuple[str, Command]:
    """The origin and the command in a note. Nothing is verified but that this is its one text."""
    if len(note) > COMMAND_MAX:
        raise ProofError(f"command is longer than {COMMAND_MAX} characters")
    text = notes.text_of(note)
    lines = text.removesuffix("\n").split("\n")
    if lines[0] != MAGIC or not _LINES <= len(lines) <= _LINES + 1:
        raise ProofError(f"not a command: {MAGIC} and the lines of one are needed")
    origin = _after("log ", lines[1])
    election, _, round_ = _after("election ", lines[2]).partition(" ")
    branch = _after("to ", lines[3])
    kind, _, number = lines[4].partition(" ")
    own = lines[_LINES] if len(lines) > _LINES else ""
    command = Command(
        kind=_kind(kind),
        election=election,
        round=notes.decimal(round_, "command: round"),
        branch=None if branch == _FOR_ALL else branch,
        number=notes.decimal(number, "command: number"),
        issued_at=_after("issued ", lines[5]),
        expires_at=_after("expires ", lines[6]),
        **_own_fields(kind, own),
    )
    if text_of(command, origin) != text:
        raise ProofError("command: it is not written in the one form of commands")
    return origin, command


def _own_fields(kind: str, line: str) -> dict[str, Any]:
    if kind == "pacing":
        return {"pause_ms": notes.decimal(_after("pause-ms ", line), "command: pause-ms")}
    if kind == "message":
        return {"text": _after("text ", line)}
    if kind == "manifest":
        version, _, sha256 = _after("manifest ", line).partition(" ")
        return {
            "manifest_version": notes.decimal(version, "command: manifest version"),
            "manifest_sha256": sha256,
        }
    return {}


def _kind(word: str) -> CommandKind:
    for kind in KINDS:
        if word == kind:
            return kind
    raise ProofError(f"command: there is no kind {word[:40]!r}; there are {', '.join(KINDS)}")


def _after(prefix: str, line: str) -> str:
    if not line.startswith(prefix):
        raise ProofError(f"command: {line[:60]!r} where a line with {prefix.strip()!r} is needed")
    return line.removeprefix(prefix)


def _seconds(text: str) -> int:
    try:
        epoch_ms = rfc3339.to_ms(text)
        if epoch_ms < 0 or seconds_text(epoch_ms // 1000) != text:
            raise ProofError(f"command: {text[:40]!r} is no time like 2027-06-18T07:00:00Z, in whole seconds")
    except StatementError as error:
        raise ProofError(f"command: {error}") from error
    return epoch_ms // 1000
