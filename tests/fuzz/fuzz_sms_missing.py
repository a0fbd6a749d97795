"""What claims to ask for missing parts: a typed error, or exactly what would be packed again."""

from crypto.sms_missing import MissingRequestError, pack, read

SEEDS = (bytes.fromhex("a22a0644"), bytes.fromhex("a2000901ff"))


def one_input(data: bytes) -> None:
    """The bytes of one short message."""
    try:
        request = read(data)
    except MissingRequestError:
        return
    assert 0 < len(request.missing) < request.total
    assert pack(request.reference, request.total, request.missing) == data
