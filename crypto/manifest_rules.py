"""What a manifest must satisfy to make sense by itself, whoever signed it. The first broken rule is named."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from crypto import codec, election_key_rules, identity, rfc3339, schedule_rules
from crypto.errors import (
    EncodingError,
    EvidenceError,
    ManifestError,
    ProofError,
    SignatureInvalidError,
    StatementError,
)
from crypto.notes import CosignatureVerifier, NoteVerifier
from crypto.statements import (
    BallotStyle,
    Contest,
    ContestResult,
    EnrolledKey,
    Manifest,
    Official,
    Tally,
    Trustee,
)
from crypto.wire import ID_MAX, STATEMENT_MAX

BODIES_MIN: Final = 2  # different bodies among the officials of a branch, else dual control is impossible
TERMINALS_MAX: Final = 8  # of a branch with its standbys: what the compact carrier can tell apart
DEVICES_MAX: Final = 8

_SEPARATORS: Final = str.maketrans("._:", "---")  # what ids may hold beside letters, digits and hyphens
_UNPRINTABLE: Final = frozenset({"Cc", "Zl", "Zp"})  # Unicode categories that would break a line of the tape


def check(manifest: Manifest) -> None:
    """Raise ManifestError for the first rule that the manifest breaks."""
    _check_contests(manifest)
    _check_styles(manifest)
    _check_branches(manifest)
    _check_commissioners(manifest)
    _check_bodies(manifest)
    _check_keys(manifest)
    election_key_rules.check(manifest)
    _check_times(manifest)


def enrolled(manifest: Manifest) -> Iterator[EnrolledKey | Official]:
    """All who hold an enrolled Ed25519 key: terminals, devices, officials, commissioners."""
    yield from manifest.terminals
    yield from manifest.devices
    yield from manifest.officials
    yield from manifest.commissioners


def _check_contests(manifest: Manifest) -> None:
    _check_unique("contest", (contest.id for contest in manifest.contests))
    for contest in manifest.contests:
        _check_name(f"the title of contest {contest.id!r}", contest.title)
        _check_unique(f"candidate code of contest {contest.id!r}", (one.code for one in contest.candidates))
        for candidate in contest.candidates:
            _check_name(f"the name of candidate {candidate.code!r} of contest {contest.id!r}", candidate.name)


def _check_styles(manifest: Manifest) -> None:
    contests = {contest.id: contest for contest in manifest.contests}
    _check_unique("ballot style", (style.id for style in manifest.ballot_styles))
    for style in manifest.ballot_styles:
        where = f"ballot style {style.id!r}"
        _check_unique(f"contest in {where}", style.contests)
        _check_known(where, "contest", style.contests, contests)
        size = _largest_tally(manifest, style, [contests[contest] for contest in style.contests])
        if size > STATEMENT_MAX:
            raise ManifestError(
                f"{where}: its largest tally has {size} bytes, but a statement has at most {STATEMENT_MAX}: "
                f"split the style"
            )


def _largest_tally(manifest: Manifest, style: BallotStyle, contests: Iterable[Contest]) -> int:
    """Bytes of the canonical tally with the greatest counts and the longest ids: computed, not guessed."""
    most = 2**style.count_bits - 1
    results = {
        contest.id: ContestResult(
            votes=dict.fromkeys((candidate.code for candidate in contest.candidates), most),
            blank=most if contest.blank else None,
            valid=most,
            invalid=most,
            ballots=most,
        )
        for contest in contests
    }
    tally = Tally(
        election=manifest.election,
        round=manifest.round,
        branch="b" * ID_MAX,
        terminal="t" * ID_MAX,
        manifest_sha256="0" * 64,
        definition_sha256="0" * 64,
        close_no=2**31,
        contests=results,
        public_counter=most,
    )
    return len(codec.to_bytes(tally))


def _check_branches(manifest: Manifest) -> None:
    styles = {style.id for style in manifest.ballot_styles}
    devices = {device.id for device in manifest.devices}
    terminals = {terminal.id for terminal in manifest.terminals}
    bodies = {official.id: official.body for official in manifest.officials}
    branches = manifest.branches
    _check_unique("branch", (branch.id for branch in branches))
    # A terminal or device of two branches would make it open whose count it signed.
    _check_unique("terminal of a branch", (one for branch in branches for one in branch.all_terminals))
    _check_unique("device of a branch", (one for branch in branches for one in branch.all_devices))
    for branch in branches:
        where = f"branch {branch.id!r}"
        _check_name(f"the name of {where}", branch.name)
        _check_known(where, "ballot style", [branch.style], styles)
        _check_known(where, "device", branch.all_devices, devices)
        _check_known(where, "terminal", branch.all_terminals, terminals)
        if len(branch.all_terminals) > TERMINALS_MAX or len(branch.all_devices) > DEVICES_MAX:
            raise ManifestError(
                f"{where} has more than {TERMINALS_MAX} terminals or {DEVICES_MAX} devices, standbys included: split it"
            )
        _check_unique(f"official of {where}", branch.officials)
        _check_known(where, "official", branch.officials, bodies)
        if len({bodies[official] for official in branch.officials}) < BODIES_MIN:
            raise ManifestError(
                f"{where}: all its officials stand for one body, so that nobody can give a dual-control order: "
                f"name officials of {BODIES_MIN} bodies"
            )


def _check_keys(manifest: Manifest) -> None:
    """Every Ed25519 key has one holder, and the election key can be sealed to."""
    _check_unique("terminal", (terminal.id for terminal in manifest.terminals))
    _check_unique("device", (device.id for device in manifest.devices))
    _check_unique("official", (official.id for official in manifest.officials))
    holders: dict[bytes, str] = {}
    for holder, public in key_holders(manifest):
        try:
            identity.check_public(public)
        except SignatureInvalidError as exc:
            raise ManifestError(f"the key of {holder!r}: {exc}") from exc
        if public in holders:
            raise ManifestError(
                f"{holders[public]!r} and {holder!r} have the same key: every key has one holder and one role"
            )
        holders[public] = holder


def key_holders(manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """Everybody who signs in this election, and the Ed25519 public key: the log, witnesses, and all who are enrolled.

    Raises ManifestError for what is no key's encoding.
    """
    log, witnesses = _log_and_witnesses(manifest)
    for verifier in (log, *witnesses):
        yield verifier.name, verifier.public
    for one in enrolled(manifest):
        try:
            yield one.id, codec.unb64(one.public_key)
        except EncodingError as exc:
            raise ManifestError(f"the key of {one.id!r}: {exc}") from exc


def _check_commissioners(manifest: Manifest) -> None:
    _check_unique("commissioner", (one.id for one in manifest.commissioners))
    bodies = {one.body for one in manifest.commissioners}
    if manifest.commissioners and len(bodies) < BODIES_MIN:
        raise ManifestError(
            f"all commissioners stand for one body, so that nobody can sign an act of the centre: name some of "
            f"{BODIES_MIN} bodies"
        )


def _check_bodies(manifest: Manifest) -> None:
    """One body under two spellings would be two where two are asked for, and below every quorum."""
    board = manifest.election_key.board
    people: list[Official | Trustee] = [*manifest.officials, *manifest.commissioners]
    people += () if board is None else board.trustees
    seen: dict[str, str] = {}
    for one in people:
        plain = one.body.lower().translate(_SEPARATORS)
        other = seen.setdefault(plain, one.body)
        if other != one.body:
            raise ManifestError(
                f"bodies {other!r} and {one.body!r} (of {one.id!r}) look like one: write each body in one way"
            )


def _log_and_witnesses(manifest: Manifest) -> tuple[NoteVerifier, list[CosignatureVerifier]]:
    policy = manifest.witness_policy
    try:
        log = NoteVerifier(manifest.log.vkey)
        witnesses = [CosignatureVerifier(vkey) for vkey in policy.witnesses]
    except ProofError as exc:
        raise ManifestError(f"the log or its witnesses: {exc}") from exc
    if policy.m > len(witnesses):
        raise ManifestError(
            f"the witness policy asks for {policy.m} of {len(witnesses)} witnesses: nothing could ever count as "
            f"delivered; lower m or name more witnesses"
        )
    return log, witnesses


def _check_times(manifest: Manifest) -> None:
    schedule = manifest.schedule
    _check_instant("issued_at", manifest.issued_at)
    for name in schedule_rules.TIMES:
        _check_instant(name, getattr(schedule, name))
    try:
        schedule_rules.check_forwards(schedule)
    except StatementError as exc:
        raise ManifestError(str(exc)) from exc


def _check_instant(name: str, text: str) -> None:
    try:
        rfc3339.to_ms(text)
    except EvidenceError as exc:
        raise ManifestError(f"{name}: {exc}") from exc


def _check_unique(what: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise ManifestError(f"{what} {one!r} stands twice in the manifest: an id means one thing")
        seen.add(one)


def _check_known(where: str, what: str, ids: Iterable[str], known: Collection[str]) -> None:
    for one in ids:
        if one not in known:
            raise ManifestError(
                f"{where} names {what} {one!r}, which the manifest does not define: add or correct it"
            )


def _check_name(what: str, name: str) -> None:
    if unicodedata.normalize("NFC", name) != name:
        raise ManifestError(f"{what} is not in Unicode NFC: two spellings would look alike; normalise it")
    if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
        raise ManifestError(f"{what} holds a control character or line break: remove it")
