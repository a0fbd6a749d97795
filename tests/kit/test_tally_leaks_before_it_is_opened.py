"""The counts of a tally show up anywhere but inside the seal."""

import binascii
import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from crypto import canonical, envelope
from crypto.codec import from_bytes
from crypto.packing import pack
from crypto.statements import Tally
from crypto.wire import TYPE_TALLY
from drivers.ports import TerminalDone, TerminalEvent
from kit.effects import SealTally
from kit.facts import IncidentRecorded, TallyTaken
from simulators.devices.terminal_wire import Kind
from tests.kit.harness import TALLY_MS, TRUTH, TWO_TERMINALS, Branch, ListJournal
from tests.kit.staff import work_until

COUNTS = {
    str(number)
    for truth in TRUTH.values()
    for number in (*truth.votes.values(), truth.valid)
    if number != truth.ballots
}
"""Every number that only the tally tells, as it would be written."""


def layers(data: bytes) -> Iterator[bytes]:
    """The bytes, and whatever is wrapped in them as JSON or base64, down to the last."""
    yield data
    try:
        value = json.loads(data)
    except ValueError:
        return
    yield from unwrapped(value)


def unwrapped(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for item in value.values():
            yield from unwrapped(item)
    elif isinstance(value, list):
        for item in value:
            yield from unwrapped(item)
    elif isinstance(value, str):
        yield value.encode()
        try:
            yield from layers(b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            return


def secrets_of(branch: Branch) -> dict[str, bytes]:
    """What nobody may find: the counts in each of their forms, and what would confirm a guess of them."""
    found = {}
    for name, line in branch.lines.items():
        signed = line.model.durable["reports"][Kind.TALLY.name].encode()
        opened = envelope.Envelope.from_bytes(signed)
        tally = from_bytes(opened.payload, Tally)
        found[f"{name}: signed tally"] = signed
        found[f"{name}: payload"] = opened.payload
        found[f"{name}: votes"] = b'"votes":{"2":1201'
        found[f"{name}: packed counts"] = pack(tally, branch.election.loaded)
        found[f"{name}: terminal's signature"] = opened.signatures[0].sig
    for number, drawn in enumerate(branch.entropy_drawn):
        found[f"entropy {number}"] = drawn  # blinds and ephemeral keys
    return found


def test_secrets_are_looked_for_where_they_could_be_found() -> None:
    """A search that finds nothing must be able to find something."""
    branch = work_until(Branch(), "delivered")
    (seal,) = (effect for effect in branch.sealed if isinstance(effect, SealTally))
    assert any(b'"votes":{"2":1201' in layer for layer in layers(seal.tally))


def test_plaintext_is_journaled() -> None:
    branch = work_until(Branch(TWO_TERMINALS), "delivered")
    assert len(branch.entropy_drawn) == 4
    for row in branch.journal.rows:
        found = [
            name for layer in layers(row) for name, secret in secrets_of(branch).items() if secret in layer
        ]
        assert not found, row[:200]


def test_plaintext_is_published_or_shown() -> None:
    branch = work_until(Branch(TWO_TERMINALS), "delivered")
    said = [sent.data for sent in branch.published]
    said += [json.dumps(branch.station.status(branch.now)).encode()]
    said += [json.dumps(body).encode() for body in branch.replies.values()]
    for data in said:
        for layer in layers(data):
            assert not [name for name, secret in secrets_of(branch).items() if secret in layer]


def test_plaintext_is_logged_with_the_effect() -> None:
    branch = work_until(Branch(), "delivered")
    for effect in branch.sealed:
        assert "1201" not in repr(effect)
    (seal,) = (effect for effect in branch.sealed if isinstance(effect, SealTally))
    assert repr(seal).startswith("<kit.effects.SealTally object")


def test_plaintext_stays_in_memory_after_the_seal() -> None:
    branch = work_until(Branch(), "delivered")
    assert [unit.tally for unit in branch.station.day.state.active()] == [None]


def damaged_tallies() -> dict[str, Any]:
    """Ways to change the JSON of a tally so that it cannot be used; the terminal signs it all the same."""

    def votes(tally: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = tally["contests"]["council_party_list:1"]["votes"]
        return result

    return {
        "unknown candidate": lambda tally: votes(tally).update({"77": 4242}),
        "candidate missing": lambda tally: votes(tally).pop("5"),
        "count too big": lambda tally: votes(tally).update({"2": 16_777_216}),
        "negative count": lambda tally: votes(tally).update({"2": -1201}),
        "count as text": lambda tally: votes(tally).update({"2": "1201"}),
        "blank column missing": lambda tally: tally["contests"]["mayor:1"].update(blank=None),
        "contest missing": lambda tally: tally["contests"].pop("mayor:1"),
        "unknown field": lambda tally: tally.update(note="1201 votes for 2"),
        "other branch": lambda tally: tally.update(branch="branch-2"),
        "other close": lambda tally: tally.update(close_no=2),
        "beyond the seal's width": lambda tally: votes(tally).update({"2": 70_000}),
    }


@pytest.mark.parametrize("damage", damaged_tallies())
def test_complaint_about_a_tally_quotes_it(damage: str) -> None:
    branch = work_until(Branch(), "accounted")

    def alter(_: str, event: TerminalEvent) -> TerminalEvent:
        if not isinstance(event, TerminalDone) or event.action != "tally" or event.report is None:
            return event
        tally = json.loads(envelope.Envelope.from_bytes(event.report).payload)
        damaged_tallies()[damage](tally)
        key = branch.election.terminals["terminal-1-1"]
        report = envelope.sign(TYPE_TALLY, canonical.encode(tally), [key]).to_bytes()
        return TerminalDone("tally", event.close_no, report)

    branch.alter = alter
    branch.advance_to_wall(TALLY_MS + 30_000)
    (incident,) = branch.facts(IncidentRecorded)
    assert incident.code == "bad-report"
    for number in (*COUNTS, "4242", "70000"):
        assert number not in incident.detail
    assert not branch.facts(TallyTaken)


def test_journal_of_the_tests_forgets_facts() -> None:
    journal = ListJournal()
    fact = IncidentRecorded(at="2027-06-18T14:31:00.000Z", code="x", detail="y")
    journal.append([fact])
    assert (journal.facts, journal.checkpoint().size) == ([fact], 1)
