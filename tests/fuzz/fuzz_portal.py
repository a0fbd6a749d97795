"""What a captive portal may say instead of nothing: a short sentence of plain letters."""

from kit.uplinks.portal import judge

SEEDS = (
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n",
)


def one_input(data: bytes) -> None:
    """The head of an answer."""
    words = judge(data)
    assert len(words) <= 160
    assert words.isascii()
    assert words == "" or words.isprintable()
