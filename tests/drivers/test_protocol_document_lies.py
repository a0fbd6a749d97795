"""docs/terminal-protocol.md against the driver and against a second encoder: every example, number and table in it."""

import hashlib
import re
import zlib
from pathlib import Path

import pytest
from terminal_far_end import crc32, stuff, unstuff, wire

from drivers.ports import TerminalIdentity, TerminalStatus
from drivers.terminal import messages
from drivers.terminal.dialogue import CHUNK_MIN, RETRY_MS, TIMEOUT_MS, TRIES_MAX
from drivers.terminal.frames import (
    FRAME_MAX,
    ID_MAX,
    PAYLOAD_MAX,
    VERSION,
    Decoder,
    Frame,
    cobs_encode,
    encode,
)

TEXT = (Path(__file__).parents[2] / "docs" / "terminal-protocol.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```frame\nbody (.*)\ncrc  (\w+) -> (.*)\nline (.*)\n```", TEXT)


def table(heading: str) -> list[list[str]]:
    """The rows under the first table head that begins with this text, cells stripped."""
    lines = TEXT.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading}"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [rows[0], *rows[2:]]


def payload_of(name: str) -> list[str]:
    return next(row for row in table("kind | request") if row[1] == name)


def test_examples_are_there() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize(("body", "crc", "crc_bytes", "line"), EXAMPLES)
def test_example_is_not_what_the_codec_makes(body: str, crc: str, crc_bytes: str, line: str) -> None:
    plain, sent = bytes.fromhex(body), bytes.fromhex(line)
    assert plain[0] == VERSION
    frame = Frame(plain[1], plain[2], plain[3:])
    assert encode(frame) == wire(frame.kind, frame.id, frame.payload) == sent
    assert Decoder().feed(sent) == [frame]
    assert f"{crc32(plain):08x}" == f"{zlib.crc32(plain):08x}" == crc
    assert bytes.fromhex(crc_bytes) == int(crc, 16).to_bytes(4, "little")


def test_examples_say_what_their_sentences_say() -> None:
    said = [bytes.fromhex(body) for body, *_ in EXAMPLES]
    assert (said[0][1], said[0][2], said[0][3:]) == (messages.HELLO, 42, messages.hello(0x00C0FFEE))
    firmware, definition = (hashlib.sha256(name).hexdigest() for name in (b"firmware", b"definition"))
    assert messages.parse_hello(said[1][3:]) == TerminalIdentity(
        "T-1", "3.2", 0x5EED0001, definition, firmware
    )
    status = messages.parse_status(said[2][3:])
    assert (status.boot_id, said[2][2]) == (0x5EED0001, 43)
    assert status.status == TerminalStatus("open", 0, 312, cover_open=True, tampered=False)
    assert (said[3][1], said[3][2], said[3][3:]) == (messages.ACTIONS["open"], 44, messages.address("T-1"))
    assert (messages.parse_refusal(said[4][3:], messages.ACTIONS["tally"]), said[4][2]) == ("too-early", 45)
    assert (said[5][2], said[5][3:]) == (46, messages.read(messages.ACTIONS["tally"], 1019, 1019))


def test_switches_are_other_bits_than_written() -> None:
    answer = bytes(7) + b"%c" + bytes(4)
    told = [messages.parse_status(answer % bits).status for bits in (0, 1, 2, 3)]
    assert [(one.cover_open, one.tampered) for one in told] == [
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    ]
    assert "bit 0 (0x01): the cover is open" in TEXT
    assert "Bit 1 (0x02): tampered" in TEXT


def test_crc_parameters_do_not_give_the_check_value() -> None:
    parameters = {row[0].split()[0]: row[1] for row in table("parameter")}
    assert parameters == {
        "parameter": "value",
        "width": "32",
        "poly": "0x04C11DB7",
        "init": "0xFFFFFFFF",
        "refin": "true",
        "refout": "true",
        "xorout": "0xFFFFFFFF",
        "check": "0xCBF43926",
    }
    register = 0xFFFFFFFF  # straight from the parameters, bits reflected by hand
    for byte in b"123456789":
        for bit in range(8):
            top = (register >> 31) ^ (byte >> bit & 1)
            register = (register << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if top else 0)
    assert int(f"{register:032b}"[::-1], 2) ^ 0xFFFFFFFF == 0xCBF43926 == zlib.crc32(b"123456789")


@pytest.mark.parametrize(("data", "line"), table("data")[1:])
def test_cobs_example(data: str, line: str) -> None:
    plain = bytes.fromhex(data.strip("`").replace("(nothing)", ""))
    stuffed = bytes.fromhex(line.strip("`"))
    assert cobs_encode(plain) == stuff(plain) == stuffed
    assert unstuff(stuffed) == plain


def test_kinds_differ_from_the_code() -> None:
    rows = {int(row[0], 16): row[1] for row in table("kind | request")[1:]}
    assert rows == messages.NAMES | {messages.REFUSAL: "(refusal)"}


def test_payload_layouts_differ_from_the_code() -> None:
    sizes = {"u8": 1, "u16": 2, "u32": 4, "32 bytes": 32}

    def size(cell: str) -> int:
        return sum(sizes[found] for found in re.findall(r"u8|u16|u32|32 bytes", cell))

    assert size(payload_of("HELLO")[2]) == len(messages.hello(0))
    assert payload_of("HELLO")[3].count("string") == 2
    sums = b"\1T\1F".ljust(
        size(payload_of("HELLO")[3]), b"\0"
    )  # 4 bytes of boot id take the place of the strings
    assert messages.parse_hello(bytes(4) + sums).terminal_id == "T"
    for kind in messages.ACTIONS.values():
        assert payload_of(messages.NAMES[kind])[2] == "terminal_id string"
    assert size(payload_of("READ")[2]) == len(messages.read(0x11, 0, 1))
    assert PAYLOAD_MAX - size(payload_of("READ")[3]) == messages.CHUNK_MAX
    assert messages.parse_status(bytes(size(payload_of("STATUS")[3]))).boot_id == 0
    assert size(payload_of("SELF_TEST")[3]) == 1
    for name in ("ZERO", "ACCOUNT", "TALLY"):
        assert messages.parse_report(b"\x05\0\x01\0\0".ljust(size(payload_of(name)[3]), b"\0")).close_no == 5
    for name in ("OPEN", "SUSPEND", "RESUME", "CLOSE"):
        assert messages.parse_close_no(bytes(size(payload_of(name)[3]))) == 0


def test_phases_differ_from_the_code() -> None:
    rows = table("number | phase")[1:]
    assert rows == [[str(number), phase] for number, phase in enumerate(messages.PHASES)]


def test_phase_table_leaves_a_case_out() -> None:
    head, *rows = table("request | idle")
    assert head[1:] == list(messages.PHASES)
    assert [row[0] for row in rows] == list(dict(sorted(messages.NAMES.items())).values())
    assert all(len(row) == len(head) and set(row[1:]) <= {*messages.PHASES, "."} for row in rows)
    for action in ("HELLO", "STATUS", "SELF_TEST", "READ"):
        assert next(row for row in rows if row[0] == action)[1:] == list(messages.PHASES)


def test_repeating_a_request_in_the_phase_it_led_to_would_be_refused() -> None:
    head, *rows = table("request | idle")
    for request, *cells in rows:
        for after in set(cells) - {"."}:
            assert cells[head[1:].index(after)] == after, f"{request} is not repeatable in {after}"


def test_refusals_differ_from_the_code() -> None:
    rows = table("number | reason")[1:]
    assert [(row[0], row[1]) for row in rows] == [
        (str(n), reason) for n, reason in enumerate(messages.REASONS, 1)
    ]


def test_limits_and_times_differ_from_the_code() -> None:
    limits = {row[0]: int(row[1]) for row in table("what | value")[1:]}
    assert list(limits.values()) == [
        PAYLOAD_MAX,
        FRAME_MAX,
        messages.CHUNK_MAX,
        messages.REPORT_MAX,
        ID_MAX,
        TRIES_MAX,
    ]
    assert [int(row[1]) for row in table("what | ms")[1:]] == [TIMEOUT_MS, RETRY_MS]
    assert f"1 to {messages.REPORT_MAX} bytes" in TEXT
    assert f"tried {TRIES_MAX} times" in TEXT
    assert f"down to {CHUNK_MIN}:" in TEXT
    assert f"# Terminal protocol, version {VERSION}\n" in TEXT
    assert f"`version` is {VERSION}." in TEXT
