"""The search for leaked tallies finds them wherever they hide, and nothing where there is nothing."""

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from simulators.secrecy import LAYERS_MAX, told

SECRET = bytes(range(64, 128))
SECRETS = {"the signature": SECRET}


@given(
    before=st.binary(max_size=80),
    after=st.binary(max_size=80),
    layers=st.integers(0, LAYERS_MAX),
    frame=st.sampled_from([(b'{"payload":"', b'"}'), (b"", b""), (b"kit/v1/abc", b"AAAA"), (b"12/", b"\n")]),
)
def test_secret_under_layers_of_base64(
    before: bytes, after: bytes, layers: int, frame: tuple[bytes, bytes]
) -> None:
    blob = before + SECRET + after
    for _ in range(layers):
        blob = frame[0] + b64encode(blob) + frame[1]
    assert told([b"nothing", blob], SECRETS) == ["the signature"]


@given(st.lists(st.binary(max_size=400)))
def test_noise_that_looks_like_a_secret(blobs: list[bytes]) -> None:
    assert told([*blobs, SECRET[1:], b64encode(SECRET[:-1])], SECRETS) == []
