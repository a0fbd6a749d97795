"""What goes out on removable media: the sealed envelopes that a release covers, verbatim, and their receipts.

Nothing in it is secret: the same bytes go over the uplinks. The release is ordered because a stick that leaves the
branch is an act that people must be able to account for.
"""

from typing import Any

from kit.day.day_state import DayState


def released(state: DayState) -> dict[str, Any]:
    """The evidence of the last release, as plain JSON."""
    serial, seqs = state.released
    return {
        "released_by_order": serial,
        "envelopes": [
            {
                "seq": seq,
                "kind": state.sealed[seq].kind,
                "terminal": state.sealed[seq].terminal,
                "close_no": state.sealed[seq].close_no,
                "sha256": state.sealed[seq].sha256,
                "envelope": state.sealed[seq].envelope,
            }
            for seq in seqs
        ],
        "receipts": [
            {
                "seq": seq,
                "grade": state.receipts[seq].grade,
                "delivered": state.receipts[seq].delivered,
                "receipt": state.receipts[seq].receipt,
            }
            for seq in seqs
            if seq in state.receipts
        ],
        "unreleased": [
            seq
            for seq in state.sealed
            if seq not in seqs and not (seq in state.receipts and state.receipts[seq].delivered)
        ],
        "replaced": [
            {"at": fact.at, "terminal": fact.terminal, "standby": fact.standby, "reason": fact.reason}
            for fact in state.replaced
        ],
    }
