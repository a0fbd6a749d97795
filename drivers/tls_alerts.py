"""Why a TLS server will not have us, in words (RFC 8446 §6)."""

from typing import Final

_OURS_REFUSED: Final = (
    "unknown ca",
    "bad certificate",
    "certificate expired",
    "certificate revoked",
    "access denied",
)


def alert_words(error: object) -> str:
    """What to do where the server will not have us: from TLS 1.3 on it says so after the handshake; else ``""``."""
    said = str(error).lower().replace("_", " ")
    if "certificate required" in said:
        return "the server asks for a certificate of ours: give certificate_file and key_file"
    if "handshake failure" in said:  # until TLS 1.2
        return "the server breaks the handshake off: it may ask for a certificate_file and key_file of ours"
    for alert in _OURS_REFUSED:
        if f"alert {alert}" in said:
            return f"the server refuses our certificate ({alert}): give one that its CA signed and that holds now"
    return ""
