"""A manifest that somebody hands in over the control socket, in parts: it may be longer than one request."""

from typing import Any, Final

from crypto.codec import unb64
from crypto.errors import EncodingError
from crypto.wire import ENVELOPE_MAX, MANIFEST_MAX
from kit import exit_codes

PART_MAX: Final = ENVELOPE_MAX  # bytes of the file in one request


class ManifestParts:
    """At most one manifest at a time, of ``MANIFEST_MAX`` bytes; whoever begins another one forgets it."""

    def __init__(self) -> None:
        self._data = bytearray()

    def take(self, request: dict[str, Any]) -> bytes | dict[str, Any]:
        """Take one part: ``envelope`` (base64) from ``offset`` on, of ``total`` bytes.

        Returns the whole manifest once it is there, else what to answer.
        """
        match request:
            case {"envelope": str(text), "offset": int(offset), "total": int(total)}:
                pass
            case _:
                return _no("a part of a manifest needs envelope, offset and total", exit_codes.USAGE)
        try:
            part = unb64(text)
        except EncodingError as error:
            return _no(f"the part is not base64: {error}", exit_codes.DATA)
        if offset == 0:
            self._data.clear()
        if offset != len(self._data) or len(self._data) + len(part) > min(total, MANIFEST_MAX):
            self._data.clear()
            return _no("the parts do not fit together: hand the manifest in again", exit_codes.DATA)
        self._data += part
        if len(self._data) < total:
            return {"ok": True, "taken": len(self._data)}
        whole = bytes(self._data)
        self._data.clear()
        return whole


def _no(error: str, code: int) -> dict[str, Any]:
    return {"ok": False, "error": error, "code": code}
