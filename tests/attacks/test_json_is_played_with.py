"""Two readers of one envelope must never read two things: only one encoding of a statement is accepted."""

import json
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Final

import pytest

from crypto import canonical
from crypto.envelope import Envelope
from crypto.errors import EncodingError
from crypto.wire import DEPTH_MAX, ENVELOPE_MAX, STATEMENT_MAX, TYPE_ACCOUNT_SUBMISSION, TYPE_SEALED_TALLY
from tests.attacks.catalogue import attack
from tests.attacks.stage import Scene, payload_of, replaced, signed

BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
Change = Callable[[bytes], bytes]


def both_layers(scene: Scene, change: Change, reason: str) -> None:
    """The change is made to the envelope, and to the statement in it under a good signature of the device."""
    data = scene.device.tally()
    scene.refuses(change(data), EncodingError, reason)
    payload = change(payload_of(data))
    scene.refuses(signed(payload, TYPE_SEALED_TALLY, scene.device.key), EncodingError, reason)
    scene.admits(data)


def as_members(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(data)
    return value


@attack("duplicate key")
def test_key_that_stands_twice_means_two_things(scene: Scene) -> None:
    """The first reader takes the first value, the second the last."""

    def repeat(data: bytes) -> bytes:
        first = next(iter(as_members(data)))
        member = json.dumps({first: "another value"}, separators=(",", ":")).encode()[1:-1]
        return b"{" + member + b"," + data[1:]

    both_layers(scene, repeat, "an object repeats a key")


@attack("float")
@pytest.mark.parametrize("number", ["1.0", "1e0", "-0", "1E+2", "NaN", "Infinity"])
def test_number_that_is_no_integer(scene: Scene, number: str) -> None:
    data = scene.device.tally()
    payload = replaced(payload_of(data), b'"seq":1', b'"seq":' + number.encode())
    # -0 is an integer to Python, and 0 when it is written again.
    reason = "not RFC 8785 form" if number == "-0" else "only integers are accepted"
    scene.refuses(signed(payload, TYPE_SEALED_TALLY, scene.device.key), EncodingError, reason)
    scene.admits(data)


@attack("white space")
@pytest.mark.parametrize("change", [b'{ "', b'{\n"', b'{\t"'], ids=["space", "newline", "tab"])
def test_white_space_gives_one_statement_two_hashes(scene: Scene, change: bytes) -> None:
    both_layers(scene, lambda data: data.replace(b'{"', change, 1), "not RFC 8785 form")


@attack("key order")
def test_keys_in_another_order(scene: Scene) -> None:
    def reverse(data: bytes) -> bytes:
        members = dict(reversed(as_members(data).items()))
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()

    both_layers(scene, reverse, "keys are not in the order of their UTF-16 code units")


@attack("integer of 2^53 or more")
@pytest.mark.parametrize("number", [2**53, -(2**53), 2**64, 10**30])
def test_integer_that_some_readers_round(scene: Scene, number: int) -> None:
    data = scene.device.tally()
    payload = replaced(payload_of(data), b'"size":7', b'"size":%d' % number)
    scene.refuses(signed(payload, TYPE_SEALED_TALLY, scene.device.key), EncodingError, r"beyond 2\^53 - 1")
    scene.admits(data)


@attack("byte order mark")
def test_byte_order_mark(scene: Scene) -> None:
    both_layers(scene, lambda data: BOM + data, "not JSON")


@attack("trailing bytes")
@pytest.mark.parametrize("tail", [b"\n", b" ", b"\0", b"{}", BOM], ids=repr)
def test_bytes_after_the_end(scene: Scene, tail: bytes) -> None:
    both_layers(scene, lambda data: data + tail, "not RFC 8785 form|not JSON")


@attack("lone surrogate")
@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"'])
def test_half_a_character(scene: Scene, text: bytes) -> None:
    reason = "unpaired surrogate|not UTF-8"
    data = scene.device.tally()
    kind = b'"' + TYPE_SEALED_TALLY.encode() + b'"'
    scene.refuses(replaced(data, kind, text), EncodingError, reason)
    payload = replaced(payload_of(data), b'"first"', text)
    scene.refuses(signed(payload, TYPE_SEALED_TALLY, scene.device.key), EncodingError, reason)
    scene.admits(data)


@attack("base64 pad bits")
def test_unused_bits_of_base64_make_a_second_envelope(scene: Scene) -> None:
    """The same signature and the same ciphertext, as another text: it would have a leaf and a receipt of its own."""
    data = scene.device.tally()
    (signature,) = as_members(data)["signatures"]
    text: str = signature["sig"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:85] + alphabet[alphabet.index(text[85]) + 1] + "=="
    assert b64decode(other) == b64decode(text)
    scene.refuses(replaced(data, text.encode(), other.encode()), EncodingError, "not the one base64 form")
    payload = payload_of(data)
    enc: str = as_members(payload)["enc"]
    last = enc[:42] + alphabet[alphabet.index(enc[42]) + 1] + "="
    assert b64decode(last) == b64decode(enc)
    scene.refuses(
        signed(replaced(payload, enc.encode(), last.encode()), TYPE_SEALED_TALLY, scene.device.key),
        EncodingError,
        "not the one base64 form",
    )
    scene.admits(data)


@attack("oversize")
def test_envelope_or_statement_is_too_long_to_be_parsed(scene: Scene) -> None:
    data = scene.device.tally()
    scene.refuses(data + b" " * ENVELOPE_MAX, EncodingError, f"at most {ENVELOPE_MAX} are accepted")
    value = as_members(payload_of(data))
    value["supersedes"] = "0" * STATEMENT_MAX
    payload = canonical.encode(value)
    assert len(signed(payload, TYPE_SEALED_TALLY, scene.device.key)) < ENVELOPE_MAX
    scene.refuses(
        signed(payload, TYPE_SEALED_TALLY, scene.device.key),
        EncodingError,
        f"at most {STATEMENT_MAX} are accepted",
    )
    scene.admits(data)


@attack("too deep")
@pytest.mark.parametrize("depth", [DEPTH_MAX + 1, 30_000])
def test_nesting_that_ends_the_parser(scene: Scene, depth: int) -> None:
    data = scene.device.account()
    deep = b"[" * depth + b"]" * depth
    scene.refuses(deep, EncodingError, f"deeper than {DEPTH_MAX} levels")
    payload = replaced(payload_of(data), b'"findings":[]', b'"findings":' + deep)
    wrapped = signed(payload, TYPE_ACCOUNT_SUBMISSION, scene.device.key)
    too_long = len(payload) > STATEMENT_MAX
    assert len(wrapped) <= ENVELOPE_MAX
    reason = "are accepted here" if too_long else f"deeper than {DEPTH_MAX} levels"
    scene.refuses(wrapped, EncodingError, reason)
    scene.admits(data)


def test_control_envelope_is_what_it_seems(scene: Scene) -> None:
    """The device of this scene signs what the product reads: nothing above is refused for the scene's sake."""
    for data in (scene.device.account(), scene.device.tally()):
        again = Envelope.from_bytes(data)
        assert signed(again.payload, again.payload_type, scene.device.key) == data
        scene.admits(data)
