"""The opening by trustees: their answers to the orders checked one by one, combined, and every envelope opened.

A file with one wrong answer is named, and none of it is used. Whose a file is it merely says, and anybody can write
one in another's name: so of different files in one name each stands or falls by its own proofs. Whatever k trustees
remain, they give the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from center.errors import TooFewAnswersError
from center.opening.logged import Progress, VerifiedLog
from center.opening.orders import LoggedOrder
from center.opening.spread import Spread, here, in_chunks
from center.opening.trustee_answers import Asked, TrusteeAnswers, asked_by
from crypto import codec
from crypto.election_key_rules import board_keys
from crypto.errors import EvidenceError, SealError
from crypto.manifest import TrustedManifest
from crypto.seal import OpenedTally, open_tally_with_answer
from crypto.statements import SealedTally
from crypto.trustee_errors import ForeignPartialError
from crypto.trustees import (
    PartialOpening,
    TrusteeKeys,
    VerifiedPartial,
    combine,
    verify_partial,
)


@dataclass(frozen=True, slots=True)
class AnswersFile:
    """One file of answers, under the name by which faults are told."""

    name: str
    answers: TrusteeAnswers


@dataclass(frozen=True, slots=True)
class WrongAnswers:
    """A file that is not used. ``trustee`` and ``number`` are what it claims to be of: its author may be another."""

    name: str
    trustee: str
    number: int
    problem: str


@dataclass(frozen=True, slots=True)
class Combined:
    """What came of the answers."""

    opened: Mapping[str, OpenedTally] = field(repr=False)
    """By the hash of the envelope."""
    faults: Mapping[str, str]
    """Why an envelope did not open, by its hash."""
    trustees: Mapping[int, tuple[str, ...]]
    """Who gave a file in which all answers hold, by the number of the order."""
    wrong: tuple[WrongAnswers, ...]

    def __call__(self, sealed: SealedTally, sha256: str) -> OpenedTally:
        """As evidence.Opener."""
        del sealed
        if sha256 in self.opened:
            return self.opened[sha256]
        raise SealError(self.faults.get(sha256, "no order opened it"))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file whose answers are looked at. ``trustee`` (from 1) is whose it claims to be."""

    place: int
    number: int
    trustee: int
    file: AnswersFile


@dataclass(frozen=True, slots=True)
class _Task:
    """One envelope with all answers for it: place of the file, trustee (from 1) whose it claims to be, answer."""

    asked: Asked
    answers: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """``wrong``: places of files whose answer does not hold, and why. ``opened`` is None with ``fault``."""

    sha256: str
    opened: OpenedTally | None
    fault: str | None
    wrong: tuple[tuple[int, str], ...]


def open_by_answers(
    files: Sequence[AnswersFile],
    orders: Sequence[LoggedOrder],
    log: VerifiedLog,
    *,
    progress: Progress | None = None,
    spread: Spread = here,
) -> Combined:
    """Check all answers to these orders, combine them, and open.

    Raises:
        TooFewAnswersError: to some order fewer trustees than the threshold gave answers that all hold.
    """
    board = log.manifest.manifest.election_key.board
    if board is None:
        raise TooFewAnswersError("no trustees hold the key of this election: there is nothing to combine")
    checked = check_answers(files, orders, log, progress=progress, spread=spread)
    for order in orders:
        right = checked.trustees[order.number]
        if order.listing.newly_counted() and len(right) < board.threshold:
            named = [f"{one.trustee}: {one.problem}" for one in checked.wrong if one.number == order.number]
            wrong = f"; not used: {'; '.join(named)}" if named else ""
            raise TooFewAnswersError(
                f"order {order.number}: {board.threshold} trustees have to answer, right are those of "
                f"{', '.join(right) or 'nobody'}{wrong}: ask "
                f"{', '.join(one.id for one in board.trustees if one.id not in right)}"
            )
    return checked


def check_answers(
    files: Sequence[AnswersFile],
    orders: Sequence[LoggedOrder],
    log: VerifiedLog,
    *,
    progress: Progress | None = None,
    spread: Spread = here,
) -> Combined:
    """As ``open_by_answers``, however few there are: what cannot be opened has its fault."""
    board = log.manifest.manifest.election_key.board
    if board is None:
        raise TooFewAnswersError("no trustees hold the key of this election: there is nothing to combine")
    asked = {order.number: asked_by(order, log) for order in orders}
    numbers = {one.id: number for number, one in enumerate(board.trustees, 1)}
    wrong: list[WrongAnswers] = []
    taken: list[_Taken] = []
    for file in _each_once(files):
        problem = _file_problem(file.answers, orders, asked, numbers)
        if problem is None:
            taken.append(_Taken(len(taken), file.answers.number, numbers[file.answers.trustee], file))
        else:
            wrong.append(WrongAnswers(file.name, file.answers.trustee, file.answers.number, problem))
    tasks = [task for order in orders for task in _tasks(order.number, asked[order.number], taken)]
    done: list[_Done] = []
    for part in spread(open_part, in_chunks(tasks), log.manifest):
        done += part
        if progress is not None:
            progress(len(done), len(tasks))
    bad: dict[int, str] = {}
    for result in done:
        for place, problem in result.wrong:
            bad.setdefault(place, problem)
    wrong += [
        WrongAnswers(one.file.name, one.file.answers.trustee, one.number, bad[one.place])
        for one in taken
        if one.place in bad
    ]
    good = {(one.number, one.trustee) for one in taken if one.place not in bad}
    right = {
        order.number: tuple(
            one.id for trustee, one in enumerate(board.trustees, 1) if (order.number, trustee) in good
        )
        for order in orders
    }
    return Combined(
        opened={one.sha256: one.opened for one in done if one.opened is not None},
        faults={one.sha256: one.fault for one in done if one.fault is not None},
        trustees=right,
        wrong=tuple(wrong),
    )


def open_part(manifest: TrustedManifest, part: Sequence[_Task]) -> tuple[_Done, ...]:
    """Verify, combine and open some envelopes: the work of one process."""
    board = manifest.manifest.election_key.board
    if board is None:
        return ()
    keys = board_keys(board)
    return tuple(_open(task, keys, manifest) for task in part)


def _open(task: _Task, keys: TrusteeKeys, manifest: TrustedManifest) -> _Done:
    asked, enc = task.asked, task.asked.enc
    right: dict[int, VerifiedPartial] = {}
    wrong: list[tuple[int, str]] = []
    for place, trustee, text in task.answers:
        try:
            right[trustee] = _verify(trustee, text, asked, enc, keys)
        except EvidenceError as error:
            wrong.append((place, str(error)))
    try:
        answer = combine(tuple(right.values()), keys.threshold, enc)
        opened = open_tally_with_answer(asked.sealed, answer, manifest)
    except EvidenceError as error:
        return _Done(asked.sha256, None, str(error), tuple(wrong))
    return _Done(asked.sha256, opened, None, tuple(wrong))


def _verify(trustee: int, text: str, asked: Asked, enc: bytes, keys: TrusteeKeys) -> VerifiedPartial:
    partial = PartialOpening.from_bytes(codec.unb64(text))
    if partial.trustee != trustee:
        raise ForeignPartialError(
            f"the answer for envelope {asked.sha256} is one of trustee number {partial.trustee}, not of number "
            f"{trustee} in whose file it stands",
            trustee,
        )
    return verify_partial(partial, enc, asked.context, keys)


def _each_once(files: Sequence[AnswersFile]) -> Iterator[AnswersFile]:
    """Every file, the same content once."""
    seen: set[bytes] = set()
    for file in files:
        content = file.answers.to_bytes()
        if content not in seen:
            seen.add(content)
            yield file


def _file_problem(
    answers: TrusteeAnswers,
    orders: Sequence[LoggedOrder],
    asked: Mapping[int, Sequence[Asked]],
    numbers: Mapping[str, int],
) -> str | None:
    """What is wrong with a file before its answers are looked at, None when nothing is."""
    if answers.trustee not in numbers:
        return f"the manifest names no trustee {answers.trustee}"
    order = next((one for one in orders if one.number == answers.number), None)
    if order is None:
        return f"there is no order number {answers.number} that holds"
    if answers.order_sha256 != order.sha256:
        return f"it answers order {answers.order_sha256}, and order {order.number} is {order.sha256}"
    if (answers.election, answers.round) != (order.statement.election, order.statement.round):
        return f"it is of election {answers.election} round {answers.round}"
    if len(answers.answers) != len(asked[order.number]):
        return f"it has {len(answers.answers)} answers, the order opens {len(asked[order.number])} envelopes"
    return None


def _tasks(number: int, asked: Sequence[Asked], taken: Sequence[_Taken]) -> Iterator[_Task]:
    files = [one for one in taken if one.number == number]
    for at, one in enumerate(asked):
        yield _Task(one, tuple((file.place, file.trustee, file.file.answers.answers[at]) for file in files))
