"""The opening by trustees: their answers to the orders checked one by one, combined, and every envelope opened.

A trustee with one wrong answer is named, and none of its answers to that order are used. Whatever k trustees remain,
they give the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from center.errors import TooFewAnswersError
from center.logged import Progress, VerifiedLog
from center.orders import LoggedOrder
from center.spread import Spread, here, in_chunks
from center.trustee_answers import Asked, TrusteeAnswers, asked_by
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
    """A file that is not used. ``trustee`` and ``number`` are what it claims to be of."""

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
    """Whose answers all hold, by the number of the order."""
    wrong: tuple[WrongAnswers, ...]

    def __call__(self, sealed: SealedTally, sha256: str) -> OpenedTally:
        """As evidence.Opener."""
        del sealed
        if sha256 in self.opened:
            return self.opened[sha256]
        raise SealError(self.faults.get(sha256, "no order opened it"))


@dataclass(frozen=True, slots=True)
class _Task:
    """One envelope with all answers for it, by trustee (from 1)."""

    asked: Asked
    answers: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """``wrong``: trustees (from 1) whose answer does not hold, and why. ``opened`` is None with ``fault``."""

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
    taken: dict[tuple[int, int], AnswersFile] = {}
    for file in _each_once(files, wrong):
        problem = _file_problem(file.answers, orders, asked, numbers)
        if problem is None:
            taken[file.answers.number, numbers[file.answers.trustee]] = file
        else:
            wrong.append(WrongAnswers(file.name, file.answers.trustee, file.answers.number, problem))
    tasks = [
        (order.number, task) for order in orders for task in _tasks(order.number, asked[order.number], taken)
    ]
    done: list[_Done] = []
    for part in spread(open_part, in_chunks([task for _, task in tasks]), log.manifest):
        done += part
        if progress is not None:
            progress(len(done), len(tasks))
    bad: dict[tuple[int, int], str] = {}
    for (number, _), result in zip(tasks, done, strict=True):
        for trustee, problem in result.wrong:
            bad.setdefault((number, trustee), problem)
    wrong += [
        WrongAnswers(file.name, file.answers.trustee, key[0], bad[key])
        for key, file in taken.items()
        if key in bad
    ]
    right = {
        order.number: tuple(
            one.id
            for trustee, one in enumerate(board.trustees, 1)
            if (order.number, trustee) in taken and (order.number, trustee) not in bad
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
    right: list[VerifiedPartial] = []
    wrong: list[tuple[int, str]] = []
    for trustee, text in task.answers:
        try:
            right.append(_verify(trustee, text, asked, enc, keys))
        except EvidenceError as error:
            wrong.append((trustee, str(error)))
    try:
        answer = combine(right, keys.threshold, enc)
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


def _each_once(files: Sequence[AnswersFile], wrong: list[WrongAnswers]) -> Iterator[AnswersFile]:
    """Every file, the same content once; a trustee with two different ones to an order is taken at no word."""
    of: dict[tuple[int, str], dict[bytes, AnswersFile]] = {}
    for file in files:
        place = of.setdefault((file.answers.number, file.answers.trustee), {})
        place.setdefault(file.answers.to_bytes(), file)
    for same in of.values():
        if len(same) == 1:
            yield from same.values()
            continue
        for file in same.values():
            problem = f"there are {len(same)} different files of this trustee for one order"
            wrong.append(WrongAnswers(file.name, file.answers.trustee, file.answers.number, problem))


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


def _tasks(
    number: int, asked: Sequence[Asked], taken: Mapping[tuple[int, int], AnswersFile]
) -> Iterator[_Task]:
    files = [(trustee, file) for (of, trustee), file in sorted(taken.items()) if of == number]
    for place, one in enumerate(asked):
        yield _Task(one, tuple((trustee, file.answers.answers[place]) for trustee, file in files))
