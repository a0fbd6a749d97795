"""Orders in the publication: each with its listing, and the trustees' answers to it. Written once, never changed."""

from collections.abc import Callable, Sequence
from pathlib import Path

from center.errors import OutputError, PublicationError
from center.files import UnreadableError, read_whole, sync_folder
from center.opening.listing import LISTING_MAX
from center.opening.logged import VerifiedLog
from center.opening.orders import orders_of
from center.opening.spread import Spread
from center.opening.threshold import AnswersFile, check_answers
from center.opening.trustee_answers import ANSWERS_MAX
from center.opening.types import Opening
from center.publication import layout as publication

_FOLDER_MODE = 0o755

Once = Callable[[str, bytes, int], bool]
"""Writes a file that never changes: name, content, greatest length; raises PublicationError when another is there."""


class OrderPublisher:
    """Publishes what belongs to the orders of one log into one folder."""

    def __init__(self, folder: Path, once: Once, log: VerifiedLog) -> None:
        self._folder = folder
        self._once = once
        self._log = log
        self._key = log.manifest.manifest.election_key
        self._orders = () if self._key.opening == "single-key" else orders_of(log).valid

    def publish(self, answers: Sequence[AnswersFile], opening: Opening | None, spread: Spread) -> None:
        """Write all orders that hold, and answers that are right.

        Raises PublicationError: for answers that are wrong or of no order, and for an opening whose orders are not in
        the log, or whose answers were not published.
        """
        checked = self._check(answers, spread)
        for order in self._orders:
            self._make_folder(publication.order_folder(order.number))
            self._once(publication.order_name(order.number), order.data, publication.ORDER_MAX)
            self._once(publication.listing_name(order.number), order.listing.to_bytes(), LISTING_MAX)
        for file in checked:
            name = publication.answers_name(file.answers.number, file.answers.trustee)
            self._once(name, file.answers.to_bytes(), ANSWERS_MAX)
        for order in self._orders:
            sync_folder(self._folder / publication.order_folder(order.number))
        if opening is not None:
            self._check_opening(opening)

    def _check(self, answers: Sequence[AnswersFile], spread: Spread) -> Sequence[AnswersFile]:
        if not answers:
            return ()
        if self._key.board is None:
            raise PublicationError(
                "no trustees hold the key of this election: there are no answers to publish"
            )
        wrong = check_answers(answers, self._orders, self._log, spread=spread).wrong
        if wrong:
            told = "; ".join(f"{one.name} ({one.trustee}): {one.problem}" for one in wrong)
            raise PublicationError(f"{told}: nothing wrong is published; get another file from this trustee")
        return answers

    def _check_opening(self, opening: Opening) -> None:
        logged = {order.number: order.sha256 for order in self._orders}
        for order in opening.orders:
            if logged.get(order.number) != order.sha256:
                raise PublicationError(
                    f"the opening follows order {order.number} ({order.sha256}), which is not in the published log: "
                    "open it anew"
                )
            for trustee in order.trustees:
                name = publication.answers_name(order.number, trustee)
                if self._is_missing(name):
                    raise PublicationError(
                        f"the opening is made with answers that are not published ({name}): give them too "
                        "(--answers), or nobody could check it"
                    )

    def _is_missing(self, name: str) -> bool:
        try:
            return read_whole(self._folder / name, ANSWERS_MAX) is None
        except UnreadableError as error:
            raise PublicationError(
                f"{self._folder / name}: {error}: it was not published like this"
            ) from error

    def _make_folder(self, name: str) -> None:
        try:
            (self._folder / name).mkdir(mode=_FOLDER_MODE, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self._folder / name}: cannot be made ({error.strerror}): choose another place"
            ) from error
