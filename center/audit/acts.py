"""The acts of a published log, held against what stood in it when they were logged: as the centre had to judge them."""

from center.intake.act_admission import ActKind, LoggedAct, fit
from center.intake.admission import unit_name
from crypto import merkle
from crypto.acts import CheckedAct
from crypto.manifest import TrustedManifest
from crypto.statements import AccountSubmission, SealedTally


class ActReplay:
    """Goes through the leaves in their order. ``tree`` is over as many of them, at least, as were given here."""

    def __init__(self, manifest: TrustedManifest, tree: merkle.Tree) -> None:
        self._manifest = manifest
        self._tree = tree
        self._leaves = 0
        self._tallies: dict[str, str] = {}
        self._acts: dict[tuple[ActKind, str | None], LoggedAct] = {}

    def skip(self) -> None:
        """The next leaf is neither envelope nor act."""
        self._leaves += 1

    def envelope(self, sha256: str, statement: AccountSubmission | SealedTally) -> None:
        """The next leaf is this envelope."""
        self._leaves += 1
        if isinstance(statement, SealedTally):
            place = (statement.election, statement.round, statement.branch, statement.terminal)
            self._tallies[sha256] = unit_name(*place, statement.close_no)

    def act(self, checked: CheckedAct) -> None:
        """The next leaf is this act; raises EvidenceError when it should not have been logged here."""
        act = checked.statement
        logged = LoggedAct(act.number, checked.sha256, checked.data, self._leaves)
        self._leaves += 1
        try:
            subject = fit(act, self._manifest, self)
        finally:
            # What follows is held against what is there, or one fault would be told of every later act.
            self._acts[act.type, None] = logged
        self._acts[act.type, subject] = logged

    def last_act(self, kind: ActKind, subject: str | None = None) -> LoggedAct | None:
        """As act_admission.LoggedActs."""
        return self._acts.get((kind, subject))

    def tally_unit(self, sha256: str) -> str | None:
        """As act_admission.LoggedActs."""
        return self._tallies.get(sha256)

    def root_at(self, size: int) -> str | None:
        """As act_admission.LogSoFar: an act says nothing of leaves after it."""
        return self._tree.root(size).hex() if size < self._leaves else None
