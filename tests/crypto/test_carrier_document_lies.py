"""docs/compact-carrier.md against the code: every size, table and example in it, and a second decoder from it alone."""

import base64
import inspect
import json
import re
from typing import Any

import pytest

from crypto import carrier, sms
from crypto.carrier import from_compact, to_compact
from tests.crypto import carrier_example
from tests.crypto.carrier_world import outer, results_of, sealed, world

TEXT = carrier_example.PAGE.read_text(encoding="utf-8")
ELECTION = carrier_example.election()
ENVELOPES = dict(zip(("sealed tally", "ballot account"), carrier_example.envelopes(ELECTION), strict=True))
BOTH = pytest.mark.parametrize("name", ENVELOPES)


def table(before: str) -> list[list[str]]:
    """The rows of the first table after this text, cells stripped, head left out."""
    rows: list[list[str]] = []
    for line in TEXT[TEXT.index(before) :].splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]


def fields(name: str) -> dict[str, bytes]:
    """The fields of an example carrier, cut by offset and length as the page says."""
    data = to_compact(ENVELOPES[name], ELECTION.loaded)
    return {
        field: data[int(at) : int(at) + int(size)]
        for at, size, field, _ in table(f"<!-- example: {name} -->")
    }


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def statement(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Payload and signature of the envelope, read as plain JSON."""
    document = json.loads(ENVELOPES[name])
    return json.loads(base64.b64decode(document["payload"])), document["signatures"][0]


def test_the_example_is_not_what_the_code_makes() -> None:
    assert carrier_example.written(TEXT) == TEXT, "run python -m tests.crypto.carrier_example"


@BOTH
def test_the_example_comes_back(name: str) -> None:
    packed = to_compact(ENVELOPES[name], ELECTION.loaded)
    assert from_compact(packed, ELECTION.loaded) == ENVELOPES[name]
    assert b"".join(fields(name).values()) == packed


@BOTH
def test_the_header_holds_what_the_page_says(name: str) -> None:
    said, (stated, signature) = fields(name), statement(name)
    branch = ELECTION.manifest.branches[number(said["branch"])]
    assert branch.id == stated["branch"] == "branch-2"
    assert branch.all_devices[said["device"][0]] == stated["device"] == "standby-device-2-1"
    assert branch.all_terminals[said["flags"][0] & 7] == stated["terminal"]
    assert stated["manifest_sha256"].startswith(said["manifest"].hex())
    assert number(said["close_no"]) == stated["close_no"]
    assert number(said["seq"]) == stated["seq"]
    assert number(said["journal size"]) == stated["journal"]["size"]
    assert said["journal root"].hex() == stated["journal"]["root"]
    assert (said["flags"][0] >> 7 == 1) == (stated["prev"] is not None)
    assert said["flags"][0] >> 6 & 1 == 0
    causes = {int(code): word for code, word in table("| cause | word |")}
    assert causes[said["flags"][0] >> 3 & 7] == stated["cause"] == "replacement-kit"
    assert stated["supersedes"] is None
    assert said["signature of the device"] == base64.b64decode(signature["sig"])


@BOTH
def test_the_tables_of_header_and_examples_disagree(name: str) -> None:
    header = [(at, size, field) for at, size, field, _ in table("## Header")]
    example = [(at, size, field) for at, size, field, _ in table(f"<!-- example: {name} -->")]
    assert header[1:] == example[1 : len(header)]
    assert header[0][:2] == example[0][:2]
    assert sum(int(size) for _, size, _ in header) == carrier._HEAD.size


def test_the_sealed_tally_holds_what_the_page_says() -> None:
    said, (stated, _) = fields("sealed tally"), statement("sealed tally")
    assert said["version 2, kind 1"] == b"\x21"
    assert said["prev"].hex() == stated["prev"]
    assert said["inner_sha256"].hex() == stated["inner_sha256"]
    assert said["enc"] == base64.b64decode(stated["enc"])
    assert said["enc_proof"] == base64.b64decode(stated["enc_proof"])
    assert said["ciphertext"] == base64.b64decode(stated["ciphertext"])


def test_the_account_holds_what_the_page_says() -> None:
    said, (stated, _) = fields("ballot account"), statement("ballot account")
    assert said["version 2, kind 2"] == b"\x22"
    inner = json.loads(base64.b64decode(stated["account"]))
    account = json.loads(base64.b64decode(inner["payload"]))
    contests = ELECTION.manifest.ballot_styles[0].contests
    for index, contest in enumerate(contests):
        assert number(said[f"ballots of contest {index}"]) == account["ballots"][contest]
        assert number(said[f"voters signed in of contest {index}"]) == stated["voters_signed_in"][contest]
    assert (account["ballots"]["mayor:1"], stated["voters_signed_in"]["mayor:1"]) == (810, 811)
    assert number(said["public counter"]) == account["public_counter"]
    assert number(said["findings"]) == len(stated["findings"]) == 1
    (finding,) = stated["findings"]
    codes = {int(code): word for code, word in table("| code | finding |")}
    what, place = said["finding 0"]
    assert (codes[what & 0x7F], what >> 7) == (finding["code"], 0)
    assert contests[place - 1] == finding["contest"] == "mayor:1"
    assert said["signature of the terminal"] == base64.b64decode(inner["signatures"][0]["sig"])


def test_codes_of_causes_and_findings_differ() -> None:
    assert table("| cause | word |") == [[str(code), word] for code, word in enumerate(carrier._CAUSES)]
    assert table("| code | finding |") == [[str(code), word] for code, word in enumerate(carrier._CODES)]


@pytest.mark.parametrize("row", table("## Sizes"), ids=lambda row: row[0])
def test_a_size_is_not_what_the_code_needs(row: list[str]) -> None:
    found = re.match(r"sealed tally, (\d) contests? of (\d+) candidates( and blank)?", row[0])
    assert found is not None
    election = world(int(found[1]), int(found[2]), int(row[1]), blank=found[3] is not None)
    tally = election.tally("branch-1", results=results_of(election, 1))
    packed = to_compact(sealed(election, outer(election, prev="5e" * 32), tally), election.loaded)
    assert [str(len(packed)), str(len(sms.split(packed, reference=0)))] == row[2:]


def test_the_formulas_give_other_lengths() -> None:
    sealed_, account = (len(to_compact(data, ELECTION.loaded)) for data in ENVELOPES.values())
    field_count = (3 + 3) + (2 + 1 + 3) + 1
    ciphertext = 8 + -(-field_count * 16 // 8) + 32 + 64 + 64 + 16
    hashes = "32 x (prev there) + 32 x (supersedes there)"
    assert f"sealed tally   = 234 + {hashes} + ciphertext\n" in TEXT
    assert "ciphertext     = 8 + ceil(fields x count_bits / 8) + 32 + 64 + 64 + 16\n" in TEXT
    assert f"ballot account = 191 + {hashes} + 6 x contests + 2 x findings\n" in TEXT
    assert sealed_ == 234 + 32 + ciphertext
    assert account == 191 + 6 * 2 + 2 * 1


def test_limits_and_errors_of_messages_differ() -> None:
    assert f"{sms.PARTS_HELD_MAX} parts, {sms.SENDER_MESSAGES_MAX} messages of one sender" in TEXT
    assert sms.PART_OCTETS == 134
    errors = {
        name for name, one in inspect.getmembers(sms, inspect.isclass) if issubclass(one, sms.PartError)
    }
    assert {row[0].strip("`") for row in table("| error | when |")} == errors - {"PartError"}
