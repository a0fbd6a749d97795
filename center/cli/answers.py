"""Files of trustees' answers, as commands take them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from center.errors import OpeningError
from center.files import UnreadableError, read_whole
from center.opening.orders import Orders
from center.opening.threshold import AnswersFile
from center.opening.trustee_answers import ANSWERS_MAX, read_answers
from center.publication import layout as publication
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest


def read_all(paths: Sequence[Path]) -> list[AnswersFile]:
    """Read files of answers; raises OpeningError naming the file."""
    return [_read(path) for path in paths]


def published(folder: Path, orders: Orders, manifest: TrustedManifest) -> Iterator[AnswersFile]:
    """The answers to these orders that a publication holds; raises OpeningError naming the file."""
    board = manifest.manifest.election_key.board
    for order in orders.valid:
        for trustee in () if board is None else board.trustees:
            path = folder / publication.answers_name(order.number, trustee.id)
            if path.exists():
                yield _read(path)


def _read(path: Path) -> AnswersFile:
    try:
        data = read_whole(path.resolve(), ANSWERS_MAX)
        if data is None:
            raise OpeningError(f"{path}: there is no such file: check the path")
        return AnswersFile(str(path), read_answers(data))
    except (UnreadableError, EvidenceError) as error:
        raise OpeningError(f"{path}: {error}: give what center trustee answer wrote") from error
