"""The worked example of docs/compact-carrier.md, made anew.

    python -m tests.crypto.carrier_example

writes the tables into the page again: when the test election has changed, or the layout.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from crypto.carrier import to_compact
from crypto.sms import split
from crypto.statements import Finding
from tests.crypto.carrier_world import HASH, account, outer, sealed
from tests.crypto.election_fixture import Election, make_election

PAGE = Path(__file__).parents[2] / "docs" / "compact-carrier.md"

SEALED_FIELDS = (
    ("version 2, kind 1", 1),
    ("manifest", 4),
    ("device", 1),
    ("branch", 3),
    ("flags", 1),
    ("close_no", 4),
    ("seq", 4),
    ("journal size", 8),
    ("journal root", 32),
    ("prev", 32),
    ("inner_sha256", 32),
    ("enc", 32),
    ("enc_proof", 48),
    ("ciphertext", 210),
    ("signature of the device", 64),
)
ACCOUNT_FIELDS = (
    ("version 2, kind 2", 1),
    *SEALED_FIELDS[1:9],
    ("ballots of contest 0", 3),
    ("voters signed in of contest 0", 3),
    ("ballots of contest 1", 3),
    ("voters signed in of contest 1", 3),
    ("public counter", 3),
    ("findings", 2),
    ("finding 0", 2),
    ("signature of the terminal", 64),
    ("signature of the device", 64),
)
FINDING = Finding(grade="note", code="signed-in-differs", contest="mayor:1")


def election() -> Election:
    return make_election(standbys=1)


def envelopes(election_: Election) -> tuple[bytes, bytes]:
    """A sealed tally, second envelope of a standby kit at branch 2; the ballot account before it, its first."""
    kit: dict[str, Any] = {"device": "standby-device-2-1", "cause": "replacement-kit"}
    return (
        sealed(election_, outer(election_, "branch-2", seq=2, prev=HASH, **kit)),
        account(
            election_,
            outer(election_, "branch-2", **kit),
            voters_signed_in={"council_party_list:1": 814, "mayor:1": 811},
            findings=(FINDING,),
        ),
    )


def rows(data: bytes, fields: Sequence[tuple[str, int]]) -> Iterator[str]:
    """The lines of a table: each field of ``data`` in turn, long ones with their middle left out."""
    at = 0
    for name, size in fields:
        text = data[at : at + size].hex()
        shown = text if size <= 8 else f"{text[:8]}...{text[-8:]}"
        yield f"| {at} | {size} | {name} | `{shown}` |"
        at += size
    assert at == len(data), "the fields above are not those of the layout"


def tables() -> dict[str, list[str]]:
    """The lines of each table of the page, by the name that stands above it there."""
    election_ = election()
    tally, report = (to_compact(data, election_.loaded) for data in envelopes(election_))
    messages = split(tally, reference=42)
    return {
        "sealed tally": list(rows(tally, SEALED_FIELDS)),
        "ballot account": list(rows(report, ACCOUNT_FIELDS)),
        "messages": [
            f"| {number} | `{part[:6].hex(' ')}` | {len(part) - 6} | {len(part)} |"
            for number, part in enumerate(messages, 1)
        ],
    }


def written(page: str) -> str:
    """The page with its example tables made anew: the rows after each head that follows a marker."""
    for name, lines in tables().items():
        found = re.search(rf"<!-- example: {name} -->\n+\|.*\n\|[-|]+\n((?:\|.*\n)*)", page)
        assert found, f"no table {name!r} in the page"
        page = page[: found.start(1)] + "".join(f"{line}\n" for line in lines) + page[found.end(1) :]
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
