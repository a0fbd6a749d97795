"""From a terminal's signed report to facts: signatures and names are checked, numbers are recorded as they are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Literal

from crypto.codec import b64
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.packing import pack
from crypto.reconcile import reconcile_account, reconcile_tally
from crypto.reports import check_report
from crypto.statements import BallotAccount, Finding, Tally, ZeroReport
from kit.day.units import Unit
from kit.facts import AccountTaken, TallyTaken, ZeroProved


class ReportReader:
    """Reads the reports of one branch's terminals."""

    def __init__(self, manifest: TrustedManifest, branch: str) -> None:
        self._manifest, self._branch = manifest, branch
        # Several terminals share one poll book: comparing each with the whole of it would find what is not there.
        # The centre compares their sum, and so does ``poll_book``.
        self._own_poll_book = len(manifest.branch(branch).terminals) == 1

    def zero(self, unit: Unit, data: bytes, at: str) -> ZeroProved:
        """A zero report; raises EvidenceError when anything in it is not zero, or not this terminal's."""
        self._checked(unit, data, "zero")
        return ZeroProved(
            at=at,
            terminal=unit.terminal,
            report_sha256=sha256(data).hexdigest(),
            report=b64(data),
            firmware_sha256=unit.identity.firmware_sha256 if unit.identity else None,
        )

    def account(self, unit: Unit, data: bytes, voters: dict[str, int], at: str) -> AccountTaken:
        """A ballot account with its findings; raises EvidenceError."""
        report = self._checked(unit, data, "account")
        assert isinstance(report, BallotAccount)  # noqa: S101 - what the kind promises
        return AccountTaken(
            at=at,
            terminal=unit.terminal,
            close_no=report.close_no,
            account=b64(data),
            findings=reconcile_account(report, voters if self._own_poll_book else {}),
        )

    def poll_book(self, units: Iterable[Unit], voters: Mapping[str, int]) -> list[tuple[str, str]]:
        """Where several terminals share one poll book: what their ballots together say of it, as code and sentence.

        The findings of record are the centre's; these are for the people in the branch, on the same evening.
        """
        if self._own_poll_book:
            return []
        ballots: Counter[str] = Counter()
        counted = [unit for unit in units if unit.account is not None]
        for unit in counted:
            report = check_report(
                unit.account or b"",
                self._manifest,
                branch=self._branch,
                terminal=unit.terminal,
                kind="account",
            )
            ballots.update(report.ballots)
        return [
            (
                "more-counted-than-signed-in" if ballots[contest] > signed_in else "signed-in-differs",
                f"{contest}: {ballots[contest]} ballots at {len(counted)} terminals, {signed_in} voters signed in",
            )
            for contest, signed_in in sorted(voters.items())
            if ballots[contest] != signed_in
        ]

    def tally(self, unit: Unit, data: bytes, voters: dict[str, int], at: str) -> TallyTaken:
        """A tally with the findings that its account did not show; raises EvidenceError, also if it cannot be sealed.

        The hash is over the signed envelope: without the signature it tells nobody what the numbers are.
        """
        digest = sha256(data).hexdigest()
        if unit.tally_sha256 not in (None, digest):
            raise EvidenceError("the terminal gave other bytes for its tally than before")
        report = self._checked(unit, data, "tally")
        account = self._checked(unit, unit.account or b"", "account")
        assert isinstance(report, Tally)  # noqa: S101 - what the kind promises
        assert isinstance(account, BallotAccount)  # noqa: S101 - what the kind promises
        pack(report, self._manifest)  # or the sealer would fail with it, in every life anew
        findings: list[Finding] = [
            finding
            for finding in reconcile_tally(report, account, voters if self._own_poll_book else {})
            if finding not in unit.account_findings
        ]
        return TallyTaken(
            at=at,
            terminal=unit.terminal,
            close_no=report.close_no,
            report_sha256=digest,
            findings=tuple(findings),
        )

    def _checked(
        self, unit: Unit, data: bytes, kind: Literal["zero", "account", "tally"]
    ) -> ZeroReport | BallotAccount | Tally:
        report = check_report(data, self._manifest, branch=self._branch, terminal=unit.terminal, kind=kind)
        if not isinstance(report, ZeroReport) and report.close_no != unit.close_no:
            raise EvidenceError(
                f"the report is of close {report.close_no}, the poll was closed as {unit.close_no}"
            )
        return report
