"""An envelope as the journal knows it, for cores that never look into one."""

from crypto import rfc3339
from crypto.codec import b64
from kit.facts import EnvelopeSealed


def sealed(wall_ms: int) -> EnvelopeSealed:
    return EnvelopeSealed(
        at=rfc3339.to_text(wall_ms),
        kind="account",
        terminal="terminal-1-1",
        close_no=1,
        seq=1,
        sha256="00" * 32,
        envelope=b64(b"envelope"),
    )
